from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.faces.store import faces_path, load_faces
from base_models.scoring.crops import (
    Crops,
    draw_epoch,
    generator,
    index_crops,
    one_ahead,
    resize,
    split_batches,
)
from predictions.errors import InputError


def test_the_index_knows_every_crop(
    tmp_path: Path, make_videos: Callable, make_faces: Callable
) -> None:
    videos = make_videos(tmp_path)["video"].tolist()
    index = index_crops(videos, tmp_path)
    counts = np.bincount(index.video, minlength=len(videos))
    assert counts.tolist() == [4, 4, 4, 8, 4, 4, 4, 4, 0]
    faces = load_faces(faces_path(tmp_path, videos[3]))
    mine = index.video == 3
    assert (index.frame[mine] == faces.frame).all()
    assert (index.face[mine] == faces.track).all()
    before = index.digest([0, 1])
    assert before == index.digest([0, 1])
    make_faces(tmp_path, videos[1], fake=False)  # other pixels, same frames
    assert index_crops(videos, tmp_path).digest([0, 1]) != before
    with pytest.raises(InputError, match="no file of faces"):
        index_crops(["absent.mp4"], tmp_path)


@pytest.mark.parametrize("size", [48, 32, 64])
@pytest.mark.parametrize("threads", [1, 3])
def test_kept_and_decoded_crops_are_the_same(
    tmp_path: Path, make_videos: Callable, size: int, threads: int
) -> None:
    videos = make_videos(tmp_path)["video"].tolist()
    index = index_crops(videos, tmp_path)
    rows = np.random.default_rng(0).permutation(len(index))[:20]
    kept, fresh = (
        Crops(index, tmp_path, size, cache_bytes=room, threads=threads).read(rows)
        for room in (1e9, 0)
    )
    assert kept.shape == (20, size, size, 3)
    assert (kept == fresh).all()
    row = int(rows[7])
    faces = load_faces(faces_path(tmp_path, videos[index.video[row]]))
    assert (kept[7] == resize(faces.decode([index.place[row]]), size)[0]).all()


@given(
    counts=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    frames=st.one_of(st.none(), st.integers(1, 6)),
    epoch=st.integers(0, 3),
)
def test_an_epoch_draws_fairly_and_repeats(counts: list, frames: int | None, epoch: int) -> None:
    video = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    rows = draw_epoch(video, frames, generator(1, 2, epoch))
    assert len(np.unique(rows)) == len(rows)
    wanted = [c if frames is None else min(c, frames) for c in counts]
    assert np.bincount(video[rows], minlength=len(counts)).tolist() == wanted
    assert (rows == draw_epoch(video, frames, generator(1, 2, epoch))).all()


def test_epochs_and_folds_differ() -> None:
    video = np.repeat(np.arange(10, dtype=np.int32), 8)
    orders = {
        draw_epoch(video, 3, generator(*key)).tobytes()
        for key in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    }
    assert len(orders) == 4


@given(n=st.integers(0, 200), batch=st.integers(4, 40))
def test_batches_are_whole_and_even(n: int, batch: int) -> None:
    parts = split_batches(np.arange(n), batch)
    assert np.concatenate([np.empty(0, int), *parts]).tolist() == list(range(n))
    sizes = [len(part) for part in parts]
    assert len(sizes) == -(-n // batch)
    assert not sizes or (max(sizes) <= batch and max(sizes) - min(sizes) <= 1)
    assert n < 2 or min(sizes) >= 2


def test_one_ahead_keeps_the_order_and_passes_errors_on() -> None:
    assert list(one_ahead(lambda n: n * n, range(5))) == [0, 1, 4, 9, 16]
    assert list(one_ahead(str, [])) == []
    with pytest.raises(ZeroDivisionError):
        list(one_ahead(lambda n: 1 // n, [1, 0, 1]))
