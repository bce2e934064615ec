"""A part of the face taken out, so that a detector does not rest on one part alone.

After the cut-outs of the winner of the DFDC (Seferbekov 2020), who took them from landmarks.
"""

import cv2
import numpy as np

from base_models.augment.face_shape import part_ellipse
from base_models.augment.image import Image, Points


def cut_out(image: Image, points: Points, part: str, scale: float, fill: tuple[int, ...]) -> Image:
    """One part filled with a colour.

    Args:
        image: the crop.
        points: of its face, (5, 2).
        part: see `face_shape.PARTS`.
        scale: of the part's size.
        fill: red, green, blue.
    """
    centre, axes, angle = part_ellipse(points, part)
    out = image.copy()
    x, y = (round(v) for v in centre)
    width, height = (max(1, round(v * scale)) for v in axes)
    cv2.ellipse(out, (x, y), (width, height), angle, 0, 360, [int(v) for v in fill], -1)
    return out


def mean_colour(image: Image) -> tuple[int, ...]:
    """The crop's mean red, green and blue."""
    return tuple(int(v) for v in np.round(image.mean(axis=(0, 1))))
