"""Ensembles against each other: paired differences in log loss, and which are worth their cost."""

import numpy as np
from numpy.typing import NDArray

from stacking.inputs import Array


def paired_differences(sums: Array, counts: Array, to: int) -> tuple[Array, Array]:
    """Mean loss of each candidate minus that of candidate `to`, and its standard error, (s,) each.

    Args:
        sums: (groups, s) losses summed over the rows of a group.
        counts: (groups,) rows of a group.

    The standard error is `calibration.standard_error` of the row differences over groups:
    infinite with one group.
    """
    gaps = sums - sums[:, to : to + 1]
    mean = gaps.sum(axis=0) / counts.sum()
    n_groups = len(counts)
    if n_groups < 2:
        return mean, np.full(len(mean), np.inf)
    spread = ((gaps - counts[:, None] * mean) ** 2).sum(axis=0)
    return mean, np.sqrt(n_groups / (n_groups - 1) * spread) / counts.sum()


def pareto_front(cost: Array, loss: Array) -> NDArray[np.bool_]:
    """Candidates (s,) for which none is as cheap and better, or cheaper and as good.

    NaN costs are never on the front; of equal candidates the first is.
    """
    order = np.lexsort([loss, cost])
    front = np.zeros(len(cost), dtype=bool)
    least = np.inf
    for i in order:
        if not np.isnan(cost[i]) and loss[i] < least:
            front[i] = True
            least = loss[i]
    return front
