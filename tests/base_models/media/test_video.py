"""Which frames come out of a file, and what happens when the file is damaged."""

import errno
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.video import decode as video
from base_models.video.choose import choose_frames
from base_models.video.container import open_media
from base_models.video.decode import (
    decode_frames,
    describe_loss,
    index_video,
    sample_frames,
)
from base_models.video.sampling import Sampling
from base_models.video.unreadable import UnreadableVideo
from predictions.errors import InputError


def numbers_seen(frames):
    """The numbers that the brightness of `numbered` pictures tells."""
    return [round((float(frame.image.mean()) - 20) / 4) for frame in frames]


@given(n_frames=st.integers(1, 500), n=st.integers(1, 60))
def test_chosen_frames_are_even(n_frames, n):
    chosen = choose_frames(np.arange(n_frames) / 25, n)
    assert len(chosen) == min(n, n_frames)
    assert 0 <= chosen[0] <= chosen[-1] < n_frames
    if len(chosen) > 1:
        gaps = np.diff(chosen)
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1
    # The outer gaps are half of the inner ones: no end is preferred.
    assert abs(int(chosen[0]) - (n_frames - 1 - int(chosen[-1]))) <= 1


@given(n_frames=st.integers(1, 300), step=st.integers(1, 40), n=st.integers(1, 60))
def test_every_nth_frame(n_frames, step, n):
    chosen = choose_frames(np.arange(n_frames) / 25, n, Sampling("every", step))
    every = list(range(0, n_frames, step))
    assert len(chosen) == min(n, len(every))
    assert set(chosen.tolist()) <= set(every)
    # Thinned out evenly, not cut off: both ends are equally far.
    first, last = every.index(chosen[0]), len(every) - 1 - every.index(chosen[-1])
    assert abs(first - last) <= 1


def test_one_frame_every_so_many_seconds():
    times = np.arange(50) / 25
    assert choose_frames(times, 30, Sampling("seconds", 0.4)).tolist() == [0, 10, 20, 30, 40]
    assert choose_frames(times, 2, Sampling("seconds", 0.4)).tolist() == [10, 30]
    assert choose_frames(times, 99, Sampling("seconds", 0.001)).tolist() == list(range(50))
    assert choose_frames(times, 30, Sampling("seconds", 60)).tolist() == [0]
    # The last frame of a slide show stands for seconds, and is taken once.
    slow = np.array([0.0, 1, 2, 10])
    assert choose_frames(slow, 30, Sampling("seconds", 2.5)).tolist() == [0, 2, 3]


@given(st.integers(1, 90), st.integers(1, 40), st.sampled_from(["even", "every:3", "seconds:0.1"]))
def test_any_rule_gives_rising_frames_of_the_video(n_frames, n, text):
    gaps = np.random.default_rng(n_frames).exponential(0.04, n_frames)
    chosen = choose_frames(np.cumsum(gaps), n, Sampling.parse(text))
    assert 1 <= len(chosen) <= n
    assert (np.diff(chosen) > 0).all()
    assert 0 <= chosen[0] <= chosen[-1] < n_frames


def test_rules_are_read_and_refused():
    assert Sampling.parse("every:10") == Sampling("every", 10)
    assert Sampling.parse("seconds:0.5") == Sampling("seconds", 0.5)
    for wrong in (
        "",
        "evenly",
        "every",
        "every:0",
        "every:1.5",
        "seconds:-1",
        "seconds:inf",
        "odd:2",
    ):
        with pytest.raises(InputError, match="expected even, every:N"):
            Sampling.parse(wrong)


@pytest.mark.parametrize("gop", [250, 5, 1])
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264"])
def test_frames_are_those_asked_for(tmp_path, write_video, numbered, name, gop):
    raw = name.endswith(("avi", "h264"))
    path = write_video(tmp_path / name, numbered(50), gop=gop, b_frames=0 if raw else 2)
    frames = sample_frames(path, 10)
    assert [frame.index for frame in frames] == list(range(2, 50, 5))
    assert numbers_seen(frames) == list(range(2, 50, 5))
    assert frames[0].image.shape == (48, 64, 3)
    assert frames[0].image.dtype == np.uint8


def test_far_frames_are_reached_by_seeking(tmp_path, write_video, numbered, monkeypatch):
    path = write_video(tmp_path / "a.mp4", numbered(50) * 6, gop=20)
    index = index_video(path)
    assert len(index) == 300
    assert len(index.keys) >= 15
    decoded = []

    def counting(*arguments):
        for picture in pictures(*arguments):
            decoded.append(picture.pts)
            yield picture

    pictures = video._pictures
    monkeypatch.setattr(video, "_pictures", counting)
    frames = list(decode_frames(index, [10, 150, 151, 290]))
    assert [frame.index for frame in frames] == [10, 150, 151, 290]
    assert numbers_seen(frames) == [10, 0, 1, 40]
    assert len(decoded) < 80  # of 300


def test_frames_that_no_other_needs_are_not_decoded(tmp_path, write_video, panned, monkeypatch):
    path = write_video(tmp_path / "a.mp4", panned(60), gop=60, b_frames=3)
    index = index_video(path)
    pictures, came, settled = video._pictures, [], {}

    def counting(container, stream, wanted, watch):
        needed = wanted if settled["skips"] else frozenset()
        for picture in pictures(container, stream, needed, watch):
            came.append(picture.pts)
            yield picture

    monkeypatch.setattr(video, "_pictures", counting)
    chosen = [0, 7, 22, 41, 59]
    found = []
    for skips in (True, False):
        settled["skips"] = skips
        came.clear()
        frames = list(decode_frames(index, chosen))
        found.append(([(f.index, f.image.tobytes()) for f in frames], len(came)))
    assert found[0][0] == found[1][0]
    assert found[0][1] < 0.8 * found[1][1]


def test_sampling_is_even_in_time_not_in_number(tmp_path, write_video, numbered):
    # 20 frames in the first 20 ticks, then 5 frames that stand for 20 ticks each.
    stamps = [*range(20), *range(20, 120, 20)]
    path = write_video(tmp_path / "a.mkv", numbered(25), stamps=stamps, b_frames=0)
    frames = sample_frames(path, 6)
    assert numbers_seen(frames) == [frame.index for frame in frames]
    assert sum(frame.index >= 20 for frame in frames) >= 4
    assert frames[-1].time_s == pytest.approx(stamps[frames[-1].index] / 25, abs=0.002)


def test_one_frame(tmp_path, write_video, numbered):
    frames = sample_frames(write_video(tmp_path / "a.mp4", numbered(1)), 30)
    assert [frame.index for frame in frames] == [0]


def test_fewer_frames_than_asked_for(tmp_path, write_video, numbered):
    frames = sample_frames(write_video(tmp_path / "a.mp4", numbered(7)), 30)
    assert numbers_seen(frames) == list(range(7))


def turn_track(path: Path, matrix: tuple[int, ...]) -> None:
    """Write a display matrix into the track header of an mp4 (ISO 14496-12, 8.3.2)."""
    content = bytearray(path.read_bytes())
    start = content.index(b"tkhd") + 4
    assert content[start] == 0
    content[start + 40 : start + 76] = struct.pack(">9i", *matrix)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("turn", "shown"),
    [
        ((1, 0, 0, 1), lambda image: image),
        # A telephone held upright: a quarter turn clockwise, top left goes to top right.
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
        ((0, -1, 1, 0), lambda image: np.rot90(image, 1)),
        ((-1, 0, 0, 1), np.fliplr),  # the camera of a telephone's front
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda image: np.rot90(image, 2).swapaxes(0, 1)),
        ((0.8, 0.6, -0.6, 0.8), lambda image: image),  # less than half a quarter
        ((0.6, 0.8, -0.8, 0.6), lambda image: np.rot90(image, -1)),
        ((2, 0, 0, 2), lambda image: image),
        ((0, 0, 0, 0), lambda image: image),  # shows nothing
        ((-1, 0, 0, 0), lambda image: image),
    ],
)
def test_turns_and_mirrors_are_shown(tmp_path, write_video, turn, shown):
    image = np.zeros((48, 96, 3), np.uint8)
    image[:16, :16] = 250
    image[:16, 48:64] = 120
    path = write_video(tmp_path / "a.mp4", [image] * 5)
    a, b, c, d = (int(value * (1 << 16)) for value in turn)
    turn_track(path, (a, b, 0, c, d, 0, 0, 0, 1 << 30))
    seen = sample_frames(path, 1)[0].image
    expected = shown(image)
    assert seen.shape == expected.shape
    assert np.abs(seen.astype(int) - expected).mean() < 5


