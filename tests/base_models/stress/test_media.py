"""Faces of altered videos: where they come from, and what cannot be altered."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from base_models.compute.per_video import VideoStore
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, empty_faces, faces_path, load_faces, write_faces
from base_models.stress.media import (
    CutFaces,
    VideoFiles,
    altered_crops,
    altered_key,
    media_of_run,
    possible,
    write_altered,
)
from base_models.stress.registry import Degree, parse_degrees


@pytest.fixture
def cut(tmp_path: Path, make_faces: Callable[..., None]) -> Path:
    """Two videos of four crops that came cut, and one that could not be read."""
    from dataclasses import replace

    folder = tmp_path / "faces"
    for name in ("a", "b"):
        make_faces(folder, name, name == "a")
        path = faces_path(folder, name)
        write_faces(replace(load_faces(path), ready_made=True), path, f"made of {name}")
    unreadable = empty_faces("unreadable", "it is gone", "no_picture", n_frames=0, size=48)
    write_faces(unreadable, faces_path(folder, "c"), "made of c")
    return folder


def test_crops_are_altered_one_by_one_and_keep_their_places(cut: Path) -> None:
    faces = load_faces(faces_path(cut, "a"))
    altered = altered_crops(faces, Degree("blur", 4))
    assert np.array_equal(altered.frame, faces.frame)
    assert altered.jpeg != faces.jpeg
    assert altered.decode().std() < faces.decode().std()
    fewer = altered_crops(faces, Degree("frames", 2))
    assert fewer.jpeg == [faces.jpeg[1], faces.jpeg[3]] or len(fewer.jpeg) == 2
    unreadable = load_faces(faces_path(cut, "c"))
    assert altered_crops(unreadable, Degree("blur", 4)).status == "unreadable"


def test_what_needs_the_picture_around_is_not_done_to_crops(cut: Path) -> None:
    media = media_of_run(cut, ["c", "a", "b"], Path("nowhere"), FaceSettings())
    assert media == CutFaces(cut, most=4)
    kept, others = possible(media, parse_degrees([]))
    assert {degree.alteration for degree in others} == {
        *("bitrate", "social", "frame_rate", "small_face", "frames")
    }
    assert Degree("frames", 1) in kept
    assert Degree("frames", 4) in others  # as many as there are


def test_pictures_have_no_time_and_videos_all_alterations() -> None:
    degrees = parse_degrees([])
    stills = VideoFiles(Path("x"), FaceSettings(), stills=True)
    kept, _ = possible(stills, degrees)
    assert {degree.alteration for degree in kept} == {
        *("jpeg", "h264", "rescale", "blur", "noise", "brightness", "small_face")
    }
    assert possible(VideoFiles(Path("x"), FaceSettings()), degrees) == (list(degrees), [])


def test_what_is_there_is_kept_and_other_strengths_are_other_files(
    cut: Path, tmp_path: Path
) -> None:
    media, out = CutFaces(cut, most=4), tmp_path / "altered"
    seen: list[int] = []

    def progress(_stage: str, done: int, _total: int) -> None:
        seen.append(done)

    write_altered(media, Degree("blur", 2), ["a", "c"], out, progress=progress)
    assert seen == [0, 1, 2]
    before = faces_path(out, "a").read_bytes()
    seen.clear()
    write_altered(media, Degree("blur", 2), ["a", "c"], out, progress=progress)
    assert seen == [2]
    assert faces_path(out, "a").read_bytes() == before
    write_altered(media, Degree("blur", 3), ["a"], out)
    assert faces_path(out, "a").read_bytes() != before
    assert isinstance(FACES, VideoStore)
    file = FACES.describe(faces_path(out, "a"))
    assert file is not None
    assert file.key == altered_key(Degree("blur", 3), "made of a")


def test_a_clip_is_looked_at_in_its_altered_frames(
    tmp_path: Path, write_clip: Callable[..., Path]
) -> None:
    from skimage import data

    picture = np.ascontiguousarray(data.astronaut()[0:256, 100:356])
    clip = write_clip(tmp_path / "clip.mp4", [picture] * 4)
    settings = FaceSettings(frames=4, finder="haar", second_finder=None, size=64)
    media = VideoFiles(clip.parent, settings)
    plain = media.altered(Degree("brightness", 1), 1, clip.name)
    dark = media.altered(Degree("brightness", 0.6), 1, clip.name)
    fewer = media.altered(Degree("frames", 2), 1, clip.name)
    coarse = media.altered(Degree("h264", 45), 1, clip.name)
    assert plain.status == "ok"
    assert 0.5 < dark.decode().mean() / plain.decode().mean() < 0.7
    assert (plain.n_frames, fewer.n_frames, coarse.n_frames) == (4, 2, 4)
    assert coarse.jpeg != plain.jpeg
