"""Another share of fakes than the one learned on: probabilities moved to it, and its estimate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit as scipy_logit

from calibration.inputs import Codes, Floats, check_probability
from calibration.logistic import zero_of_increasing
from calibration.measures.bootstrap import Interval, group_weights, percentile_interval
from calibration.measures.few_groups import SHARE, widening_of
from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.logits import to_logit, to_probability
from predictions.notes import Note, NoteKind
from predictions.order import row_order

NOT_IDENTIFIABLE = NoteKind(
    "prior.not-identifiable",
    "The share of fakes is not identifiable from {scores:score}: anything from {low:.2f} to "
    "{high:.2f} fits; keep the source share or say the share yourself.",
)
AT_BOUND = NoteKind(
    "prior.at-bound",
    "The estimated share of fakes is at its bound ({share:.3g}): these scores look like one class "
    "only, or are not calibrated; say the share yourself if you know it.",
)

#: An interval wider than this leaves the share of fakes as good as unknown.
_WIDEST = 0.5


@dataclass(frozen=True)
class PriorEstimate:
    """The estimated share of FAKE among unlabelled rows.

    Attributes:
        prior: the estimate, with the ends of its 95 % bootstrap interval, inside (0, 1).
        source: the share the scores were calibrated at.
        identifiable: whether the scores say enough to estimate it at all.
        notes: each reason not to trust it.

    Examples:
        >>> from calibration import estimate_prior
        >>> estimate = estimate_prior([0.5, 0.51, 0.49], source=0.5)
        >>> estimate.identifiable
        False
        >>> [note.code for note in estimate.notes]
        ['prior.not-identifiable']
    """

    prior: Interval
    source: float
    identifiable: bool
    notes: list[Note]


def shift_prior(p: ArrayLike, source: float, target: float) -> Floats:
    """Calibrated probabilities of FAKE, any shape, moved from one share of fakes to another.

    p -> sigmoid(logit p + logit target - logit source): Bayes' rule where the scores of fakes,
    and those of reals, are distributed as before and only their shares differ (Saerens et al.
    2002, equation 2.4). 0 and 1 stay what they are.

    Raises:
        InputError: a share not strictly between 0 and 1, or a probability outside [0, 1].

    Examples:
        >>> from calibration import shift_prior
        >>> shift_prior([0.5, 0.9], source=0.5, target=0.1).round(3).tolist()
        [0.1, 0.5]
    """
    check_share(source, "source")
    check_share(target, "target")
    probability = np.asarray(p, dtype=np.float64)
    check_probability(probability.ravel(), probability.size)
    moved = to_probability(to_logit(probability) + float(scipy_logit(target) - scipy_logit(source)))
    return np.where((probability == 0) | (probability == 1), probability, moved)


def check_share(share: float, name: str) -> float:
    """A share of fakes as a float.

    Raises:
        InputError: not strictly between 0 and 1.
    """
    if not 0 < share < 1:
        raise InputError(f"the {name} share of fakes is {share}", expected="0 < share < 1")
    return float(share)


def estimate_prior(
    p: ArrayLike,
    source: float,
    groups: ArrayLike | None = None,
    *,
    n_boot: int = 200,
    seed: int = 0,
) -> PriorEstimate:
    """The share of FAKE among unlabelled rows, from their calibrated probabilities.

    The fixed point of the EM of Saerens, Latinne and Decaestecker 2002 is the maximum of the
    likelihood sum log(q r + 1 - q) in the share q, with r the likelihood ratios that the scores
    stand for; it is concave in q, so the maximum is found directly by safeguarded Newton steps.
    It needs *calibrated* probabilities and unchanged scores within each label: attacks of a new
    kind break the second, and no unlabelled score can show it.

    Args:
        p: calibrated probabilities of FAKE, (n,).
        source: share of fakes they were calibrated at.
        groups: resampled as a whole for the interval, (n,).
        n_boot, seed: of the interval.

    Raises:
        InputError: no rows, probabilities outside [0, 1], a source not strictly inside (0, 1).

    Examples:
        >>> from calibration import estimate_prior
        >>> p = [0.05] * 90 + [0.95] * 10  # calibrated where half were fakes
        >>> round(estimate_prior(p, source=0.5).prior.value, 3)
        0.056
    """
    check_share(source, "source")
    probability = np.asarray(p, dtype=np.float64)
    if probability.ndim != 1 or probability.size == 0:
        raise InputError(
            f"the probabilities have the shape {probability.shape}", expected="one column of rows"
        )
    n = len(probability)
    check_probability(probability, n)
    codes = group_codes(groups, n, sort=True)
    if groups is not None:
        order = row_order(codes, probability)
        probability, codes = probability[order], codes[order]
    # log r, kept finite: beyond e^50 a row's label is certain and r's size no longer matters.
    gain = np.expm1(np.clip(to_logit(probability) - float(scipy_logit(source)), -50, 50))
    best = _likeliest(gain, np.ones(n), source)
    replicates = _replicates(gain, codes, best, n_boot, seed)
    few = widening_of(np.bincount(codes).astype(np.float64))
    interval = percentile_interval(best, replicates, widening=few, bounds=SHARE)
    notes = _doubts(gain, interval, n)
    return PriorEstimate(interval, float(source), not notes, notes)


def _replicates(gain: Floats, codes: Codes, start: float, n_boot: int, seed: int) -> Floats:
    shares = [
        _likeliest(gain, drawn[codes], start)
        for block in group_weights(int(codes.max()) + 1, n_boot, seed, width=len(gain))
        for drawn in block
    ]
    return np.array(shares)


def _likeliest(gain: Floats, w: Floats, start: float) -> float:
    """The q in [1 / (n + 2), (n + 1) / (n + 2)] with the greatest sum w log(1 + q gain)."""
    total = float(w.sum())
    low, high = 1 / (total + 2), (total + 1) / (total + 2)

    def falling(q: float) -> tuple[float, float]:
        ratio = gain / (1 + q * gain)
        return -float(w @ ratio), float(w @ ratio**2)

    if falling(low)[0] >= 0:
        return low
    if falling(high)[0] <= 0:
        return high
    return zero_of_increasing(falling, low, high, min(max(start, low), high), 1e-12)


def _doubts(gain: Floats, interval: Interval, n: int) -> list[Note]:
    """Why the estimate should not be used."""
    q = interval.value
    notes = []
    # The information about q in n rows; flat scores have r = 1 throughout and say nothing.
    information = float(np.sum((gain / (1 + q * gain)) ** 2))
    error = 1 / np.sqrt(information) if information > 0 else np.inf
    if max(interval.high - interval.low, 2 * 1.96 * error) > _WIDEST:
        low = max(0.0, min(interval.low, q - 1.96 * error))
        high = min(1.0, max(interval.high, q + 1.96 * error))
        notes.append(NOT_IDENTIFIABLE(scores=n, low=float(low), high=float(high)))
    edge = 1.5 / (n + 2)
    if q < edge or q > 1 - edge:
        notes.append(AT_BOUND(share=q))
    return notes
