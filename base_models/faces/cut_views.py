"""Faces cut as a view says (see `base_models.faces.views`).

Coordinates are those of edges: the first pixel reaches from 0 to 1.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.align import TEMPLATE, TEMPLATE_ON_BOX, fit_similarity, warp_face
from base_models.faces.views import View
from base_models.frozen.card import Crop

#: What OpenCV puts beside the frame; black where nothing is named.
_BORDER = {"edge": cv2.BORDER_REPLICATE, "inside": cv2.BORDER_REPLICATE}


def cut_view(
    image: NDArray[np.uint8],
    box: NDArray[np.floating],
    points: NDArray[np.floating],
    view: View,
) -> tuple[NDArray[np.uint8], bool]:
    """A face as `view` wants it, RGB uint8 (size, size, 3), and whether it is as it wants it.

    It is not where the view is an aligned one and fewer than two of the points are known: then the
    upright square stands for it that shows as much.

    Args:
        image: RGB uint8 (H, W, 3).
        box: x0 y0 x1 y1 of the face.
        points: (5, 2) x y of its points (see `finders.N_POINTS`), NaN for unknown ones.
        view: how; not one of the whole picture.
    """
    crop, size = view.crop, view.size
    if crop.align == "none":
        return _cut(image, _region(box, crop), crop, size), True
    aligned = _aligned(image, points, crop, size)
    if aligned is not None:
        return aligned, True
    return _cut(image, _upright(box, crop.scale), crop, size), False


def whole_picture(image: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """The whole of a picture, RGB uint8 (H, W, 3), in a square (size, size, 3).

    It is squeezed into it; where the view is `padded`, it keeps its aspect, between black bars.
    """
    if view.crop.shape == "padded":
        return _between_bars(image, view.size, view.crop)
    return _resized(image, view.size, view.size, view.crop)


def _region(box: NDArray[np.floating], crop: Crop) -> NDArray[np.float64]:
    """Left, top, right and bottom of what a crop shows, before it is brought to its shape."""
    x0, y0, x1, y1 = map(float, box)
    width, height = x1 - x0, y1 - y0
    if crop.sides == "each":
        across, down = width, height
    else:
        across = down = height if crop.sides == "height" else max(width, height)
    left, above, right, below = crop.margin
    return np.array([x0 - left * across, y0 - above * down, x1 + right * across, y1 + below * down])


def _upright(box: NDArray[np.floating], scale: float) -> NDArray[np.float64]:
    """The square about a box that shows what an aligned crop of `scale` shows of an upright face.

    It is where ArcFace's square lies when its five points lie on the box as MTCNN's do.
    """
    x0, y0, x1, y1 = map(float, box)
    side = max(x1 - x0, y1 - y0)
    centre, template_side = TEMPLATE_ON_BOX
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2]) + (centre - 0.5) * side
    half = template_side * side * scale / 2
    return np.array([*(middle - half), *(middle + half)])


def _cut(
    image: NDArray[np.uint8], region: NDArray[np.float64], crop: Crop, size: int
) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    x0, y0 = (int(v) for v in np.floor(region[:2]))
    x1, y1 = (int(v) for v in np.ceil(region[2:]))
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    if crop.shape == "square":
        side = max(x1 - x0, y1 - y0)
        x0, y0 = (x0 + x1 - side) // 2, (y0 + y1 - side) // 2
        x1, y1 = x0 + side, y0 + side
    if crop.padding == "inside":
        x0, x1 = _inside(x0, x1, width)
        y0, y1 = _inside(y0, y1, height)
    # What is left of the box in the frame; of one that lies beside it, the nearest pixels.
    left, right = min(max(x0, 0), width - 1), max(min(x1, width), 1)
    top, bottom = min(max(y0, 0), height - 1), max(min(y1, height), 1)
    seen = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    above, below, before, after = (
        max(one, 0) for one in (top - y0, y1 - bottom, left - x0, x1 - right)
    )
    if crop.padding != "none" and above + below + before + after:
        border = _BORDER.get(crop.padding, cv2.BORDER_CONSTANT)
        seen = _uint8(cv2.copyMakeBorder(seen, above, below, before, after, border, value=0))
    if crop.shape == "padded":
        return _between_bars(seen, size, crop)
    return _resized(seen, size, size, crop)


def _inside(low: int, high: int, length: int) -> tuple[int, int]:
    """A stretch moved in as far as it fits; one that is longer, centred."""
    long = high - low
    low = (length - long) // 2 if long >= length else min(max(low, 0), length - long)
    return low, low + long


def _between_bars(image: NDArray[np.uint8], size: int, crop: Crop) -> NDArray[np.uint8]:
    """The picture in the middle of a black square, as large as fits."""
    height, width = image.shape[:2]
    longer = max(height, width)
    across, down = max(1, width * size // longer), max(1, height * size // longer)
    out = np.zeros((size, size, 3), np.uint8)
    left, top = (size - across) // 2, (size - down) // 2
    out[top : top + down, left : left + across] = _resized(image, across, down, crop)
    return out


def _resized(image: NDArray[np.uint8], across: int, down: int, crop: Crop) -> NDArray[np.uint8]:
    how = cv2.INTER_LINEAR
    if crop.resize == "area":
        shrinks = across * down < image.shape[0] * image.shape[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return _uint8(cv2.resize(image, (across, down), interpolation=how))


def _aligned(
    image: NDArray[np.uint8], points: NDArray[np.floating], crop: Crop, size: int
) -> NDArray[np.uint8] | None:
    """The face as DeepfakeBench aligns it; None where its points do not suffice.

    ArcFace's template, drawn in a square of `size` pixels, is brought nearer to the middle until
    `scale` times as much shows. There pixels are known by their centres, here by their edges.
    """
    template = (TEMPLATE / 112 + (crop.scale - 1) / 2) / crop.scale * size
    move = fit_similarity(points, template + 0.5)
    if move is None:
        return None
    border = _BORDER.get(crop.padding, cv2.BORDER_CONSTANT)
    return warp_face(image, move, size, border=border, linear=crop.resize == "linear")


def _uint8(image: Any) -> NDArray[np.uint8]:
    return np.asarray(image, np.uint8)
