"""How good probabilities are: log loss, Brier, accuracy, AUC and the confusion matrix.

Everywhere y is (n,) with 1 = FAKE and 0 = REAL, p is (n,) with the probability of FAKE, and w is
(n,) or None; a weight of 2 counts as the row given twice. Bad input raises InputError.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from calibration.inputs import (
    Codes,
    Floats,
    check_labels_in,
    check_probabilities_in,
    check_scored,
)

#: Kaggle's bound: probabilities are moved this far from 0 and 1 before their logarithm is taken.
EPS = 1e-15

_BLOCK_VALUES = 4_194_304


def row_log_loss(target: ArrayLike, probability: ArrayLike) -> Floats:
    """Log loss (nats) of each row, probabilities kept EPS away from 0 and 1.

    Args:
        target: 1.0 = FAKE, 0.0 = REAL; any shape that goes with the probabilities'.
        probability: of FAKE.

    Raises:
        InputError: a label that is neither, or a number that is no probability.

    Examples:
        >>> import numpy as np
        >>> from calibration import row_log_loss
        >>> row_log_loss(np.array([1.0, 0.0]), np.array([0.9, 0.9])).round(3).tolist()
        [0.105, 2.303]
    """
    labels, p = check_labels_in(target), check_probabilities_in(probability)
    right = np.where(labels == 1, p, 1 - p)
    return np.asarray(-np.log(np.clip(right, EPS, 1 - EPS)))


def said_variance(loss: ArrayLike) -> Floats:
    """Variance of each row's log loss, any shape, were the label drawn from the answer itself.

    With q the probability that was given to what was true, so that the loss is -log q, it is
    q (1 - q) (log q - log(1 - q))^2: of a fake and of a real the same.
    """
    q = np.clip(np.exp(-np.asarray(loss, dtype=np.float64)), EPS, 1 - EPS)
    return np.asarray(q * (1 - q) * (np.log(q) - np.log1p(-q)) ** 2)


def log_loss_of_logits(target: Floats, logit: Floats) -> Floats:
    """Log loss (nats) of each row from logits, of any size and without a bound.

    Args:
        target: in [0, 1], 1.0 = FAKE; any shape that goes with the logits'.
        logit: of FAKE.

    Examples:
        >>> import numpy as np
        >>> from calibration import log_loss_of_logits
        >>> log_loss_of_logits(np.array([1.0, 0.0]), np.array([0.0, 1000.0])).round(3).tolist()
        [0.693, 1000.0]
    """
    # `np.logaddexp` takes thrice the time.
    soft = np.maximum(logit, 0.0) + np.log1p(np.exp(-np.abs(logit)))
    return np.asarray(soft - target * logit)


def log_loss(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Mean log loss in nats, probabilities kept 1e-15 away from 0 and 1 as Kaggle does.

    Examples:
        >>> from calibration import log_loss
        >>> round(log_loss([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65]), 6)
        0.216162
    """
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average(row_log_loss(labels, probability), weights=weight))


