"""Inner group folds that adapt to few groups."""

import numpy as np
from numpy.typing import NDArray

from predictions.folds import assign_folds


def inner_folds(
    y: NDArray[np.float64], groups: NDArray[np.int64], n_splits: int, seed: int
) -> NDArray[np.int64]:
    """Folds (n,) with every group whole: `n_splits`, or as many as there are groups.

    A single group gives one fold for all rows, which the caller has to notice.
    """
    count = min(n_splits, len(np.unique(groups)))
    if count < 2:
        return np.zeros(len(y), dtype=np.int64)
    return np.asarray(assign_folds(y, groups, n_splits=count, seed=seed), dtype=np.int64)
