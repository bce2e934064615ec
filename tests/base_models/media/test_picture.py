"""Parts of a frame have the very numbers of the whole."""

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from base_models.picture import Converter, Picture
from base_models.video import decode_frames, index_video

#: Planes of equal size and not, full range, and what only the whole can be made from.
FORMATS = ("yuv420p", "yuvj420p", "yuv444p", "yuvj444p", "yuv422p", "yuv420p10le", "nv12", "gray")


def made(width: int, height: int, form: str, space: int = 2, full: bool = False) -> VideoFrame:
    """Coloured noise over a slope, as a decoder would give it."""
    random = np.random.default_rng(width * height)
    image = random.integers(0, 90, (height, width, 3)) + np.linspace(0, 165, width)[:, None]
    frame = VideoFrame.from_ndarray(image.astype(np.uint8), format="rgb24").reformat(format=form)
    frame.colorspace, frame.color_range = space, 2 if full else 1
    return frame


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 300),
    form=st.sampled_from(FORMATS),
    space=st.sampled_from([1, 2, 5]),
    full=st.booleans(),
    data=st.data(),
)
def test_a_part_is_that_part_of_the_whole(
    width: int, height: int, form: str, space: int, full: bool, data: st.DataObject
) -> None:
    frame = made(width, height, form, space, full)
    whole = np.asarray(Picture(frame, Converter()))
    assert (whole.shape, whole.dtype) == ((height, width, 3), np.uint8)
    picture = Picture(frame, Converter())
    assert picture.shape == whole.shape
    for _ in range(3):
        y0, y1 = sorted(data.draw(st.tuples(*[st.integers(0, height)] * 2)))
        x0, x1 = sorted(data.draw(st.tuples(*[st.integers(0, width)] * 2)))
        np.testing.assert_array_equal(picture[y0:y1, x0:x1], whole[y0:y1, x0:x1])


def test_the_whole_is_what_pyav_gives() -> None:
    frame = made(320, 180, "yuv420p")
    expected = frame.to_ndarray(format="rgb24")
    picture = Picture(frame, Converter())
    np.testing.assert_array_equal(picture, expected)
    np.testing.assert_array_equal(picture[:, :], expected)
    np.testing.assert_array_equal(picture[10:20, 300:], expected[10:20, 300:])


@pytest.mark.parametrize("form", ["yuv420p", "yuv444p"])
def test_a_small_part_leaves_the_rest_alone(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    converter = Converter()
    seen: list[tuple[int, int]] = []
    rgb = converter.rgb

    def counted(frame: VideoFrame) -> np.ndarray:
        seen.append((frame.width, frame.height))
        return rgb(frame)

    monkeypatch.setattr(converter, "rgb", counted)
    picture = Picture(made(1280, 720, form), converter)
    assert picture[100:300, 500:690].shape == (200, 190, 3)
    assert picture[710:720, 1270:1280].shape == (10, 10, 3)
    assert seen == [(256, 256), (64, 64)]
    assert picture[0:600, 0:1200].shape == (600, 1200, 3)
    assert picture[100:300, 500:690].shape == (200, 190, 3)
    assert seen[2:] == [(1280, 720)]


def test_frames_outlive_their_container(write_clip: Callable[..., Path], tmp_path: Path) -> None:
    images = [np.full((48, 64, 3), 40 * i, np.uint8) for i in range(5)]
    path = write_clip(tmp_path / "clip.mp4", images)
    frames = list(decode_frames(index_video(path), range(5)))
    with av.open(str(path)) as container:
        direct = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for frame, expected in zip(frames, direct, strict=True):
        np.testing.assert_array_equal(frame.image, expected)
