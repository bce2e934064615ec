"""How bright, contrasty and sharp a picture is."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

#: Sharpness depends on scale: pictures are brought to this shorter side before it is measured.
_SIDE = 256
#: How many times as long as wide a picture is looked at.
_STRIP = 16


@dataclass(frozen=True)
class Quality:
    """Measures of one picture, or means over several.

    Attributes:
        brightness: mean luma, 0 (black) to 255 (white).
        contrast: standard deviation of the luma.
        sharpness: standard deviation of the Laplacian of the luma at a shorter side of 256 pixels;
            low = blurred.
    """

    brightness: float
    contrast: float
    sharpness: float


def measure_quality(image: NDArray[np.uint8]) -> Quality:
    """The quality of one RGB uint8 picture (H, W, 3)."""
    luma = to_luma(image)
    small = resized(luma, _SIDE)
    laplacian = cv2.Laplacian(small, cv2.CV_32F)
    return Quality(float(luma.mean()), float(luma.std()), float(laplacian.std()))


def to_luma(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma uint8 (H, W) of an RGB picture (H, W, 3)."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)


def without_strip(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most a part 16 times as long as wide: scaled to some height, a strip fills the memory."""
    height, width = image.shape[:2]
    return image[: _STRIP * width, : _STRIP * height]


def resized(image: NDArray[np.uint8], side: int, *, enlarge: bool = True) -> NDArray[np.uint8]:
    """The picture with a shorter side of `side` pixels; smaller ones stay unless `enlarge`.

    Of a strip the beginning: see `without_strip`.
    """
    image = without_strip(image)
    height, width = image.shape[:2]
    scale = side / min(height, width)
    if scale == 1 or (scale > 1 and not enlarge):
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
