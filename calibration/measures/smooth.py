"""Smooth calibration error: no bins to choose (Blasiok and Nakkiran 2023).

The residuals y - p are smoothed over p with a Gaussian kernel reflected at 0 and 1, and the
width s is the one at which the integral of their absolute value is s itself. Reflection makes
the cosines the kernel's eigenfunctions, so that smoothing any number of columns at any width is
one cosine transform.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct, idct
from scipy.sparse import csr_array

from calibration.inputs import Floats, check_scored

#: Points between 0 and 1; a width below their distance cannot be told from it.
_GRID = 1024
_HALVINGS = 20


def smooth_ece(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """The smooth calibration error smECE, 0 (calibrated) to 1.

    Examples:
        >>> from calibration import smooth_ece
        >>> y = [0, 1] * 50
        >>> round(smooth_ece(y, [0.5] * 100), 3), round(smooth_ece(y, [0.9] * 100), 3)
        (0.0, 0.4)
    """
    labels, probability, weight = check_scored(y, p, w)
    spread = spread_on_grid(probability)
    return float(widths_of((spread @ (weight * (labels - probability)))[None, :] / weight.sum())[0])


def spread_on_grid(p: Floats) -> csr_array:
    """The (grid, n) matrix that shares each row out between its two nearest grid points."""
    place = np.clip(p * _GRID - 0.5, 0, _GRID - 1)
    left = np.minimum(place.astype(np.intp), _GRID - 2)
    right = place - left
    rows = np.concatenate([left, left + 1])
    columns = np.tile(np.arange(len(p)), 2)
    shares = np.concatenate([1 - right, right])
    return csr_array((shares, (rows, columns)), shape=(_GRID, len(p)))


def widths_of(residuals: Floats) -> Floats:
    """smECE of residual masses on the grid: (b, grid) -> (b,).

    The smoothed error falls with the width, so the width it equals is found by halving.
    """
    waves = dct(residuals, axis=1, norm="ortho")
    decay = (np.pi * np.arange(_GRID)) ** 2 / 2
    low, high = np.zeros(len(residuals)), np.ones(len(residuals))
    for _ in range(_HALVINGS):
        width = (low + high) / 2
        smoothed = idct(waves * np.exp(-decay * width[:, None] ** 2), axis=1, norm="ortho")
        above = np.abs(smoothed).sum(axis=1) > width
        low, high = np.where(above, width, low), np.where(above, high, width)
    return (low + high) / 2
