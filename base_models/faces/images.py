"""Pictures made smaller, and face crops to JPEG bytes and back."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

#: High enough that the traces detectors live on survive; colour is kept at full resolution.
JPEG_QUALITY = 95

_ENCODING = [
    cv2.IMWRITE_JPEG_QUALITY,
    JPEG_QUALITY,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
]


def shrink(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A picture to search, (height, width, 3), of one (H, W, 3).

    Halved while it is twice as large or more, then interpolated between neighbours: every pixel
    counts, and it takes a tenth of the time of averaging over areas (`cv2.INTER_AREA`), which
    differs by a grey level or two. For networks that look, not for crops that are kept.
    """
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        half = (max(width, image.shape[1] // 2), max(height, image.shape[0] // 2))
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_LINEAR), np.uint8)
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def encode_jpeg(image: NDArray[np.uint8]) -> bytes:
    """JPEG bytes of an RGB uint8 image (H, W, 3); the same image gives the same bytes."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), _ENCODING)
    if not done:
        raise ValueError(f"OpenCV could not encode an image of shape {image.shape}")
    return data.tobytes()


def decode_jpegs(items: Sequence[bytes]) -> NDArray[np.uint8]:
    """RGB uint8 array (n, H, W, 3) of n JPEGs of one size.

    Raises:
        ValueError: an item is not a JPEG, or the sizes differ.
    """
    images = []
    for data in items:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise ValueError("a stored face crop is not a readable JPEG")
        images.append(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    return np.stack(images).astype(np.uint8, copy=False)
