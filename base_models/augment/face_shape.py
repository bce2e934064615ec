"""Where a face and its parts lie in a crop, from five points: an outline, eyes, nose, mouth.

Self-blending needs an outline, also where the 81 landmarks of `landmarks.find_outlines` are not
known. Of five points it is one mean face, turned, scaled and moved onto them, which knows neither
the pose nor the shape of this very face.
"""

import numpy as np
from numpy.typing import NDArray

from base_models.augment.image import Points
from base_models.faces.align import REFERENCE, fit_similarity, reference_points

#: The margin of the crops by default, see `FaceSettings`.
_MARGIN = 0.2

# The right half of a mean face's outline from above to the chin, in distances between the eyes
# the point between the eyes, x outward, y down.
_FOREHEAD = np.array([[0.0, -1.05], [0.45, -0.98], [0.85, -0.72]])
_BROW = np.array([[0.4, -0.42], [0.86, -0.36]])
_JAW = np.array(
    [[1.06, 0.0], [1.04, 0.42], [0.97, 0.85], [0.82, 1.26], [0.56, 1.6], [0.25, 1.8], [0.0, 1.84]]
)


def usual_points(side: int) -> Points:
    """The five points where crops cut with the default margin have them on average."""
    return reference_points(_MARGIN, side)


def outline(points: Points, *, forehead: bool) -> NDArray[np.float64]:
    """The outline of a face around its five points, (k, 2) x y in pixels, in order.

    Args:
        points: (5, 2), see `image.Points`.
        forehead: up to the hair, or only to the brows.

    Raises:
        ValueError: all points are one.
    """
    half = np.concatenate([_FOREHEAD if forehead else _BROW, _JAW])
    whole = np.concatenate([half, half[::-1] * [-1, 1]])
    left, right = REFERENCE[0], REFERENCE[1]
    there = (left + right) / 2 + whole * np.linalg.norm(right - left)
    move = fit_similarity(REFERENCE, points)
    if move is None or not np.isfinite(points).all() or not np.ptp(points, axis=0).any():
        raise ValueError("five points that differ are needed to lay a face onto")
    return there @ move[:, :2].T + move[:, 2]


def part_ellipse(
    points: Points, part: str
) -> tuple[tuple[float, float], tuple[float, float], float]:
    """The ellipse around a part of the face.

    Args:
        points: (5, 2).
        part: `left_eye`, `right_eye`, `eyes`, `nose` or `mouth`.

    Returns:
        Centre, half axes (along the line of the eyes, across it) in pixels, angle in degrees.
    """
    left, right, nose, mouth_left, mouth_right = points
    across = right - left
    distance = float(np.linalg.norm(across))
    eyes = (left + right) / 2
    places = {
        "left_eye": (left, 0.36, 0.24),
        "right_eye": (right, 0.36, 0.24),
        "eyes": (eyes, 0.95, 0.28),
        "nose": ((eyes + 2 * nose) / 3, 0.3, 0.42),
        "mouth": ((mouth_left + mouth_right) / 2, 0.58, 0.3),
    }
    centre, width, height = places[part]
    angle = float(np.degrees(np.arctan2(across[1], across[0])))
    return (float(centre[0]), float(centre[1])), (width * distance, height * distance), angle


PARTS = ("left_eye", "right_eye", "eyes", "nose", "mouth")
