"""The sizes at which MTCNN's first network sees a frame, side by side in one picture.

P-Net sees faces of one size, so it looks at a frame in ever smaller sizes. Laid into one picture,
they are one question instead of ten, of one shape through a whole video: OpenVINO prepares itself
for each new shape, which costs as much as the answer.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

#: Side of the faces that P-Net sees, in pixels; its cells lie `STRIDE` apart.
CELL = 12
STRIDE = 2
_FACTOR = 0.709


@dataclass(frozen=True)
class Level:
    """The frame in one size, and where it lies in the picture.

    Attributes:
        scale: its size by that of the frame.
        height, width: in pixels.
        top, left: even numbers of pixels, so that cells begin where they begin in the level alone.
    """

    scale: float
    height: int
    width: int
    top: int = 0
    left: int = 0

    @property
    def pixels(self) -> tuple[slice, slice]:
        """Its rows and columns in the picture."""
        return (
            slice(self.top, self.top + self.height),
            slice(self.left, self.left + self.width),
        )

    @property
    def cells(self) -> tuple[slice, slice]:
        """Rows and columns of P-Net's answer to the picture that saw this level alone."""
        row, column = self.top // STRIDE, self.left // STRIDE
        rows, columns = ((side - CELL) // STRIDE + 1 for side in (self.height, self.width))
        return slice(row, row + rows), slice(column, column + columns)


@dataclass(frozen=True)
class Pyramid:
    """All levels, the largest first, in a picture of `height` and `width`."""

    levels: tuple[Level, ...]
    height: int
    width: int

    @cached_property
    def level_of_cells(self) -> NDArray[np.int64]:
        """For each cell of P-Net's answer the number of the level that it sees whole; -1: none."""
        numbers = np.full(cells_of(self.height, self.width), -1)
        for number, level in enumerate(self.levels):
            numbers[level.cells] = number
        return numbers


def cells_of(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of P-Net's answer to a picture; the last may see less than a cell."""
    return -(-(height - 2) // STRIDE) - 4, -(-(width - 2) // STRIDE) - 4


def level_sizes(height: int, width: int, min_face_pixels: int) -> list[Level]:
    """The levels of frames of a size, each by itself, as facenet-pytorch has them."""
    levels = []
    scale = CELL / min_face_pixels
    while min(height, width) * scale >= CELL:
        levels.append(Level(scale, int(height * scale + 1), int(width * scale + 1)))
        scale *= _FACTOR
    return levels


@lru_cache(maxsize=64)
def pyramid(height: int, width: int, min_face_pixels: int) -> Pyramid:
    """The levels in rows, each in the first row in which it has room."""
    placed: list[Level] = []
    rows: list[_Row] = []
    for level in level_sizes(height, width, min_face_pixels):
        row = next((row for row in rows if row.has_room(level)), None)
        if row is None:
            top = rows[-1].top + _even(rows[-1].height) if rows else 0
            whole = rows[0].width if rows else level.width
            row = _Row(top, level.height, whole)
            rows.append(row)
        placed.append(replace(level, top=row.top, left=row.filled))
        row.filled += _even(level.width)
    if not rows:
        return Pyramid((), 0, 0)
    return Pyramid(tuple(placed), rows[-1].top + rows[-1].height, rows[0].width)


@dataclass
class _Row:
    top: int
    height: int
    width: int
    filled: int = 0

    def has_room(self, level: Level) -> bool:
        return level.height <= self.height and self.filled + level.width <= self.width


def _even(pixels: int) -> int:
    return pixels + pixels % STRIDE
