"""What cameras and sites do to a picture: grain, blur, fewer pixels, sharpening."""

import cv2
import numpy as np

from base_models.augment.image import Image, to_uint8


def add_noise(image: Image, deviation: float, rng: np.random.Generator) -> Image:
    """Normal noise of this standard deviation (grey levels) added to every channel value."""
    noise = rng.standard_normal(image.shape, np.float32)
    return to_uint8(image + noise * np.float32(deviation))


def blur(image: Image, sigma: float) -> Image:
    """Gaussian blur; `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def sharpen(image: Image, amount: float) -> Image:
    """The difference from a blurred copy added `amount` times (unsharp mask)."""
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    return np.asarray(cv2.addWeighted(image, 1 + amount, soft, -amount, 0), np.uint8)


def downscale(image: Image, ratio: float, how: int = cv2.INTER_LINEAR) -> Image:
    """Reduced to `ratio` of its sides by averaging, and enlarged again.

    Args:
        image: the crop, or any picture.
        ratio: in (0, 1].
        how: OpenCV's way of enlarging.
    """
    height, width = image.shape[:2]
    small = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(reduced, (width, height), interpolation=how), np.uint8)
