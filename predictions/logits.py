"""Probabilities to logits and back, without losing the tails."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

#: Where the logits of exact 0 and 1 are put: just beyond the logit of the smallest positive
#: float32 (1.4e-45, logit -103.3), so that a probability that underflowed stays the lowest.
LOGIT_LIMIT = 104.0

#: Scores beyond this size overflow when they are squared; no detector's score comes near.
LARGEST_SCORE = 1e100


def to_logit(probability: ArrayLike) -> NDArray[np.float64]:
    """Logit of a probability, log(p / (1 - p)), of any shape.

    Exact 0 and 1 become -LOGIT_LIMIT and +LOGIT_LIMIT; NaN (a missing score) stays NaN.

    Raises:
        ValueError: a value lies outside [0, 1].

    Examples:
        >>> from predictions import to_logit
        >>> to_logit([0.5, 0.9]).round(3).tolist()
        [0.0, 2.197]
    """
    p = np.asarray(probability, dtype=np.float64)
    if ((p < 0) | (p > 1)).any():
        raise ValueError("a probability must lie in [0, 1]")
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -LOGIT_LIMIT, LOGIT_LIMIT)


def to_probability(logit: ArrayLike) -> NDArray[np.float64]:
    """Probability of a logit, 1 / (1 + exp(-z)), of any shape; NaN stays NaN.

    Examples:
        >>> from predictions import to_probability
        >>> to_probability([0.0, 2.0]).round(3).tolist()
        [0.5, 0.881]
    """
    return np.asarray(expit(np.asarray(logit, dtype=np.float64)))
