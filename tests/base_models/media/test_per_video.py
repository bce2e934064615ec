"""One file a video: keys, checksums, resuming, and what is left of other videos."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from base_models.compute.per_video import VideoStore, keep_only, video_path, work_on_videos
from base_models.datasets import Dataset
from base_models.faces.extract import extract_faces
from base_models.faces.import_crops import import_crops
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, Faces, load_faces, write_faces
from base_models.sequences.store import EMBEDDINGS, Embeddings, load_embeddings
from base_models.sound.extract import extract_sound
from base_models.sound.settings import SoundSettings
from base_models.sound.store import SOUND
from predictions.errors import InputError
from predictions.file_names import temporary_ending
from predictions.products import media_identity

#: The temporary file of a process that is no more: a number that none has.
LEFT_BEHIND = f".b.parquet.{temporary_ending(2**30)}"


SETTINGS = FaceSettings(frames=2, size=64, min_face=0.2, ladder=False)


def _pack(text: str) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    return {"letter": pa.array(list(text))}, {"status": "ok", "length": len(text)}


def _unpack(table: pa.Table, _facts: Mapping[str, Any]) -> str:
    return "".join(table["letter"].to_pylist())


TEXTS = VideoStore("texts", _pack, _unpack, made_by="fakeodds faces")


def _read_text(log: Path, source: Path) -> str:
    """The work on a video that is a text; it notes what it was called for."""
    with log.open("a") as file:
        file.write(f"{source.name}\n")
    return source.read_text()


def worked(root: Path, names: list[str], jobs: int | None = None, **how: Any) -> list[str]:
    """The videos in the order in which they come; only those that were made are in the log."""
    (root / "log").write_text("")
    sources = {name: root / name for name in names}
    make = partial(_read_text, root / "log")
    out = root / "out"
    return [
        video
        for video, _ in work_on_videos(
            TEXTS, out, sources, media_identity, make, stage="read", jobs=jobs, **how
        )
    ]


def made(root: Path) -> list[str]:
    return sorted((root / "log").read_text().split())


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    for name in ("part/a", "b", "c"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"the text of {name}")
    assert worked(tmp_path, ["part/a", "b", "c"]) == ["part/a", "b", "c"]
    return tmp_path


@pytest.mark.parametrize("jobs", [None, 1, 2])
@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_there_comes_without_work(texts: Path, jobs: int | None, in_order: bool) -> None:
    (texts / "out/b.parquet").unlink()
    came = worked(texts, ["part/a", "b", "c"], jobs, in_order=in_order)
    assert came == (["part/a", "b", "c"] if in_order else ["part/a", "c", "b"])
    assert made(texts) == ["b"]
    assert TEXTS.load(texts / "out/b.parquet") == "the text of b"


def test_before_is_called_only_if_there_is_work(texts: Path) -> None:
    calls: list[str] = []
    worked(texts, ["b", "c"], before=lambda: calls.append("before"))
    assert calls == []
    (texts / "out/b.parquet").unlink()
    worked(texts, ["b", "c"], before=lambda: calls.append("before"))
    assert calls == ["before"]


def test_another_file_of_the_same_name_and_length_is_worked_on_again(texts: Path) -> None:
    (texts / "b").write_text("the text of B")
    worked(texts, ["part/a", "b", "c"])
    assert made(texts) == ["b"]
    assert TEXTS.load(texts / "out/b.parquet") == "the text of B"


@pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "other kind", "text"])
def test_what_is_no_such_file_is_refused_by_name_and_made_again(texts: Path, damage: str) -> None:
    path = texts / "out/b.parquet"
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "foreign":
        pd.DataFrame({"letter": ["x"]}).to_parquet(path)
    elif damage == "other kind":
        VideoStore("others", _pack, _unpack, made_by="-").write("x", path, media_identity(path))
    else:
        path.write_text("PAR1 text")
    with pytest.raises(InputError, match="damaged, or not a file of texts") as caught:
        TEXTS.load(path)
    assert caught.value.file == str(path)
    worked(texts, ["part/a", "b", "c"])
    assert made(texts) == ["b"]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(("n", "width"), [(3, 4), (0, 1)])
def test_embeddings_are_read_as_they_were_written(tmp_path: Path, n: int, width: int) -> None:
    numbers = np.random.default_rng(0).normal(size=(n, width)).astype(np.float32)
    track = np.zeros(n, np.int32)
    EMBEDDINGS.write(Embeddings(np.arange(n, dtype=np.int32), track, numbers), tmp_path / "a", "k")
    read = load_embeddings(tmp_path / "a")
    np.testing.assert_array_equal(read.embedding, numbers)
    assert read.frame.tolist() == list(range(n))


def test_no_flipped_byte_goes_unseen(tmp_path: Path) -> None:
    """Whatever byte it is: the file is refused, or what is read of it is what was written."""
    path = tmp_path / "a.parquet"
    n = 3
    faces = Faces(
        frame=np.arange(n, dtype=np.int32),
        track=np.zeros(n, np.int32),
        box=np.arange(4 * n, dtype=np.float32).reshape(n, 4),
        score=np.linspace(0, 1, n, dtype=np.float32),
        jpeg=[bytes([i]) * 20 for i in range(n)],
        status="ok",
        reason="A reason.",
        n_frames=5,
        size=16,
    )
    write_faces(faces, path, "key")
    file = FACES.describe(path, "key")
    whole = path.read_bytes()
    refused = 0
    tried = range(0, len(whole), 3)
    for at in tried:
        damaged = bytearray(whole)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        if FACES.describe(path, "key") is None:
            with pytest.raises(InputError) as caught:
                load_faces(path)
            assert caught.value.file == str(path)
            refused += 1
            continue
        read = load_faces(path)
        for name in ("frame", "track", "box", "score"):
            np.testing.assert_array_equal(getattr(read, name), getattr(faces, name))
        assert read.jpeg == faces.jpeg
        assert FACES.describe(path, "key") == file
    assert refused > len(tried) // 2  # the others say nothing that is read, such as statistics


def test_files_of_other_videos_go(texts: Path) -> None:
    (texts / "out" / LEFT_BEHIND).write_text("left by a killed process")
    (texts / "out/notes.txt").write_text("somebody's")
    keep_only(texts / "out", ["b"])
    worked(texts, ["b"])
    left = sorted(p.relative_to(texts / "out").as_posix() for p in (texts / "out").rglob("*"))
    assert left == ["b.parquet", "notes.txt"]
    keep_only(texts / "nowhere", ["b"])


def test_a_folder_used_for_other_input_holds_that_alone(
    tmp_path: Path, write_video: Any, panned: Any
) -> None:
    """Kaggle's folders: the second has files of the same names, and lacks one of the first's."""
    one, two = tmp_path / "one", tmp_path / "two"
    pictures = panned(4)
    write_video(one / "000.mp4", pictures)
    write_video(one / "001.mp4", pictures)
    other = write_video(two / "000.mp4", [image[:, ::-1].copy() for image in pictures])
    # As long as the first one's: players pass over what follows the last box.
    length = max((one / "000.mp4").stat().st_size, other.stat().st_size) + 8
    for path in (one / "000.mp4", other):
        free = length - path.stat().st_size
        path.write_bytes(path.read_bytes() + free.to_bytes(4, "big") + b"free" + bytes(free - 8))
    assert (one / "000.mp4").stat().st_size == other.stat().st_size

    def dataset(root: Path) -> Dataset:
        names = sorted(path.name for path in root.iterdir())
        return Dataset(root, pd.DataFrame({"video": pd.Series(names, dtype="string")}))

    for extract, out in ((extract_faces, "faces"), (extract_sound, "sound")):
        settings: Any = SETTINGS if extract is extract_faces else SoundSettings()
        extract(dataset(one), tmp_path / out, settings)
        before = (tmp_path / out / "000.mp4.parquet").read_bytes()
        extract(dataset(two), tmp_path / out, settings)
        extract(dataset(two), tmp_path / f"{out} alone", settings)
        assert [path.name for path in (tmp_path / out).iterdir()] == ["000.mp4.parquet"]
        after = (tmp_path / out / "000.mp4.parquet").read_bytes()
        assert after == (tmp_path / f"{out} alone" / "000.mp4.parquet").read_bytes() != before
    assert SOUND.describe(tmp_path / "sound/000.mp4.parquet") is not None


def test_another_picture_of_the_same_name_and_length_is_imported_again(tmp_path: Path) -> None:
    import cv2

    root, out = tmp_path / "crops", tmp_path / "faces"
    root.mkdir()
    picture = np.zeros((40, 40, 3), np.uint8)
    cv2.imwrite(str(root / "0.bmp"), picture)
    crops = {"a": ("0.bmp",)}
    dataset = Dataset(root, pd.DataFrame({"video": ["a"]}), crops=crops)
    import_crops(dataset, out)
    cv2.imwrite(str(root / "0.bmp"), picture + 200)
    import_crops(dataset, out)
    assert load_faces(video_path(out, "a")).decode().mean() > 150
    (root / "0.bmp").unlink()
    assert import_crops(dataset, out)["status"].tolist() == ["unreadable"]


@pytest.mark.parametrize("video", ["/etc/a.mp4", "../a.mp4", "a/../../b.mp4", ""])
def test_paths_stay_in_the_folder(tmp_path: Path, video: str) -> None:
    with pytest.raises(InputError, match="inside the dataset") as caught:
        video_path(tmp_path, video)
    assert caught.value.video == video
