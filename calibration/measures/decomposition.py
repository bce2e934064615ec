"""Log loss taken apart: what recalibration could still gain, and what no recalibration can."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from calibration.calibrators.parametric import QuadraticCalibrator
from calibration.inputs import Codes, Floats, check_judged
from calibration.measures.bootstrap import Interval, mean_interval
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.scores import row_log_loss, said_variance
from predictions.folds import assign_folds
from predictions.logits import to_logit, to_probability


@dataclass(frozen=True)
class Decomposition:
    """Log loss = calibration + refinement, and refinement = uncertainty - discrimination (nats).

    Attributes:
        log_loss: of the probabilities as they are.
        calibration: what recalibration gains; below 0 where cross-fitted maps made it worse,
            which says that there is nothing to gain.
        refinement: the log loss that is left after recalibration.
        uncertainty: the log loss of saying the share of FAKE every time.
        discrimination: what the recalibrated scores gain over that.

    Examples:
        >>> from calibration import decompose
        >>> parts = decompose([1, 0, 1, 0] * 20, [0.99, 0.01, 0.03, 0.97] * 20)
        >>> round(parts.calibration.value + parts.refinement.value - parts.log_loss.value, 9)
        0.0
    """

    log_loss: Interval
    calibration: Interval
    refinement: Interval
    uncertainty: float
    discrimination: Interval


def decompose(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_splits: int = 5,
    n_boot: int = 1000,
    seed: int = 0,
) -> Decomposition:
    """Take the log loss apart, each term with its 95 % group-bootstrap interval.

    The refinement is the log loss after a quadratic calibrator learned on the other folds, an upper
    bound that falls to the truth (Berta et al. 2025).

    Args:
        y, p: labels and probabilities of FAKE, (n,).
        groups: kept whole in folds and bootstrap, (n,).
        n_splits: folds; fewer where a label has fewer groups.
        n_boot, seed: of the intervals, in which the recalibrated probabilities stay as they are.

    Examples:
        >>> from calibration import decompose
        >>> y, too_sure = [1, 0, 1, 0, 1, 0] * 20, [0.99, 0.01, 0.98, 0.02, 0.03, 0.97] * 20
        >>> parts = decompose(y, too_sure)
        >>> round(parts.log_loss.value, 2), round(parts.calibration.value, 2)
        (1.18, 0.56)
    """
    labels, probability, codes = check_judged(y, p, groups)
    better = _crossfitted(to_logit(probability), labels, codes, n_splits, seed)
    loss = row_log_loss(labels, probability)
    refined = row_log_loss(labels, better)
    share = float(labels.mean())
    blind = row_log_loss(labels, np.full(len(labels), share))

    drawn = partial(mean_interval, groups=codes, n_boot=n_boot, seed=seed)

    def of_loss(values: Floats) -> Interval:
        return drawn(values, bounds=LOG_LOSS, said=said_variance(values))

    return Decomposition(
        log_loss=of_loss(loss),
        calibration=drawn(loss - refined),
        refinement=of_loss(refined),
        uncertainty=float(blind.mean()),
        discrimination=drawn(blind - refined),
    )


def _crossfitted(z: Floats, y: Floats, codes: Codes, n_splits: int, seed: int) -> Floats:
    """Probabilities of each fold after the calibrator of the others; as they are if none can be."""
    groups_of = [len(np.unique(codes[y == label])) for label in (0, 1)]
    folds = min(n_splits, *groups_of)
    if folds < 2:
        return to_probability(z)
    fold = assign_folds(y, codes, folds, seed)
    better = to_probability(z)
    for held in range(folds):
        out = fold == held
        rest = y[~out]
        if out.any() and rest.min() < rest.max():
            fitted = QuadraticCalibrator().fit_logits(z[~out], rest)
            better[out] = to_probability(fitted.map_logits(z[out]))
    return better
