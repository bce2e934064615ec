"""A decoded frame whose RGB values are computed where they are looked at.

Faces fill a small part of a frame, and most frames are looked at nowhere else; turning all of a
large frame to RGB costs more than finding its faces where they are expected.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

#: Planar formats of which a part can be turned to RGB: by how many bits the pixels of the second
#: and third plane are fewer, in both directions.
_COARSER = {"yuv420p": 1, "yuvj420p": 1, "yuv444p": 0, "yuvj444p": 0}

#: A part begins at a multiple of this column: the converter works through a row in such steps, and
#: may round otherwise in a rest.
_STEP = 16
#: Its sides are multiples of this where they can be: every new size costs a new converter.
_SIDE = 64
#: From this share of the frame on, all of it is turned to RGB.
_WHOLE_FROM = 0.3


class Converter:
    """FFmpeg's conversion to RGB, prepared once for each size of picture."""

    def __init__(self) -> None:
        self._prepared = lru_cache(maxsize=32)(lambda width, height: VideoReformatter())

    def rgb(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """All of a frame: uint8 (H, W, 3), as it is coded."""
        prepared = self._prepared(frame.width, frame.height)
        return np.asarray(prepared.reformat(frame, format="rgb24").to_ndarray(), np.uint8)


class Picture:
    """RGB uint8 (H, W, 3), turned upright; `picture[y0:y1, x0:x1]` is a part of it.

    `numpy.asarray` gives all of it, the same numbers.
    """

    def __init__(self, frame: VideoFrame, converter: Converter) -> None:
        self._frame = frame
        self._converter = converter
        self._turns = round(frame.rotation / 90) % 4
        self._whole: NDArray[np.uint8] | None = None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, 3."""
        height, width = self._frame.height, self._frame.width
        return (width, height, 3) if self._turns % 2 else (height, width, 3)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if self._whole is None:
            image = self._converter.rgb(self._frame)
            self._whole = np.ascontiguousarray(np.rot90(image, self._turns))
        return np.array(self._whole, dtype, copy=copy)

    def __getitem__(self, place: tuple[slice, slice]) -> NDArray[np.uint8]:
        rows, columns = (
            side.indices(length) for side, length in zip(place, self.shape[:2], strict=True)
        )
        (y0, y1, _), (x0, x1, _) = rows, columns
        asked = max(y1 - y0, 0) * max(x1 - x0, 0)
        small = 0 < asked < _WHOLE_FROM * self._frame.height * self._frame.width
        if self._whole is not None or not small or not self._in_parts():
            return np.asarray(self)[place]
        top, bottom = _stretch(y0, y1, self._frame.height, 2)
        left, right = _stretch(x0, x1, self._frame.width, _STEP)
        part = self._converter.rgb(_cut(self._frame, top, bottom, left, right))
        return part[y0 - top : y1 - top, x0 - left : x1 - left]

    def _in_parts(self) -> bool:
        """Whether FFmpeg makes the same numbers of a part."""
        coarser = _COARSER.get(self._frame.format.name)
        if coarser is None or self._turns:
            return False
        # With an odd side it converts in another way.
        return not coarser or self._frame.height % 2 == self._frame.width % 2 == 0


#: A frame, or a picture whose RGB values are computed where they are looked at.
Image = NDArray[np.uint8] | Picture


def _stretch(start: int, end: int, length: int, step: int) -> tuple[int, int]:
    """Where a part that holds start to end begins, at a multiple of `step`, and ends."""
    start = start // step * step
    side = -(-(end - start) // _SIDE) * _SIDE
    if start + side > length:
        start = max(0, min(start, (length - side) // step * step))
    return start, min(start + side, length) if start + side >= end else length


def _cut(frame: VideoFrame, top: int, bottom: int, left: int, right: int) -> VideoFrame:
    """A part of a frame as a frame of its own; `top` and `left` are even."""
    part = VideoFrame(right - left, bottom - top, frame.format.name)
    part.colorspace, part.color_range = frame.colorspace, frame.color_range
    for number, (source, target) in enumerate(zip(frame.planes, part.planes, strict=True)):
        coarser = _COARSER[frame.format.name] if number else 0
        rows = slice(top >> coarser, (bottom + coarser) >> coarser)
        columns = slice(left >> coarser, (right + coarser) >> coarser)
        pixels = _rows(source)[rows, columns]
        _rows(target)[: pixels.shape[0], : pixels.shape[1]] = pixels
    return part


def _rows(plane: Any) -> NDArray[np.uint8]:
    """A plane's memory, (height, bytes a row)."""
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
