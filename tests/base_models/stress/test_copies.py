"""Copies of files: the same moments, the same bytes every time, and as much less as was asked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from base_models.faces.settings import FaceSettings
from base_models.stress import copies
from base_models.stress.media import altered_faces
from base_models.stress.registry import Degree
from base_models.video.decode import decode_frames, index_video
from base_models.video.unreadable import UnreadableVideo


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]) -> Path:
    """25 frames of a camera that moves."""
    picture = np.asarray(data.astronaut())
    images = [np.ascontiguousarray(picture[20:140, 2 * i : 2 * i + 160]) for i in range(25)]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", images)


def frames_of(path: Path) -> list[np.ndarray]:
    index = index_video(path)
    return [frame.image for frame in decode_frames(index, range(len(index)))]


@pytest.mark.parametrize("name", ["h264", "bitrate", "social"])
def test_a_stronger_copy_keeps_every_moment_and_loses_more(
    name: str, clip: Path, tmp_path: Path
) -> None:
    strengths = {"h264": (20, 45), "bitrate": (900, 20), "social": (160, 64)}[name]
    original = np.array(frames_of(clip), float)
    lengths, lost = [], []
    for strength in strengths:
        target, again = tmp_path / f"{strength}.mp4", tmp_path / f"{strength}b.mp4"
        getattr(copies, name)(clip, target, strength)
        getattr(copies, name)(clip, again, strength)
        assert target.read_bytes() == again.read_bytes()
        assert np.allclose(index_video(target).times, index_video(clip).times, atol=1e-4)
        frames = np.array(frames_of(target), float)
        lengths.append(target.stat().st_size)
        if frames.shape == original.shape:
            lost.append(np.abs(frames - original).mean())
    assert lengths[0] > 1.5 * lengths[1]
    if name == "social":
        assert frames.shape[1:3] == (48, 64)
    else:
        assert lost[0] < lost[1]


def test_a_lower_rate_drops_frames_and_leaves_the_others(clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "slow.mp4"
    copies.frame_rate(clip, target, 5)
    index = index_video(target)
    assert len(index) == 5
    assert np.allclose(index.times, [0, 0.2, 0.4, 0.6, 0.8], atol=1e-4)
    kept, original = np.array(frames_of(target), int), np.array(frames_of(clip), int)
    assert np.abs(kept - original[::5]).max() <= 3  # of the colours, there and back
    copies.frame_rate(clip, target, 100)
    assert len(index_video(target)) == 25


def test_odd_sides_lose_a_row_and_are_not_squeezed() -> None:
    from base_models.video.decode import Frame

    image = np.arange(121 * 161 * 3, dtype=np.uint8).reshape(121, 161, 3)
    assert copies._size(image.shape, None) == (120, 160)
    assert np.array_equal(copies._resized(Frame(0, 0.0, image), 120, 160), image[:120, :160])


def test_what_is_no_video_is_unreadable_and_keeps_its_reason(tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video at all")
    with pytest.raises(UnreadableVideo):
        copies.h264(broken, tmp_path / "out.mp4", 23)
    faces = altered_faces(broken, Degree("h264", 23), FaceSettings())
    assert faces.status == "unreadable"
    assert faces.reason
