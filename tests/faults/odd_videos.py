"""Videos as nobody should have made them: `write_odd_videos(folder, count, seed)`.

A few small sound clips are made once; what is written is made of their bytes: flips in header and
body, cuts, containers, codecs, pixels and sizes, links, pipes, names. The same seed gives the same.
"""

import itertools
import os
import random
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

#: Container, codec and pixel format of the clips that are damaged afterwards.
_CLIPS = (
    ("mp4", "libx264", "yuv420p"),
    ("mov", "mpeg4", "yuv420p"),
    ("mkv", "libx264", "yuv444p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "libx264", "yuv420p"),
    ("ts", "mpeg2video", "yuv420p"),
    ("mpg", "mpeg1video", "yuv420p"),
    ("flv", "flv1", "yuv420p"),
    ("wmv", "wmv2", "yuv420p"),
    ("mov", "prores_ks", "yuv422p10le"),
    ("mkv", "ffv1", "gray16le"),
    ("mkv", "ffv1", "bgr0"),
    ("mp4", "libx265", "yuv420p10le"),
    ("gif", "gif", "pal8"),
    ("nut", "mjpeg", "yuvj420p"),
)

Write = Callable[[Path, random.Random], None]


def write_clip(
    path: Path,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    *,
    size: tuple[int, int] = (64, 48),
    frames: int = 12,
    stamps: Sequence[int] | None = None,
    aspect: Fraction | None = None,
    title: str | None = None,
    colours: dict[str, int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """A clip of moving colours, 25 frames a second."""
    width, height = size
    # Bit-exact: containers else bear random numbers.
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        if title is not None:
            container.metadata["title"] = title
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream.options = quiet | (options or {})
        stream.codec_context.time_base = Fraction(1, 25)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        for name, value in (colours or {}).items():
            setattr(stream.codec_context, name, value)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number, width, height), format="rgb24")
            frame = frame.reformat(format=pixels)
            frame.pts = number if stamps is None else stamps[number]
            frame.time_base = Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def picture(number: int, width: int, height: int) -> NDArray[np.uint8]:
    """Colours that move with the number, RGB (height, width, 3)."""
    rows, columns = np.mgrid[:height, :width]
    red, green = (columns * 4 + number * 9) % 256, (rows * 5 + number * 3) % 256
    return np.stack([red, green, (red + green) // 2], axis=2).astype(np.uint8)


def write_odd_videos(folder: Path, count: int, seed: int = 0) -> list[str]:
    """Write `count` odd videos into a folder, kind by kind in turns; their names.

    Names are as Python has them, and end as videos do, so that each is to have its row. The first
    thirty are as many kinds; what damages clips comes after.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    names: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        clips = list(write_clips(Path(made)))
        damaged = _damaged(clips)
        chance.shuffle(damaged)
        kinds = [*_special(clips[0][1]), *damaged]
        for number, (kind, (ending, write)) in zip(range(count), itertools.cycle(kinds)):
            name = _named(kind, number, ending, chance)
            write(folder / name, chance)
            names.append(name)
    return names


def write_clips(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Ending and bytes of each sound clip that this build of FFmpeg can write."""
    for number, (ending, codec, pixels) in enumerate(_CLIPS):
        if codec.replace("flv1", "flv") in av.codecs_available:
            codec = codec.replace("flv1", "flv")
            path = folder / f"{number}.{ending}"
            try:
                yield ending, write_clip(path, codec, pixels).read_bytes()
            except (av.FFmpegError, ValueError):
                continue  # this build of FFmpeg cannot


def _named(kind: str, number: int, ending: str, chance: random.Random) -> str:
    if kind == "name":
        stem = chance.choice(
            [
                f"caf\udce9 {number}",
                f"\udcb0\udca1\udcb3\udcaa{number}",
                f"two\nlines {number}",
                f"\x1b[31mred {number}",
                f"[bold]{number}",
                f"-{number}",
                f"%E9 100% {number}",
                f"'\"; {number}, \\",
                f"日本 🎭 {number}",
                f" {number} ",
                f"a{number}.mp4.tmp",
                f"image%03d {number}",
            ]
        )
    elif kind == "long":
        stem = f"{number}" + "x" * (255 - len(f"{number}.{ending}"))
    else:
        stem = f"{kind}_{number}"
    return f"{stem}.{ending}"


def _damaged(clips: list[tuple[str, bytes]]) -> list[tuple[str, tuple[str, Write]]]:
    """Name of a kind, the ending of its files, and how one is written: clips, and harm to them."""
    made: list[tuple[str, tuple[str, Write]]] = []
    for ending, clip in clips:
        made += [
            ("whole", (ending, _bytes(clip))),
            ("header", (ending, _flipped(clip, 0.0, 0.06))),
            ("body", (ending, _flipped(clip, 0.1, 0.9))),
            ("end", (ending, _flipped(clip, 0.85, 1.0))),
            ("cut", (ending, _cut(clip))),
            ("zeros", (ending, _zeroed(clip))),
            ("doubled", (ending, _bytes(clip * 2))),
            ("shuffled", (ending, _shuffled(clip))),
            ("named_otherwise", ("mp4", _bytes(clip))),
        ]
    return made


def _special(whole: bytes) -> list[tuple[str, tuple[str, Write]]]:
    """Likewise, kinds of which one is enough; `whole` is a sound mp4."""
    return [
        ("name", ("mp4", _bytes(whole))),
        ("long", ("mp4", _bytes(whole))),
        ("name", ("mp4", _cut(whole))),
        ("empty", ("mp4", _bytes(b""))),
        ("noise", ("avi", lambda path, chance: _put(path, chance.randbytes(4000)))),
        ("text", ("mkv", _bytes(b"not a video\n" * 50))),
        ("svg", ("mp4", _bytes(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'))),
        ("svg_tag", ("mov", _bytes(_SVG))),
        ("playlist", ("mp4", _bytes(b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n#EXT-X-ENDLIST\n"))),
        ("concat", ("mp4", _bytes(b"ffconcat version 1.0\nfile /etc/passwd\n"))),
        ("bomb", ("mp4", _bytes(_png(30_000, 30_000)))),
        ("latin1", ("mp4", _bytes(_latin1_title(whole)))),
        ("dangling", ("mp4", lambda path, chance: path.symlink_to("nowhere.mp4"))),
        ("itself", ("mp4", lambda path, chance: path.symlink_to(path.name))),
        ("to_device", ("mp4", lambda path, chance: path.symlink_to("/dev/zero"))),
        ("pipe", ("mp4", lambda path, chance: os.mkfifo(path))),
        ("socket", ("mp4", lambda path, chance: _socket(path))),
        ("many_samples", ("mp4", _bytes(_declaring(whole, 1_000_000)))),
        ("huge", ("mp4", _bytes(_sized(whole, 30_000, 30_000)))),
        ("huge-ffv1", ("mkv", _huge("ffv1", _wide_mkv))),
        ("huge-mjpeg", ("mjpeg", _huge("mjpeg", _wide_jpeg, "yuvj420p"))),
        ("tiny", ("mkv", _made(size=(2, 2), codec="ffv1", pixels="yuv444p"))),
        ("one_frame", ("mp4", _made(frames=1))),
        ("line", ("mkv", _made(size=(512, 2), codec="ffv1", pixels="yuv444p"))),
        ("gap", ("mp4", _made(stamps=[*range(6), *range(25_000, 25_006)]))),
        ("wide_pixels", ("mp4", _made(aspect=Fraction(4, 3)))),
        ("silly_pixels", ("mp4", _made(aspect=Fraction(1, 5000)))),
        ("pq", ("mp4", _made(codec="libx265", pixels="yuv420p10le", colours=_PQ))),
    ]


_PQ = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}
_SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>\n'.ljust(900)


def _put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _bytes(content: bytes) -> Write:
    return lambda path, chance: _put(path, content)


def _made(**about: object) -> Write:
    def write(path: Path, chance: random.Random) -> None:
        try:
            write_clip(path, **about)  # type: ignore[arg-type]
        except (av.FFmpegError, ValueError):
            _put(path, b"")  # this build of FFmpeg cannot: an empty file then

    return write


def _huge(codec: str, widen: Callable[[bytes], bytes], pixels: str = "yuv420p") -> Write:
    """A clip of 300 x 300 pixels that says it has 30,000 x 30,000."""
    made = _made(codec=codec, pixels=pixels, size=(300, 300), frames=2)

    def write(path: Path, chance: random.Random) -> None:
        made(path, chance)
        _put(path, widen(path.read_bytes()))

    return write


def _wide_mkv(clip: bytes) -> bytes:
    for mark in (b"\xb0\x82", b"\xba\x82"):  # PixelWidth, PixelHeight, of two bytes
        clip = clip.replace(mark + struct.pack(">H", 300), mark + struct.pack(">H", 30_000))
    return clip


def _wide_jpeg(clip: bytes) -> bytes:
    return clip.replace(struct.pack(">HH", 300, 300), struct.pack(">HH", 30_000, 30_000))


def _flipped(clip: bytes, first: float, last: float) -> Write:
    def write(path: Path, chance: random.Random) -> None:
        content = bytearray(clip)
        for _ in range(chance.choice([1, 3, 20])):
            at = chance.randrange(int(first * len(clip)), max(1, int(last * len(clip))))
            content[at] ^= 1 << chance.randrange(8)
        _put(path, bytes(content))

    return write


def _cut(clip: bytes) -> Write:
    return lambda path, chance: _put(path, clip[: chance.randrange(len(clip))])


def _zeroed(clip: bytes) -> Write:
    def write(path: Path, chance: random.Random) -> None:
        at, n = chance.randrange(len(clip)), chance.randrange(1, 600)
        _put(path, clip[:at] + bytes(n) + clip[at + n :])

    return write


def _shuffled(clip: bytes) -> Write:
    def write(path: Path, chance: random.Random) -> None:
        pieces = [clip[at : at + 512] for at in range(0, len(clip), 512)]
        head, rest = pieces[:2], pieces[2:]
        chance.shuffle(rest)
        _put(path, b"".join(head + rest))

    return write


def _socket(path: Path) -> None:
    before = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may have 107 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(before)


def _png(width: int, height: int) -> bytes:
    """A PNG of one colour whose pixels are some kilobytes long, and gigabytes when decoded."""
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * 64), 9)  # so many rows, then it ends
    mark = b"\x89PNG\r\n\x1a\n"
    return mark + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _latin1_title(mp4: bytes) -> bytes:
    """The same with a title in Latin-1 at the end of its header (`moov` is the last box)."""
    at = mp4.rindex(b"moov") - 4
    text = struct.pack(">HH", 5, 0x15C7) + b"caf\xe9!"
    title = struct.pack(">I", 8 + len(text)) + b"\xa9nam" + text
    user = struct.pack(">I", 8 + len(title)) + b"udta" + title
    return mp4[:at] + struct.pack(">I", len(mp4) - at + len(user)) + mp4[at + 4 :] + user


def _declaring(mp4: bytes, frames: int) -> bytes:
    """The same, whose table of frames says that there are so many of one byte each."""
    content = bytearray(mp4)
    at = content.index(b"stsz") + 8
    struct.pack_into(">II", content, at, 1, frames)
    at = content.index(b"stts") + 8
    struct.pack_into(">III", content, at, 1, frames, 512)
    return bytes(content)


def _sized(mp4: bytes, width: int, height: int) -> bytes:
    """The same, whose sample description says another size."""
    content = bytearray(mp4)
    at = content.index(b"avc1") + 4 + 24
    struct.pack_into(">HH", content, at, width, height)
    return bytes(content)
