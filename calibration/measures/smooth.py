"""Smooth calibration error: no bins to choose (Blasiok and Nakkiran 2023).

The residuals y - p are smoothed over p with a Gaussian kernel reflected at 0 and 1, and the
width s is the one at which the integral of their absolute value is s itself. Reflection makes
the cosines the kernel's eigenfunctions, so that smoothing any number of columns at any width is
one cosine transform.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dct, idct
from scipy.optimize.elementwise import find_root
from scipy.sparse import csr_array

from calibration.inputs import Floats, check_scored

#: Points between 0 and 1; a width below their distance cannot be told from it.
_GRID = 1024
#: A width is told to one part in so many, which no order of the rows changes.
_PARTS = 2**20


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

    The smoothed error falls with the width, so there is one width that it equals.
    """
    waves = dct(residuals, axis=1, norm="ortho")
    rate = np.pi * np.arange(_GRID)

    def excess(width: Floats, row: NDArray[np.intp]) -> Floats:
        """The smoothed error of those rows above their width."""
        # What has decayed to less than a billionth is left out.
        there = slice(0, int(np.searchsorted(rate * width.min(initial=1.0), 6.5)))
        decay = np.exp(-0.5 * (rate[there] * width[:, None]) ** 2)
        smoothed = idct(waves[row, there] * decay, n=_GRID, axis=1, norm="ortho")
        return np.asarray(np.abs(smoothed).sum(axis=1) - width)

    rows = np.arange(len(residuals))
    above = 1.01 * np.abs(residuals).sum(axis=1) + 1 / _PARTS
    close = {"xatol": 0.01 / _PARTS, "xrtol": 0}
    root = find_root(excess, (np.zeros(len(rows)), above), args=(rows,), tolerances=close)
    return np.asarray(np.round(root.x * _PARTS) / _PARTS)
