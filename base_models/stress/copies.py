"""What is done to a file: a copy of it, decoded and encoded anew.

Frames keep their moments, so that the same ones are looked at as in the original. The encoder has
one thread and no clock, so that the same file gives the same bytes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import cv2
import numpy as np

from base_models.video.decode import Frame, decode_frames, index_video

#: Ticks a second of the copies' stamps: MPEG's.
_TICKS = 90_000
#: What social networks are taken to encode with, by CRF, and how often a video is shared.
_SOCIAL_CRF, _SHARED = 28, 2
_LOSSLESS = {"crf": "0", "preset": "ultrafast"}
#: Without a look ahead, and what hangs on it (macroblock trees): with them the same frames gave now
#: and then other bytes, depending on what the memory had held.
_LOSSY = {"preset": "medium", "rc-lookahead": "0"}


@dataclass(frozen=True)
class Encoding:
    """How a copy is encoded.

    Attributes:
        options: of libx264.
        bit_rate: bits a second; None where the options say how much is kept.
        longest: the longer side in pixels, at most; None leaves the size.
        pixels: how colours are stored.
    """

    options: Mapping[str, str]
    bit_rate: int | None = None
    longest: int | None = None
    pixels: str = "yuv420p"


def h264(source: Path, target: Path, strength: float) -> None:
    """Encoded as H.264 of this CRF; FaceForensics++'s are 23 (c23) and 40 (c40)."""
    write_copy(source, target, Encoding({"crf": f"{strength:g}", **_LOSSY}))


def bitrate(source: Path, target: Path, strength: float) -> None:
    """Encoded as H.264 of so many kbit/s on average."""
    write_copy(source, target, Encoding(_LOSSY, bit_rate=round(1000 * strength)))


def social(source: Path, target: Path, strength: float) -> None:
    """What a video has been through that was shared on a social network, and again from there.

    Twice: reduced to a longer side of so many pixels, unless it is shorter, and H.264 of CRF 28.
    """
    how = Encoding({"crf": str(_SOCIAL_CRF), **_LOSSY}, longest=int(strength))
    with TemporaryDirectory() as folder:
        for time in range(1, _SHARED):
            shared = Path(folder) / f"{time}.mp4"
            write_copy(source, shared, how)
            source = shared
        write_copy(source, target, how)


def frame_rate(source: Path, target: Path, strength: float) -> None:
    """At most so many frames a second: others are dropped, and those kept lose nothing."""
    write_copy(source, target, Encoding(_LOSSLESS, pixels="yuv444p"), rate=strength)


def write_copy(source: Path, target: Path, how: Encoding, *, rate: float | None = None) -> None:
    """Decode a video, all of it, and encode it as MP4.

    Args:
        source, target: the files.
        how: it is encoded.
        rate: frames a second that are kept, at most; None keeps all.

    Raises:
        UnreadableVideo: of the source.
    """
    index = index_video(source)
    kept = np.arange(len(index))
    if rate is not None:
        # The first frame at or after each moment at which one is due.
        due = np.floor(index.times * rate + 1e-6)
        kept = np.flatnonzero(np.diff(due, prepend=-1) > 0)
    frames = decode_frames(index, kept, threads=1)
    first = next(frames, None)
    if first is None:
        return  # nothing to copy; whoever reads it says so
    height, width = _size(first.image.shape, how.longest)
    with av.open(str(target), "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = height, width, how.pixels
        stream.codec_context.time_base = Fraction(1, _TICKS)
        stream.codec_context.thread_count = 1
        stream.options = dict(how.options)
        if how.bit_rate is not None:
            stream.bit_rate = how.bit_rate
        for frame in _from(first, frames):
            picture = av.VideoFrame.from_ndarray(_resized(frame, height, width), format="rgb24")
            picture.pts = round(frame.time_s * _TICKS)
            picture.time_base = Fraction(1, _TICKS)
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _from(first: Frame, others: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from others


def _size(shape: tuple[int, ...], longest: int | None) -> tuple[int, int]:
    """Height and width of the copy: even, as 4:2:0 asks for."""
    ratio = 1.0 if longest is None else min(1.0, longest / max(shape[:2]))
    height, width = (max(2, round(side * ratio) // 2 * 2) for side in shape[:2])
    return height, width


def _resized(frame: Frame, height: int, width: int) -> np.ndarray:
    """The picture in the copy's size; an odd row or column is left out, not squeezed in."""
    image = frame.image
    above, beside = image.shape[0] - height, image.shape[1] - width
    if (above, beside) != (0, 0) and 0 <= above <= 1 and 0 <= beside <= 1:
        return np.ascontiguousarray(image[:height, :width])
    if above or beside:
        how = cv2.INTER_AREA if image.shape[0] > height else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
    return image
