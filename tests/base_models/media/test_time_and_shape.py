"""What is shown when, and in which shape: edit lists, gaps, joined files, pixels, ranges, HDR."""

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.video import limits, sample_frames
from base_models.video.choose import choose_frames
from base_models.video.decode import decode_frames, describe_loss, index_video
from base_models.video.hdr import HLG, PQ, to_sdr
from base_models.video.sampling import Sampling
from base_models.video.unreadable import UnreadableVideo, as_unreadable, media_file


def numbers(frames) -> list[int]:
    return [round((float(frame.image.mean()) - 20) / 4) for frame in frames]


def edit(path: Path, first: int, n: int) -> None:
    """Have an mp4's edit list show `n` frames from the frame `first` on (ISO 14496-12, 8.6.6)."""
    content = bytearray(path.read_bytes())
    at = content.index(b"elst") + 12
    _, begin = struct.unpack_from(">Ii", content, at)
    base = struct.unpack_from(">I", content, content.index(b"mdhd") + 16)[0]
    whole = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)[0]
    struct.pack_into(">Ii", content, at, n * whole // 25, begin + first * base // 25)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(("first", "n"), [(0, 50), (20, 30), (7, 11), (0, 20)])
def test_an_edit_list_leaves_out_and_nothing_is_cut_off(
    tmp_path: Path, write_video: Callable, numbered: Callable, first: int, n: int
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(50))
    edit(path, first, n)
    index = index_video(path)
    frames = list(decode_frames(index, range(len(index))))
    shown = numbers(frames)
    assert shown[:n] == list(range(first, first + n))
    assert len(shown) <= n + 1  # a demuxer may round up
    assert describe_loss(index, len(index), len(frames)) == ("", "")


@pytest.mark.parametrize("b_frames", [0, 2, 4])
def test_avi_knows_no_order_of_showing(
    tmp_path: Path, write_video: Callable, numbered: Callable, b_frames: int
) -> None:
    path = write_video(tmp_path / "a.avi", numbered(50), gop=12, b_frames=b_frames)
    index = index_video(path)
    assert numbers(decode_frames(index, range(50))) == list(range(50))
    assert numbers(decode_frames(index, [3, 20, 49])) == [3, 20, 49]
    assert index.duration_s == pytest.approx(2.0)


def test_a_gap_in_the_stamps_costs_no_frames(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    stamps = [*range(25), *range(30_000, 30_025)]
    path = write_video(tmp_path / "a.mkv", numbered(50), stamps=stamps, b_frames=0)
    frames = sample_frames(path, 10)
    assert numbers(frames) == [frame.index for frame in frames]
    assert len(frames) == 10
    assert sum(frame.index < 25 for frame in frames) in (4, 5, 6)
    assert frames[-1].time_s > 1000


@given(
    st.lists(st.floats(0.001, 5000), min_size=1, max_size=200), st.integers(1, 40), st.booleans()
)
def test_as_many_frames_as_there_are_whatever_the_stamps(gaps, n, constant):
    times = np.cumsum([0.0, *(np.full(len(gaps), 0.04) if constant else gaps)])
    chosen = choose_frames(times, n)
    assert len(chosen) == min(n, len(times))
    assert (np.diff(chosen) > 0).all()
    every = choose_frames(times, len(times), Sampling("seconds", 0.4))
    # A frame is chosen if it is on show at one of the moments.
    moments = np.arange(0, min(times[-1], 2000), 0.4)
    shown = np.searchsorted(times, moments + 1e-6 * np.median(np.diff(times)), side="right") - 1
    assert set(shown.tolist()) <= set(every.tolist())


def test_joined_streams_whose_time_begins_anew_are_counted(
    tmp_path: Path, write_video: Callable, numbered: Callable
) -> None:
    one = write_video(tmp_path / "1.ts", numbered(50), gop=10, b_frames=0)
    late = [5 + number for number in range(50)]
    two = write_video(tmp_path / "2.ts", numbered(50), gop=10, b_frames=0, stamps=late)
    path = tmp_path / "both.ts"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    index = index_video(path)
    seen = numbers(decode_frames(index, range(len(index))))
    assert seen[:48] == list(range(48))  # the join itself may cost a frame
    assert len(seen) > 90


def write_shaped(path: Path, image: np.ndarray, aspect: Fraction) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.height, stream.width = image.shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        for number in range(25):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(
    ("aspect", "width"), [((4, 3), 128), ((8, 9), 85), ((1, 1), 96), ((999, 1000), 96)]
)
def test_pixels_become_square(tmp_path: Path, ending: str, aspect: tuple, width: int) -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[16:48, 24:72] = 250
    path = write_shaped(tmp_path / f"a.{ending}", image, Fraction(*aspect))
    seen = sample_frames(path, 1)[0].image
    assert seen.shape == (64, width, 3)
    bright = seen[..., 0] > 128
    assert bright.any(axis=0).sum() == pytest.approx(width / 2, abs=2)
    assert bright.any(axis=1).sum() == pytest.approx(32, abs=1)


def test_pixels_of_no_believable_shape_are_square(tmp_path: Path) -> None:
    path = write_shaped(tmp_path / "a.mkv", np.full((64, 96, 3), 99, np.uint8), Fraction(1, 500))
    assert sample_frames(path, 1)[0].image.shape == (64, 96, 3)


def coded(nits: float, transfer: int) -> float:
    """The value, 0 to 1, that shows grey of so many cd/m2 (ITU-R BT.2100, tables 4 and 5)."""
    if transfer == PQ:
        y = (nits / 10_000) ** (2610 / 16384)
        return float(((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32))
    scene = (nits / 1000) ** (1 / 1.2)
    if scene <= 1 / 12:
        return float(np.sqrt(3 * scene))
    return float(0.17883277 * np.log(12 * scene - 0.28466892) + 0.55991073)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_shows_the_same_light(transfer: int) -> None:
    def sdr(nits: float) -> np.ndarray:
        value = np.uint16(round(65535 * coded(nits, transfer)))
        return to_sdr(np.full((3, 5, 3), value, np.uint16), transfer)

    for nits in (0.5, 5, 30, 60, 150):
        assert np.abs(sdr(nits) - 255 * (nits / 203) ** (1 / 2.4)).max() <= 1
    lights = [int(sdr(nits)[0, 0, 0]) for nits in (100, 150, 203, 250, 300, 1000)]
    assert lights == sorted(lights)
    assert lights[2] > 240
    assert lights[-1] == 255


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_file_of_high_dynamic_range(tmp_path: Path, transfer: int) -> None:
    if "libx265" not in av.codecs_available:
        pytest.skip("this FFmpeg has no x265")
    level = round(64 + 876 * coded(60, transfer))
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p10le"
        stream.options = {"x265-params": "log-level=none"}
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = transfer, 9, 9
        for number in range(2):
            frame = av.VideoFrame(64, 48, "yuv420p10le")
            for plane, value in zip(frame.planes, (level, 512, 512), strict=True):
                plane.update(np.full(plane.buffer_size // 2, value, np.uint16).tobytes())
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    image = sample_frames(tmp_path / "a.mp4", 1)[0].image
    assert image.dtype == np.uint8
    assert np.abs(image - 255 * (60 / 203) ** (1 / 2.4)).max() <= 3


def test_a_video_beyond_the_limits_is_given_up(
    tmp_path: Path, write_video: Callable, numbered: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(20))
    index = index_video(path)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "LONGEST_S", -1.0)
        for work in (lambda: index_video(path), lambda: list(decode_frames(index, [3]))):
            with pytest.raises(UnreadableVideo, match="given up") as error:
                work()
            assert error.value.code == "too_long"
    monkeypatch.setattr(limits, "MOST_PIXELS", 64 * 48 - 1)
    for work in (lambda: index_video(path), lambda: list(decode_frames(index, [3]))):
        with pytest.raises(UnreadableVideo, match="64 x 48 pixels") as error:
            work()
        assert error.value.code == "too_large"


def test_what_is_done_with_frames_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: clock[0])
    watch = limits.Stopwatch()
    with watch.paused():
        clock[0] += 10 * limits.LONGEST_S
    watch.check()
    clock[0] += limits.LONGEST_S + 1
    with pytest.raises(UnreadableVideo, match="after 10 minutes"):
        watch.check()


@pytest.mark.parametrize("raised", [AttributeError("x"), MemoryError(), ZeroDivisionError("a\nb")])
def test_whatever_is_raised_names_itself(raised: Exception) -> None:
    with pytest.raises(UnreadableVideo, match=type(raised).__name__) as error, as_unreadable():
        raise raised
    assert error.value.code == "failed"
    assert "\n" not in error.value.sentence


def test_only_files_are_opened(tmp_path: Path) -> None:
    (tmp_path / "to.mp4").symlink_to("/dev/null")
    for name, kind in (("to.mp4", "device"), (".", "folder")):
        with pytest.raises(UnreadableVideo, match=f"it is a {kind}"):
            media_file(tmp_path / name)
    with pytest.raises(UnreadableVideo, match="cannot be opened"):
        media_file(tmp_path / "a\0b.mp4")
