"""The pictures and patches that MTCNN's networks look at, out of frames of one size.

All are (k, h, w, 3) with values from 0 to 255. OpenCV shrinks them, in a tenth of the time that
means over areas take (`mtcnn_areas.Averaged`), where bytes are kept and neighbours are joined two
by two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from base_models.faces.images import shrink
from base_models.faces.mtcnn_pyramid import Level, pyramid


@dataclass(frozen=True)
class Reduced:
    """The frames as P-Net looks at them, in one size or in several side by side.

    Attributes:
        pictures: (n, h, w, 3), a picture a frame.
        levels: the sizes in it.
        which: (rows, columns) of P-Net's cells: which of the levels each sees; -1: none.
    """

    pictures: Any
    levels: Sequence[Level]
    which: NDArray[np.int64]


class Pixels(Protocol):
    """Frames to look at, all of one size."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""

    def reduced(self, least: int) -> Iterator[Reduced]:
        """All sizes in which P-Net sees faces of at least `least` pixels."""

    def patches(
        self, frame: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp], side: int
    ) -> Any:
        """Regions [low, high), (k, 2) as x, y, of frames (k,): (k, side, side, 3).

        An array, or a tensor where the networks compute.
        """


class Interpolated:
    """Uint8. images: RGB uint8, each (H, W, 3)."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._images = images

    @property
    def size(self) -> tuple[int, int]:
        height, width = self._images[0].shape[:2]
        return height, width

    def reduced(self, least: int) -> Iterator[Reduced]:
        """All sizes at once, each made from the one before it, so that ever less is read."""
        together = pyramid(*self.size, least)
        if not together.levels:
            return
        pictures = np.zeros((len(self._images), together.height, together.width, 3), np.uint8)
        for picture, image in zip(pictures, self._images, strict=True):
            last = image
            for level in together.levels:
                last = shrink(last, level.height, level.width)
                picture[level.pixels] = last
        yield Reduced(pictures, together.levels, together.level_of_cells)

    def patches(
        self, frame: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp], side: int
    ) -> NDArray[np.uint8]:
        made = np.empty((len(frame), side, side, 3), np.uint8)
        places = zip(frame.tolist(), low.tolist(), high.tolist(), strict=True)
        for patch, (at, (x0, y0), (x1, y1)) in zip(made, places, strict=True):
            patch[:] = shrink(self._images[at][y0:y1, x0:x1], side, side)
        return made
