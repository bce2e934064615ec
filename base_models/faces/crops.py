"""Square crops of faces out of the full frame."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def square_region(
    box: NDArray[np.floating], margin: float, height: int, width: int
) -> tuple[int, int, int]:
    """Left, top and side (pixels) of the square around a box.

    The side is the box's longer side times (1 + 2 * margin). A square that reaches over the edge
    is moved in as far as it fits, so that a face at the border is not half filler; one larger
    than the frame stays centred on the frame in that direction.
    """
    x0, y0, x1, y1 = (float(v) for v in box)
    side = max(1, round(max(x1 - x0, y1 - y0) * (1 + 2 * margin)))
    return (
        _placed((x0 + x1) / 2, side, width),
        _placed((y0 + y1) / 2, side, height),
        side,
    )


def cut_face(
    image: NDArray[np.uint8], box: NDArray[np.floating], *, margin: float, size: int
) -> NDArray[np.uint8]:
    """The face as RGB uint8 (size, size, 3).

    image: (H, W, 3); box: x0 y0 x1 y1 in its pixels. Shrinking averages (no aliasing), enlarging
    is cubic; what lies outside the frame repeats its edge.
    """
    height, width = image.shape[:2]
    left, top, side = square_region(box, margin, height, width)
    inside: NDArray[Any] = image[max(top, 0) : top + side, max(left, 0) : left + side]
    fill = (
        max(-top, 0),
        max(top + side - height, 0),
        max(-left, 0),
        max(left + side - width, 0),
    )
    if any(fill):
        inside = cv2.copyMakeBorder(inside, *fill, cv2.BORDER_REPLICATE)
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(inside, (size, size), interpolation=how), np.uint8)


def _placed(centre: float, side: int, length: int) -> int:
    if side >= length:
        return (length - side) // 2
    return min(max(round(centre - side / 2), 0), length - side)
