"""High dynamic range (PQ, HLG) to the ordinary one, so that faces look as in other videos.

The light that a screen would show is computed (ITU-R BT.2100; HLG as on a screen of 1000 cd/m2).
Its 203 cd/m2, which a white paper has there (BT.2408), become white, and what is above .75 of it is
pressed together smoothly. Then colours go from BT.2020 to BT.709, and light to values by the usual
exponent of 1 / 2.4.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

#: Transfer characteristics (ITU-T H.273, table 3).
PQ, HLG = 16, 18
TRANSFERS = (PQ, HLG)

_WHITE, _SCREEN = 203.0, 1000.0
_KNEE = 0.75
_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
#: Linear BT.2020 to linear BT.709 (ITU-R BT.2087).
_TO_709 = np.array(
    [
        [1.6605, -0.5876, -0.0728],
        [-0.1246, 1.1329, -0.0083],
        [-0.0182, -0.1006, 1.1187],
    ]
)
#: Pixels worked on at a time, which bounds the memory.
_STRIP = 1 << 20
_STEPS = 1 << 16


def to_sdr(picture: NDArray[np.uint16], transfer: int) -> NDArray[np.uint8]:
    """RGB uint8 (H, W, 3) of full-range R'G'B' uint16 (H, W, 3) in BT.2020.

    transfer: `PQ` or `HLG`.
    """
    light = _light(transfer)
    height, width = picture.shape[:2]
    rows = max(1, _STRIP // width)
    made = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, rows):
        linear = light[picture[top : top + rows]]
        if transfer == HLG:
            linear *= np.power(np.maximum(linear @ _LUMA, 1e-6), 0.2)[..., None]
            linear *= _SCREEN / _WHITE
        # One factor for all three colours keeps the hue.
        peak = np.maximum(linear.max(axis=2), 1e-6)
        linear *= (_pressed(peak) / peak)[..., None]
        ordinary = np.clip(cv2.transform(linear, _TO_709), 0, 1)
        made[top : top + rows] = _values()[np.rint(ordinary * (_STEPS - 1)).astype(np.intp)]
    return made


def _pressed(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light, 1 being white, to at most 1."""
    above = np.maximum(light - _KNEE, 0) / (1 - _KNEE)
    return np.minimum(light, _KNEE) + (1 - _KNEE) * (1 - np.exp(-above))


@lru_cache
def _light(transfer: int) -> NDArray[np.float32]:
    """For each 16-bit value its light: of PQ with white as 1, of HLG that of the scene, 0 to 1."""
    value = np.linspace(0, 1, 1 << 16)
    if transfer == PQ:
        root = value ** (32 / 2523)
        ratio = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
        return np.asarray(10_000 / _WHITE * ratio ** (16384 / 2610), np.float32)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = (np.exp((np.maximum(value, 0.5) - c) / a) + b) / 12
    return np.where(value <= 0.5, value**2 / 3, bright).astype(np.float32)


@lru_cache
def _values() -> NDArray[np.uint8]:
    """For each of `_STEPS` steps of light its 8-bit value."""
    return np.rint(255 * np.linspace(0, 1, _STEPS) ** (1 / 2.4)).astype(np.uint8)
