"""Inner group folds that adapt to few groups."""

import numpy as np
from numpy.typing import NDArray

from predictions.folds import assign_folds

#: Inner folds, where nobody says how many.
N_SPLITS = 5

#: Groups below which nothing is chosen or bounded finely: a handful of groups is separated by
#: chance alone, and every flexible learner then looks perfect out of fold too.
LEAST_TO_CHOOSE = 20

#: Groups of the rarer label below which combined logits are left alone: so few are easily separated
#: by chance, and a calibrator would then make the stack surer without end.
LEAST_TO_CALIBRATE = 30

#: The same where the logits were fitted by log loss: a calibrator then has little left to mend, and
#: a lucky draw of few groups tempts it to undo the penalties that keep those logits short.
LEAST_TO_CALIBRATE_AGAIN = 100

#: The same where the logits are one detector's: nothing was picked among many, a detector by itself
#: may be off without bound, and the rule of one standard error holds back by itself. On few groups
#: of four tables it cost less than leaving the logits alone at every number of groups.
LEAST_TO_CALIBRATE_ONE = 2


#: The same below which no detector is left out unasked: which one to leave out is chance then.
LEAST_TO_LEAVE_OUT = 100


def too_few_to_choose(groups: NDArray[np.int64]) -> bool:
    """Whether there are fewer than `LEAST_TO_CHOOSE` groups."""
    return number_of_groups(groups) < LEAST_TO_CHOOSE


def rarer_groups(y: NDArray[np.float64], groups: NDArray[np.int64]) -> int:
    """How many groups the label with fewer of them has."""
    return min(number_of_groups(groups[y == label]) for label in (0.0, 1.0))


def number_of_groups(groups: NDArray[np.int64]) -> int:
    """How many groups there are, by codes (n,) of 0 or more; `np.unique` takes 30 times as long."""
    return int(np.count_nonzero(np.bincount(groups)))


def inner_folds(
    y: NDArray[np.float64], groups: NDArray[np.int64], n_splits: int, seed: int
) -> NDArray[np.int64]:
    """Folds (n,) with every group whole: `n_splits`, or as many as there are groups.

    A single group gives one fold for all rows, which the caller has to notice.
    """
    count = min(n_splits, number_of_groups(groups))
    if count < 2:
        return np.zeros(len(y), dtype=np.int64)
    return np.asarray(assign_folds(y, groups, n_splits=count, seed=seed), dtype=np.int64)
