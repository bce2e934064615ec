"""Pictures to RGB: what the standards say, and what FFmpeg makes of the same pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, VideoReformatter

from base_models.faces.extract import extract_video
from base_models.faces.settings import FaceSettings
from base_models.video.decode import decode_frames, index_video
from base_models.video.rgb import RgbConverter, yuv_to_rgb
from base_models.video.unreadable import UnreadableVideo

MATRICES = [1, 2, 4, 5, 6, 7, 9]


def test_the_matrix_is_that_of_bt_601() -> None:
    matrix = yuv_to_rgb(6, full_range=False)
    published = [[1.164, 0, 1.596], [1.164, -0.392, -0.813], [1.164, 2.017, 0]]
    np.testing.assert_allclose(matrix[:, :3], published, atol=6e-4)


@pytest.mark.parametrize("coefficients", MATRICES)
@pytest.mark.parametrize(("full_range", "black", "white"), [(False, 16, 235), (True, 0, 255)])
def test_grey_is_grey(coefficients: int, full_range: bool, black: int, white: int) -> None:
    matrix = yuv_to_rgb(coefficients, full_range=full_range)
    for luma, grey in ((black, 0), (white, 255)):
        np.testing.assert_allclose(matrix @ [luma, 128, 128, 1], grey, atol=1e-9)


@pytest.mark.parametrize("name", ["yuv444p", "yuvj444p"])
@pytest.mark.parametrize("colour_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("coefficients", MATRICES)
def test_full_colour_is_ffmpegs_to_a_level(
    name: str, colour_range: ColorRange, coefficients: int
) -> None:
    full_range = name == "yuvj444p" or colour_range == ColorRange.JPEG
    matrix = yuv_to_rgb(coefficients, full_range=full_range)
    colours = np.random.default_rng(0).integers(0, 256, (3, 120 * 90))
    yuv = np.linalg.solve(matrix[:, :3], colours - matrix[:, 3:])
    planes = np.round(yuv).clip(0, 255).astype(np.uint8).reshape(3, 90, 120)
    picture = VideoFrame.from_ndarray(planes, format=name)
    picture.colorspace, picture.color_range = coefficients, colour_range
    found = RgbConverter().convert(picture)
    theirs = VideoReformatter().reformat(picture, format="rgb24").to_ndarray()
    assert np.abs(found.astype(int) - theirs).max() <= 1
    exact = np.clip(np.einsum("ij,jhw->hwi", matrix[:, :3], planes) + matrix[:, 3], 0, 255)
    assert np.abs(found - exact).max() < 0.75


def _frames(path: Path) -> list[Any]:
    return list(decode_frames(index_video(path), range(3)))


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p", "yuv444p", "yuv444p10le"])
def test_whole_files_are_ffmpegs(
    tmp_path: Path, write_video: Callable[..., Path], panned: Any, pixels: str
) -> None:
    pictures = panned(3, 240, 322)  # a width that is padded in memory
    path = write_video(tmp_path / "a.mp4", pictures, pixels=pixels)
    frames = _frames(path)
    with av.open(str(path)) as container:
        theirs = [picture.to_ndarray(format="rgb24") for picture in container.decode(video=0)]
    assert len(frames) == len(theirs) == 3
    for frame, picture in zip(frames, theirs, strict=True):
        assert np.abs(frame.image.astype(int) - picture).max() <= (pixels == "yuv444p")


def test_colours_that_nobody_converts_are_a_reason(
    tmp_path: Path, write_video: Callable[..., Path], panned: Any
) -> None:
    path = write_video(tmp_path / "ycgco.mp4", panned(3), colour_matrix=8)
    with pytest.raises(UnreadableVideo, match=r"yuv420p, colour matrix 8"):
        _frames(path)
    faces = extract_video(path, FaceSettings(frames=3))
    assert faces.status == "unreadable"
    assert faces.reason == ("Its colours (yuv420p, colour matrix 8) cannot be converted to RGB.")
