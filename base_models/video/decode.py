"""A few frames of a video file, decoded with PyAV.

First the packets are listed without decoding (`index_video`): that is cheap, and tells what the
header often does not: how many frames really are there, when each is shown, and where decoding
can start. Then only what is needed for the chosen frames is decoded (`decode_frames`), with a
seek wherever it saves decoding.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer
from av.sidedata.sidedata import Type as SideType
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from base_models.video.choose import choose_frames, typical_step
from base_models.video.container import open_media, picture_stream
from base_models.video.limits import MOST_PIXELS, Stopwatch, check_size
from base_models.video.rgb import RgbConverter, with_square_pixels
from base_models.video.unreadable import UnreadableVideo, as_unreadable
from predictions.words import count

#: Of a file that jumps back in time by more seconds, parts were joined whose stamps say nothing.
_JUMP_BACK_S = 1.0

#: A seek empties the decoder's pipeline; decoding this many frames costs about the same.
_SEEK_PAYS_FROM = 12


class _Damaged(Exception):
    """Damage was met: what comes then depends on the threads, and on which frames are left out."""


@dataclass(frozen=True)
class Frame:
    """One picture.

    Attributes:
        index: number of the frame in the video, from 0, in the order of showing.
        time_s: when it is shown, in seconds after the first frame.
        image: RGB uint8 (H, W, 3), turned upright.

    Examples:
        >>> from fractions import Fraction
        >>> import av, numpy as np
        >>> with av.open("clip.mp4", "w") as file:
        ...     stream = file.add_stream("libx264", rate=25)
        ...     stream.width = stream.height = 64
        ...     for shade in range(25):
        ...         picture = np.full((64, 64, 3), 10 * shade, np.uint8)
        ...         file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        ...     file.mux(stream.encode())
        >>> from pathlib import Path
        >>> from base_models.video import sample_frames
        >>> [frame.index for frame in sample_frames(Path("clip.mp4"), 3)]
        [4, 12, 20]
    """

    index: int
    time_s: float
    image: NDArray[np.uint8] = field(repr=False)


@dataclass(frozen=True)
class VideoIndex:
    """What a video file holds, found without decoding it.

    Attributes:
        path: the file.
        times: (N,) float64, seconds after the first frame, ascending; one entry a frame.
        pts: (N,) int64 presentation stamps of the same frames; None when the file has none that
            can be trusted (raw streams, some AVI), where frames are known by counting alone.
        keys: ascending numbers of the frames where decoding can start.
        declared: how many frames the header promises; 0 when it does not say. Those that an edit
            list leaves out do not count.
        width, height: pixels as coded, before rotation.
        pixel_aspect: width of a pixel by its height.
    """

    path: Path
    times: NDArray[np.float64] = field(repr=False)
    pts: NDArray[np.int64] | None = field(repr=False)
    keys: NDArray[np.int64] = field(repr=False)
    declared: int
    width: int
    height: int
    pixel_aspect: float = 1.0

    def __len__(self) -> int:
        return len(self.times)

    @property
    def duration_s(self) -> float:
        """From the first frame's showing to the end of the last one's."""
        return float(self.times[-1]) + typical_step(self.times)


@as_unreadable()
def index_video(path: Path) -> VideoIndex:
    """List the frames of a file without decoding them; reads the file once.

    Raises:
        UnreadableVideo: the file is missing, not a video, holds no frame, or is beyond the limits.
    """
    watch = Stopwatch()
    with open_media(path) as container:
        stream = picture_stream(container)
        stamps: list[int | None] = []
        coded: list[int] = []
        is_key: list[bool] = []
        discarded = 0
        try:
            for packet in container.demux(stream):
                watch.check()
                # An edit list marks packets that are decoded but never shown; the last packet
                # of a cut-off file is marked corrupt.
                if packet.is_discard:
                    discarded += 1
                elif packet.size and not packet.is_corrupt:
                    stamps.append(packet.pts)
                    is_key.append(packet.is_keyframe)
                    coded += [] if packet.dts is None else [packet.dts]
        except av.FFmpegError:
            pass  # a cut-off file: what came before still counts
        if not stamps:
            raise UnreadableVideo("the file holds no video frame", "no_frame")
        declared = _declared(container, stream) - discarded
        base = float(stream.time_base or 0)
        rate = float(stream.average_rate or 0) or 25.0
        # AVI stamps packets in the order of coding, whatever the order of showing.
        trusted = not (container.format.name == "avi" and stream.codec_context.has_b_frames)
        shape = stream.width, stream.height, _pixel_aspect(stream)
    known = [stamp for stamp in stamps if stamp is not None]
    trusted &= len(known) == len(stamps) and len(set(known)) == len(known) and base > 0
    trusted &= len(coded) < 2 or float(np.diff(coded).min()) * base > -_JUMP_BACK_S
    if trusted:
        pts = np.array(known, np.int64)
        order = np.argsort(pts, kind="stable")
        pts = pts[order]
        times = (pts - pts[0]) * base
        keys = np.flatnonzero(np.array(is_key)[order])
        return VideoIndex(path, times, pts, keys, declared, *shape)
    times = np.arange(len(stamps)) / rate
    return VideoIndex(path, times, None, np.zeros(1, np.int64), declared, *shape)


def decode_frames(
    index: VideoIndex, chosen: Sequence[int] | NDArray[np.int64], *, threads: int = 0
) -> Iterator[Frame]:
    """Decode the frames numbered `chosen` (ascending), one at a time.

    A chosen frame that is damaged is replaced by the next good one; damage at the end makes the
    result shorter. `threads`: of the decoder, 0 lets it choose; the pictures do not depend on it.

    Raises:
        UnreadableVideo: the file can no longer be opened, its colours mean nothing to us, or it is
            beyond the limits.
    """
    wanted = [int(number) for number in chosen]
    converter, watch = RgbConverter(), Stopwatch()
    at, start, may_seek = 0, 0, index.pts is not None
    careful = False  # one thread, nothing left out; from the first damage on
    while at < len(wanted):
        restart: int | None = None
        try:
            needed = None if careful else wanted[at:]
            with closing(_numbered(index, start, threads, needed, watch)) as pictures:
                for number, picture in pictures:
                    if start and number > start:
                        # The seek landed behind its key frame: seeking here cannot be trusted.
                        may_seek, restart = False, 0
                        break
                    start = 0
                    if number < wanted[at]:
                        continue
                    image = _upright(picture, converter, index.pixel_aspect)
                    with watch.paused():
                        yield Frame(number, float(index.times[number]), image)
                    while at < len(wanted) and wanted[at] <= number:
                        at += 1
                    if at == len(wanted):
                        return
                    key = _key_before(index, wanted[at])
                    if may_seek and key - number >= _SEEK_PAYS_FROM:
                        restart = key
                        break
        except _Damaged:
            threads, careful = 1, True
            restart = _key_before(index, wanted[at]) if may_seek else 0
        if restart is None and not start:
            return
        if restart is None:  # nothing came after the seek
            may_seek, restart = False, 0
        start = restart


def sample_frames(path: Path, n: int) -> list[Frame]:
    """Up to `n` frames of a video, evenly spaced in time.

    Raises:
        UnreadableVideo: as `index_video` and `decode_frames`.

    Examples:
        >>> from fractions import Fraction
        >>> import av, numpy as np
        >>> with av.open("clip.mp4", "w") as file:
        ...     stream = file.add_stream("libx264", rate=25)
        ...     stream.width = stream.height = 64
        ...     for shade in range(25):
        ...         picture = np.full((64, 64, 3), 10 * shade, np.uint8)
        ...         file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        ...     file.mux(stream.encode())
        >>> from pathlib import Path
        >>> from base_models.video import sample_frames
        >>> frames = sample_frames(Path("clip.mp4"), 5)
        >>> [round(frame.time_s, 2) for frame in frames], frames[0].image.shape
        ([0.08, 0.28, 0.48, 0.68, 0.88], (64, 64, 3))
    """
    index = index_video(path)
    return list(decode_frames(index, choose_frames(index.times, n)))


def describe_loss(index: VideoIndex, wanted: int, came: int) -> tuple[str, str]:
    """One sentence on what of a video is missing, and its code; both empty when nothing is."""
    if came < wanted:
        return f"{came} of {count(wanted, 'sampled frame')} could be decoded.", "frames_lost"
    if len(index) < index.declared:
        of = count(index.declared, "frame")
        return f"The file is cut off: it holds {len(index)} of {of}.", "cut_off"
    return "", ""


def _key_before(index: VideoIndex, number: int) -> int:
    """Where decoding starts so as to reach frame `number`."""
    at = int(np.searchsorted(index.keys, number, side="right")) - 1
    return int(index.keys[at]) if at >= 0 else 0


def _numbered(
    index: VideoIndex,
    start: int,
    threads: int,
    wanted: Sequence[int] | None,
    watch: Stopwatch,
) -> Generator[tuple[int, VideoFrame], None, None]:
    """Good frames with their numbers, from the key frame `start` on (0: from the beginning).

    Among them are those of `wanted`; others are left out where no frame is made from them. With
    None all come, and damage is passed over.

    Raises:
        _Damaged: there is some, and `wanted` is given.
    """
    with open_media(index.path) as container:
        stream = picture_stream(container)
        stream.thread_type = "AUTO"
        stream.thread_count = threads
        stream.codec_context.options = {"max_pixels": str(MOST_PIXELS)}
        if start and index.pts is not None:
            try:
                container.seek(int(index.pts[start]), stream=stream)
            except av.FFmpegError:
                return
        stamps = None
        if wanted is not None:
            stamps = frozenset([] if index.pts is None else index.pts[[*wanted]].tolist())
        for count, picture in enumerate(_pictures(container, stream, stamps, watch)):
            if picture.is_corrupt:
                if wanted is not None:
                    raise _Damaged
                continue
            if index.pts is None:
                number = count
            elif picture.pts is None:
                continue
            else:
                number = int(np.searchsorted(index.pts, picture.pts))
            if number < len(index):
                yield number, picture


def _pictures(
    container: InputContainer,
    stream: VideoStream,
    wanted: frozenset[int] | None,
    watch: Stopwatch,
) -> Iterator[VideoFrame]:
    """Every frame that can be decoded from here on.

    With `wanted`, presentation stamps (none in a file without), other frames on which none depends
    are not decoded: half of the frames of a common H.264 file. Without, damage is passed over.

    Raises:
        _Damaged: there is some, and `wanted` is given.
    """
    packets = container.demux(stream)
    while True:
        watch.check()
        try:
            packet = next(packets, None)
        except av.FFmpegError:
            packet = None
        if packet is None or packet.size == 0:
            break
        if packet.is_corrupt:
            continue
        if wanted:
            needed = packet.pts is None or packet.pts in wanted
            stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        yield from _decoded(stream, packet, wanted is None)
    yield from _decoded(stream, None, wanted is None)


def _decoded(stream: VideoStream, packet: av.Packet | None, careful: bool) -> list[VideoFrame]:
    """The pictures that come with a packet, or (None) those still held back."""
    try:
        return stream.codec_context.decode(packet)
    except av.FFmpegError as error:
        if not careful:
            raise _Damaged from error
        return []


def _upright(
    picture: VideoFrame, converter: RgbConverter, pixel_aspect: float
) -> NDArray[np.uint8]:
    """RGB uint8 (H, W, 3) of square pixels."""
    check_size(picture.width, picture.height)  # it may change on the way
    try:
        image = converter.convert(picture)
    except av.FFmpegError as error:
        colours = f"{picture.format.name}, colour matrix {picture.colorspace}"
        raise UnreadableVideo(
            f"its colours ({colours}) cannot be converted to RGB", "no_colour"
        ) from error
    image = with_square_pixels(image, pixel_aspect)
    # PyAV's own types know one kind of side data.
    beside = cast(SideDataContainer, picture.side_data)
    if SideType.DISPLAYMATRIX not in beside:
        return image
    return _displayed(image, np.frombuffer(bytes(beside[SideType.DISPLAYMATRIX]), np.int32))


def _displayed(image: NDArray[np.uint8], matrix: NDArray[np.int32]) -> NDArray[np.uint8]:
    """A picture as a display matrix shows it, by the nearest of the eight turns and mirrorings.

    `picture.rotation` knows no mirrors: a mirrored picture is half a turn to it, or none.

    Args:
        image: (H, W, 3).
        matrix: nine numbers a, b, u, c, d, v, x, y, w: (x, y) is shown at (a x + c y, b x + d y),
            y downwards (ISO 14496-12, 8.3.2). One that shows no area says nothing.
    """
    a, b, _, c, d = (int(value) for value in matrix[:5])
    if a * d == b * c:
        return image
    right, down = a, d
    if abs(b) + abs(c) > abs(a) + abs(d):
        image, right, down = image.transpose(1, 0, 2), c, b
    return np.ascontiguousarray(image[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])


def _declared(container: InputContainer, stream: VideoStream) -> int:
    """How many frames the header promises."""
    if "mp4" in container.format.name.split(","):
        # Its frames count those too that an edit list cuts off the end.
        return min(stream.frames, len(stream.index_entries))
    return stream.frames


def _pixel_aspect(stream: VideoStream) -> float:
    """Width of a pixel by its height; 1 where that is not known, not believable, or hardly more."""
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 0.25 <= aspect <= 4 and abs(aspect - 1) > 0.01 else 1.0