def brier(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Mean squared error of the probability (Brier 1950, binary form: 0 to 1).

    Examples:
        >>> from calibration import brier
        >>> round(brier([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]), 4)
        0.0375
    """
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average((probability - labels) ** 2, weights=weight))


def accuracy(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Share of rows whose label is called right, FAKE being called where p > 0.5.

    Examples:
        >>> from calibration import accuracy
        >>> accuracy([1, 1, 0, 0], [0.9, 0.4, 0.3, 0.1])
        0.75
    """
    labels, probability, weight = check_scored(y, p, w)
    return float(np.average((probability > 0.5) == (labels == 1), weights=weight))


def auc(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Area under the ROC curve, ties counted half; NaN where only one class has weight.

    Examples:
        >>> from calibration import auc
        >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        0.75
    """
    labels, probability, weight = check_scored(y, p, w)
    return float(AucRows(labels, probability).of(weight[None, :])[0])


class AucRows:
    """Rows sorted once, so that the AUC under many weightings costs only sums.

    Args:
        y: labels, (n,).
        p: scores of any scale, (n,), high = FAKE.
    """

    def __init__(self, y: Floats, p: Floats) -> None:
        self._fake = np.flatnonzero(y == 1)
        real = np.flatnonzero(y != 1)
        self._real = real[np.argsort(p[real], kind="stable")]
        order = p[self._real]
        self._below = np.searchsorted(order, p[self._fake], side="left")
        self._upto = np.searchsorted(order, p[self._fake], side="right")

    def of(self, weights: Floats) -> Floats:
        """AUC of each weighting; weights (b, n) -> (b,), NaN where a class has no weight."""
        real = np.zeros((len(weights), len(self._real) + 1))
        np.cumsum(weights[:, self._real], axis=1, out=real[:, 1:])
        fake = weights[:, self._fake]
        # Half of the reals strictly below plus half of those at or below: ties count half.
        beaten = np.einsum("bi,bi->b", fake, real[:, self._below] + real[:, self._upto]) / 2
        pairs = fake.sum(axis=1) * real[:, -1]
        return np.divide(beaten, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)

    def placements(self) -> Floats:
        """Of each fake the share of reals below it, of each real the share of fakes above it, (n,).

        Ties count half. How the AUC of many rows moves with their weights is how the two means of
        these move (DeLong, DeLong and Clarke-Pearson 1988). Needs rows of both labels.
        """
        n_fakes, n_reals = len(self._fake), len(self._real)
        won = np.empty(n_fakes + n_reals)
        won[self._fake] = (self._below + self._upto) / (2 * n_reals)
        # The real at place j of the sorted ones is below a fake with more than j reals below it.
        place = np.arange(n_reals)
        above = [np.searchsorted(np.sort(x), place, "right") for x in (self._below, self._upto)]
        won[self._real] = 1 - (above[0] + above[1]) / (2 * n_fakes)
        return won

    def between(self, codes: Codes, n_groups: int) -> Floats:
        """Pairs won between groups, (n_groups, n_groups): [g, h] counts g's fakes over h's reals.

        Ties count half. With drawn groups (b, n_groups) as weights, their AUC is then a product of
        small matrices; worth it while groups are far fewer than rows.
        """
        won = np.zeros((n_groups, n_groups))
        real = codes[self._real]
        fake = codes[self._fake]
        rows = max(1, _BLOCK_VALUES // n_groups)
        # How many reals of each group lie below: counted up to a block's lowest fake once, then on.
        order = np.argsort(self._below, kind="stable")
        for first in range(0, len(order), rows):
            block = order[first : first + rows]
            low, high = self._below[block[0]], int(self._upto[block].max())
            start = np.bincount(real[:low], minlength=n_groups).astype(np.float64)
            counts = np.zeros((high - low + 1, n_groups))
            counts[np.arange(1, high - low + 1), real[low:high]] = 1
            counts[0] = start
            np.cumsum(counts, axis=0, out=counts)
            beaten = counts[self._below[block] - low] + counts[self._upto[block] - low]
            picks = csr_array(
                (np.full(len(block), 0.5), (fake[block], np.arange(len(block)))),
                shape=(n_groups, len(block)),
            )
            won += picks @ beaten
        return won


@dataclass(frozen=True)
class Confusion:
    """Weighted counts at a threshold: FAKE is called where p > threshold.

    Examples:
        >>> from calibration import confusion
        >>> matrix = confusion([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1])
        >>> matrix.true_fake, matrix.false_real
        (1.0, 1.0)
    """

    true_fake: float
    false_fake: float
    true_real: float
    false_real: float
    threshold: float


def confusion(
    y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None, *, threshold: float = 0.5
) -> Confusion:
    """The confusion matrix where FAKE is called if p > threshold (counts, or sums of weights).

    Examples:
        >>> from calibration import confusion
        >>> confusion([1, 1, 0, 0], [0.9, 0.4, 0.6, 0.1], threshold=0.5)
        Confusion(true_fake=1.0, false_fake=1.0, true_real=1.0, false_real=1.0, threshold=0.5)
    """
    labels, probability, weight = check_scored(y, p, w)
    fake, called = labels == 1, probability > threshold
    return Confusion(
        true_fake=float(weight[fake & called].sum()),
        false_fake=float(weight[~fake & called].sum()),
        true_real=float(weight[~fake & ~called].sum()),
        false_real=float(weight[fake & ~called].sum()),
        threshold=threshold,
    )
