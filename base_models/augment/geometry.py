"""A crop mirrored, turned."""

import cv2
import numpy as np

from base_models.augment.image import Image


def flip(image: Image) -> Image:
    """Left and right exchanged."""
    return np.ascontiguousarray(image[:, ::-1])


def rotate(image: Image, degrees: float) -> Image:
    """Turned counter-clockwise about its centre; corners that come in repeat the edge."""
    side = len(image)
    centre = (side - 1) / 2
    turn = cv2.getRotationMatrix2D((centre, centre), degrees, 1.0)
    return np.asarray(
        cv2.warpAffine(
            image, turn, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )
