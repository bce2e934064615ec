"""Maps of piecewise linear slope: the columns that the quadratic and the spline calibrator fit."""

from itertools import pairwise

import numpy as np

from calibration.inputs import Floats


def weighted_quantiles(z: Floats, w: Floats, shares: list[float]) -> tuple[float, ...]:
    """The least z at or below which lies at least each share of the weight."""
    order = np.argsort(z, kind="stable")
    mass = np.cumsum(w[order])
    # A hair of slack, or rounding in the sum would choose between a row and its neighbour.
    at = np.searchsorted(mass, np.asarray(shares) * mass[-1] * (1 - 1e-12))
    return tuple(float(z[order[min(i, len(z) - 1)]]) for i in at)


def slope_columns(z: Floats, knots: Floats) -> Floats:
    """Integrals from the first knot to z of the hat functions of the knots, (n, knots).

    A map with slope s_j at knot j, linear between and constant beyond, is their sum weighted by
    s. All columns are non-decreasing and together make z - knots[0].
    """
    if len(knots) == 1:
        return np.asarray(z - knots[0])[:, None]
    columns = np.zeros((len(z), len(knots)))
    for j, (left, right) in enumerate(pairwise(knots)):
        length = right - left
        inside = np.clip(z, left, right) - left
        rising = inside * (inside / (2 * length))
        columns[:, j] += inside - rising
        columns[:, j + 1] += rising
    columns[:, 0] += np.minimum(z - knots[0], 0)
    columns[:, -1] += np.maximum(z - knots[-1], 0)
    return columns
