"""When training has gone on long enough, judged on videos that were cut out of the training part.

Never on the fold held out: an epoch chosen by the fold's own loss would make its out-of-fold scores
better than those of new videos.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError
from predictions.folds import assign_folds


def best_epoch(losses: Sequence[float]) -> int:
    """Position of the least validation loss, the first of equals."""
    return int(np.argmin(losses))


def should_stop(losses: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` epochs all failed to beat the best one before them."""
    return len(losses) > patience and len(losses) - 1 - best_epoch(losses) >= patience


def cut_validation(
    labels: ArrayLike, groups: ArrayLike, share: float, seed: int
) -> NDArray[np.bool_]:
    """Which of a fold's training videos are for validation: whole groups, both classes.

    Args:
        labels: (n,) 1 FAKE, 0 REAL.
        groups: (n,) what must not stand on both sides.
        share: of the groups that go to validation, about.
        seed: decides among equal choices.

    Returns:
        (n,) True for validation.

    Raises:
        InputError: too few groups to cut any off.
    """
    parts = max(2, round(1 / share))
    n_groups = len(np.unique(np.asarray(groups)))
    if n_groups < parts:
        raise InputError(
            f"early stopping needs at least {parts} groups beside the fold held out to set "
            f"{share:g} of them aside; there are {n_groups}",
            remedy="train without patience",
        )
    return np.asarray(assign_folds(labels, groups, parts, seed) == 0)


def mean_log_loss(
    logits: NDArray[np.floating], labels: NDArray[np.floating], weights: NDArray[np.floating]
) -> float:
    """Weighted mean log loss (nats) of logits; all arguments (n,)."""
    z = np.asarray(logits, np.float64)
    losses = np.logaddexp(0.0, z) - z * labels
    return float(np.average(losses, weights=weights))
