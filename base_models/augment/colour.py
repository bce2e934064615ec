"""Light and colour of a crop."""

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.augment.image import Image, to_uint8

_LEVELS = np.arange(256, dtype=np.float64)
#: What the channels give to the brightness that is seen (ITU-R BT.601).
_LUMA = np.array([[0.299, 0.587, 0.114]], np.float32)


def adjust_brightness(image: Image, factor: float) -> Image:
    """All channels multiplied by `factor`."""
    return through_table(image, _LEVELS * factor)


def adjust_contrast(image: Image, factor: float) -> Image:
    """Distances from the mean of all channels multiplied by `factor`."""
    mean = float(image.mean())
    return through_table(image, (_LEVELS - mean) * factor + mean)


def adjust_saturation(image: Image, factor: float) -> Image:
    """Distances of the channels from grey multiplied by `factor`; 0 leaves grey.

    The brightness stays, but for channels that would leave 0 .. 255.
    """
    # One product of each pixel with a matrix: factor * pixel + (1 - factor) * luma.
    mix = factor * np.eye(3, dtype=np.float32) + (1 - np.float32(factor)) * np.repeat(_LUMA, 3, 0)
    return np.asarray(cv2.transform(image, mix), np.uint8)


def shift_channels(image: Image, shift: NDArray[np.floating]) -> Image:
    """`shift`, (3,), added to the red, green and blue of every pixel."""
    tables = to_uint8(_LEVELS[:, None] + np.asarray(shift))
    return np.asarray(cv2.LUT(image, tables[None]), np.uint8)


def through_table(image: Image, table: NDArray[np.floating]) -> Image:
    """Every channel value v replaced by table[v], (256,): faster than arithmetic on each pixel."""
    return np.asarray(cv2.LUT(image, to_uint8(table)), np.uint8)