def test_cut_off_file_gives_what_it_holds(tmp_path, write_video, panned):
    whole = write_video(
        tmp_path / "whole.mp4", panned(60), gop=10, options={"movflags": "faststart"}
    ).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    index = index_video(path)
    assert index.declared == 60
    assert 10 < len(index) < 50
    chosen = choose_frames(index.times, 10)
    frames = list(decode_frames(index, chosen))
    assert len(frames) >= 9
    assert f"{len(index)} of 60 frames" in describe_loss(index, 10, 10)[0]
    assert describe_loss(index, 10, 10)[1] == "cut_off"
    said = ("9 of 10 sampled frames could be decoded.", "frames_lost")
    assert describe_loss(index, 10, 9) == said


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("damage", ["cut", "zeros"])
def test_threads_do_not_change_what_a_damaged_file_gives(
    tmp_path, write_video, panned, share, damage
):
    path = write_video(tmp_path / "a.mp4", panned(60), gop=10, options={"movflags": "faststart"})
    content = bytearray(path.read_bytes())
    at = int(len(content) * share)
    content = content[:at] if damage == "cut" else content[:at] + bytes(300) + content[at + 300 :]
    path.write_bytes(bytes(content))
    index = index_video(path)
    seen = [
        [(f.index, f.image.tobytes()) for f in decode_frames(index, range(len(index)), threads=n)]
        for n in (1, 2, 5)
    ]
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) >= 10


def test_damage_in_the_middle_costs_only_frames_nearby(tmp_path, write_video, panned):
    path = write_video(tmp_path / "a.mp4", panned(60), gop=10)
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 4
    middle = at + (len(content) - at) // 3
    content[middle : middle + 400] = bytes(400)
    path.write_bytes(bytes(content))
    frames = sample_frames(path, 12)
    assert len(frames) >= 6
    assert [frame.index for frame in frames] == sorted({frame.index for frame in frames})


@pytest.mark.parametrize("content", [b"hello", b"\0" * 5000])
def test_what_is_no_video_is_said(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(UnreadableVideo, match="cannot be opened as a video"):
        sample_frames(path, 3)


@pytest.mark.parametrize(
    "content",
    [
        "ffconcat version 1.0\nfile sound.mp4\n",
        "ffconcat version 1.0\nfile a.mp4\n",  # itself, without end
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsound.mp4\n#EXT-X-ENDLIST\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
)
def test_a_file_that_names_others_is_no_video(tmp_path, write_video, numbered, content):
    assert sample_frames(write_video(tmp_path / "sound.mp4", numbered(3)), 1)
    path = tmp_path / "a.mp4"
    path.write_text(content)
    with pytest.raises(UnreadableVideo, match="cannot be opened as a video") as refused:
        sample_frames(path, 3)
    assert refused.value.code == "not_a_video"
    with pytest.raises(UnreadableVideo, match="cannot be opened as a video"):
        open_media(path)


def test_file_without_its_index_is_unreadable(tmp_path, write_video, numbered):
    path = write_video(tmp_path / "a.mp4", numbered(20))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(UnreadableVideo, match="cannot be opened"):
        sample_frames(path, 3)


def test_missing_file(tmp_path):
    with pytest.raises(UnreadableVideo, match="No such file"):
        sample_frames(tmp_path / "none.mp4", 3)


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UnreadableVideo, match="no video stream"):
        sample_frames(path, 3)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_too_many_open_files_say_nothing_of_a_video(number, tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"anything")

    def refusing(*_args, **_options):
        raise OSError(number, "too many")

    monkeypatch.setattr(av, "open", refusing)
    with pytest.raises(OSError, match="open files") as refused:
        index_video(tmp_path / "a.mp4")
    assert refused.value.errno == number
