"""The audio track of a video file as samples, decoded with PyAV."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from base_models.video.container import open_media
from base_models.video.limits import Stopwatch
from base_models.video.unreadable import UnreadableVideo, UnusableMedia


class NoSound(UnusableMedia):
    """A file has nothing to be heard."""


@dataclass(frozen=True)
class Track:
    """The beginning of an audio track.

    Attributes:
        samples: (n,) float32, mono, in [-1, 1].
        damaged: packets that could not be decoded, or that the file lacks at its end.
    """

    samples: NDArray[np.float32] = field(repr=False)
    damaged: int


def read_track(path: Path, rate: int, longest_s: float) -> Track:
    """The first audio track, mixed to mono at `rate` samples a second.

    Only the first `longest_s` seconds are decoded. Damaged packets are passed over; what came
    before the end of a cut-off file counts.

    Raises:
        NoSound: there is no audio track, or there are no samples in it.
        UnreadableVideo: the file cannot be opened, not one packet of the track decoded, or it took
            too long.
    """
    watch = Stopwatch()
    with open_media(path) as container:
        if not container.streams.audio:
            raise NoSound("the file has no audio track", "no_track")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise UnreadableVideo("there is no decoder for its sound", "no_decoder")
        resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
        pieces: list[NDArray[np.float32]] = []
        wanted, have, damaged = round(longest_s * rate), 0, 0
        for packet in _packets(container, stream):
            watch.check()
            if packet is None:
                damaged += 1
                continue
            try:
                frames = stream.codec_context.decode(packet)
                made = [piece for frame in frames for piece in resampler.resample(frame)]
            except av.FFmpegError:
                damaged += 1
                continue
            pieces += map(_samples, made)
            have += sum(piece.samples for piece in made)
            if have >= wanted:
                break
        else:
            pieces += map(_samples, resampler.resample(None))
    samples = np.concatenate([np.empty(0, np.float32), *pieces])[:wanted]
    if not len(samples) and damaged:
        raise UnreadableVideo("no packet of the audio track can be decoded", "no_packet")
    if not len(samples):
        raise NoSound("the audio track is empty", "empty_track")
    # A damaged packet may decode to anything.
    return Track(np.clip(np.nan_to_num(samples), -1, 1), damaged)


def _samples(piece: AudioFrame) -> NDArray[np.float32]:
    return np.asarray(piece.to_ndarray(), np.float32).reshape(-1)


def _packets(container: InputContainer, stream: AudioStream) -> Iterator[av.Packet | None]:
    """The packets of a track, None for a damaged one; the last is empty and flushes the decoder."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            yield None  # cut off: nothing more can be read
            return
        if packet is None:
            return
        yield None if packet.is_corrupt else packet
