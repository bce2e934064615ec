"""Faces turned, moved and scaled so that eyes, nose and mouth lie where they lie in all others.

The reference is the five-point template of ArcFace (Deng et al. 2019), which most networks for
faces are trained on, drawn a little smaller: at `margin` m the face fills the aligned crop as much
as MTCNN's box with that margin fills the crop that is not aligned, so that one margin means one
scale. A similarity transform (turn, scale, shift; no mirroring, no shear) is fitted to as many of
the points as the finder gives, at least two, by least squares.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

#: ArcFace's five points in a square of 112 pixels, (5, 2) x y.
TEMPLATE = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
_LARGER, _MIDDLE = 1.085, np.array([0.5, 0.567])
#: Where the five points (see `finders.N_POINTS`) lie in the crop at margin 0, as shares of its
#: side, x to the right and y down: the template, drawn in 112 pixels, 1.085 times as large.
REFERENCE = (TEMPLATE - TEMPLATE.mean(axis=0)) / 112 * _LARGER + _MIDDLE
#: Where the template's own square then lies: its middle, x y, and its side, in the same shares.
TEMPLATE_ON_BOX = ((56 - TEMPLATE.mean(axis=0)) / 112 * _LARGER + _MIDDLE, _LARGER)


def reference_points(margin: float, size: int) -> NDArray[np.float64]:
    """Where the five points lie in an aligned crop, (5, 2) x y in its pixels."""
    return ((REFERENCE + margin) / (1 + 2 * margin)) * size


def fit_similarity(
    source: NDArray[np.floating], target: NDArray[np.floating]
) -> NDArray[np.float64] | None:
    """The turn, scale and shift that bring points onto points, by least squares.

    Args:
        source, target: (n, 2) x y; rows with a NaN in `source` do not count.

    Returns:
        (2, 3), target = M[:, :2] @ source + M[:, 2]; None with fewer than two distinct points.
    """
    known = np.isfinite(source).all(axis=1)
    # As complex numbers a similarity is one multiplication and one addition.
    z = source[known].astype(np.float64) @ np.array([1, 1j])
    w = target[known].astype(np.float64) @ np.array([1, 1j])
    if len(z) < 2:
        return None
    about = z - z.mean()
    spread = float((np.abs(about) ** 2).sum())
    if spread < 1e-6:
        return None
    turn = (about.conj() * (w - w.mean())).sum() / spread
    shift = w.mean() - turn * z.mean()
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def cut_aligned(
    image: NDArray[np.uint8], points: NDArray[np.floating], *, margin: float, size: int
) -> NDArray[np.uint8] | None:
    """The aligned face as RGB uint8 (size, size, 3); None when its points do not suffice.

    image: (H, W, 3); points: (5, 2) in its pixels, NaN for unknown ones. Shrinking averages (no
    aliasing), enlarging is cubic; what lies outside the frame repeats its edge.
    """
    move = fit_similarity(points, reference_points(margin, size))
    return None if move is None else warp_face(image, move, size)


def warp_face(
    image: NDArray[np.uint8],
    move: NDArray[np.float64],
    size: int,
    *,
    border: int = cv2.BORDER_REPLICATE,
    linear: bool = False,
) -> NDArray[np.uint8] | None:
    """A picture turned, moved and scaled by `move`, (2, 3), into (size, size, 3).

    None where the scale is no face's. `border`: OpenCV's name for what lies outside the frame;
    `linear`: between the four nearest pixels, without averaging where it shrinks.
    """
    scale = float(np.hypot(move[0, 0], move[1, 0]))
    # A face collapsed to a point, or larger than any frame, is no face.
    if not 1 / 64 < scale < 64:
        return None
    move = move.copy()
    if scale < 1 and not linear:
        image, move = _reduced(image, move, scale, size)
    # OpenCV's coordinates are those of pixel centres, ours those of edges.
    move[:, 2] += move[:, :2].sum(axis=1) / 2 - 0.5
    how = cv2.INTER_LINEAR if linear else cv2.INTER_CUBIC
    warped = cv2.warpAffine(image, move, (size, size), flags=how, borderMode=border)
    return np.asarray(warped, np.uint8)


def _reduced(
    image: NDArray[np.uint8], move: NDArray[np.float64], scale: float, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of the frame that the crop shows, reduced by averaging, and what is left to do."""
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], float)
    seen = (corners - move[:, 2]) @ np.linalg.inv(move[:, :2]).T
    border = 4 / scale
    low = np.clip(np.floor(seen.min(axis=0) - border), 0, [width - 1, height - 1]).astype(int)
    high = np.clip(np.ceil(seen.max(axis=0) + border), low + 1, [width, height]).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    to = np.maximum(np.round((high - low) * scale), 1).astype(int)
    part = np.asarray(cv2.resize(part, tuple(map(int, to)), interpolation=cv2.INTER_AREA), np.uint8)
    back = (high - low) / to  # pixels of the frame a pixel of the part
    left = move.copy()
    left[:, :2] = move[:, :2] * back
    left[:, 2] = move[:, :2] @ low + move[:, 2]
    return part, left
