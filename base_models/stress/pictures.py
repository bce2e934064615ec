"""What is done to a picture: pure functions of it, a strength, and the number of its frame.

The same picture, strength and number give the same answer, whatever else is altered.
"""

import cv2
import numpy as np

from base_models.augment import codecs, colour, quality
from base_models.augment.image import Image


def jpeg(image: Image, strength: float, _number: int) -> Image:
    """Compressed as JPEG of this quality, colours at half the resolution."""
    return codecs.jpeg(image, int(strength))


def h264(image: Image, strength: float, _number: int) -> Image:
    """A single picture, or a face that came cut, as the last frame of a short clip of this CRF."""
    return codecs.h264(image, int(strength))


def rescale(image: Image, strength: float, _number: int) -> Image:
    """Reduced to this share of each side by averaging, and enlarged again by cubic splines."""
    return quality.downscale(image, strength, cv2.INTER_CUBIC)


def blur(image: Image, strength: float, _number: int) -> Image:
    """Gaussian blur of this sigma, in pixels of the picture."""
    return quality.blur(image, strength)


def noise(image: Image, strength: float, number: int) -> Image:
    """Normal noise of this deviation; a frame's noise has the same shape at every strength."""
    return quality.add_noise(image, strength, np.random.default_rng(number))


def brightness(image: Image, strength: float, _number: int) -> Image:
    """All channels multiplied; below 1 darker, above 1 lighter."""
    return colour.adjust_brightness(image, strength)


def small_face(image: Image, strength: float, _number: int) -> Image:
    """The picture reduced to this share of each side, in the middle of a black one of its size.

    As in a video that shows another one: whatever is in it has so many fewer pixels.
    """
    height, width = image.shape[:2]
    size = (max(1, round(width * strength)), max(1, round(height * strength)))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    out = np.zeros_like(image)
    reduced = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    out[top : top + size[1], left : left + size[0]] = reduced
    return out
