"""Whether the models of a detector's folds answer on one scale: a stack takes them for one."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from predictions.groups import group_codes

Floats = NDArray[np.float64]

#: How far the folds must lie apart, in standard deviations of scores of one label, or how many
#: times as wide one must be as another.
_APART, _WIDER = 0.5, 1.5
#: Draws of the test, and in how many of them chance may do as much.
_DRAWS, _BY_CHANCE = 500, 1
#: Videos below which a fold is not looked at.
_LEAST_VIDEOS = 20


def folds_apart(
    score: pd.Series, label: pd.Series, fold: pd.Series, group: pd.Series, seed: int = 0
) -> tuple[float, float] | None:
    """How far the folds' scores lie apart, and how many times as wide one is as another.

    Args:
        score: out of fold, any scale; NaN where missing. label, fold, group: of the same rows.

    Returns:
        The largest difference of folds' means, in standard deviations of one label's scores, and
        the largest ratio of their mean absolute deviations; None where neither is large, or where
        dealing the groups out anew would as soon give as much: a permutation test over groups, of
        scores put in ranks and freed of what the label explains.
    """
    there = score.notna().to_numpy()
    y, folds = label[there].to_numpy(np.float64), pd.factorize(fold[there], sort=True)[0]
    counts = np.bincount(folds)
    if len(counts) < 2 or counts.min() < _LEAST_VIDEOS:
        return None
    z = rankdata(score[there].to_numpy(np.float64)).astype(np.float64)
    for one in (0.0, 1.0):
        z[y == one] -= z[y == one].mean() if (y == one).any() else 0.0
    z /= max(float(z.std()), 1e-12)
    owner = group_codes(group[there].to_numpy(), len(y), sort=True)
    dealt = np.zeros(owner.max() + 1, dtype=np.intp)
    dealt[owner] = folds
    wide = np.abs(z - (np.bincount(folds, weights=z) / counts)[folds])
    of_each = (np.bincount(owner, weights=v) for v in (np.ones_like(z), z, wide))
    sums: Floats = np.column_stack(list(of_each)).astype(np.float64)
    found = _apart(sums, dealt, len(counts))
    if found[0] < _APART and found[1] < _WIDER:
        return None
    rng = np.random.default_rng(seed)
    drawn = np.array([_apart(sums, rng.permutation(dealt), len(counts)) for _ in range(_DRAWS)])
    place, width = (drawn >= np.array(found)).sum(axis=0)
    shown = (found[0] >= _APART and place <= _BY_CHANCE) or (
        found[1] >= _WIDER and width <= _BY_CHANCE
    )
    return found if shown else None


def _apart(sums: Floats, dealt: NDArray[np.intp], folds: int) -> tuple[float, float]:
    """Difference of means and ratio of widths of folds, groups being dealt out so."""
    rows, z, wide = (np.bincount(dealt, weights=column, minlength=folds) for column in sums.T)
    mean, width = z / np.maximum(rows, 1), wide / np.maximum(rows, 1)
    return float(np.ptp(mean)), float(width.max() / max(width.min(), 1e-12))
