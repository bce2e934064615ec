"""What all alterations work on."""

import numpy as np
from numpy.typing import NDArray

#: One crop, RGB uint8 (s, s, 3).
Image = NDArray[np.uint8]
#: Left eye, right eye, nose, left and right corner of the mouth: (5, 2) x y in pixels of the crop.
Points = NDArray[np.float64]


def to_uint8(pixels: NDArray[np.floating]) -> Image:
    """Rounded and kept within 0 .. 255."""
    return np.clip(pixels + 0.5, 0, 255).astype(np.uint8)
