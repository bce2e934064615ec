"""The clip of a stack: which bounds are worth having, and where they lie."""

import numpy as np

from calibration import optimal_clip
from calibration.measures.scores import row_log_loss
from predictions.notes import Note, NoteKind
from stacking.inner_folds import too_few_to_choose
from stacking.inputs import Array, Codes

#: The estimate of a share that log loss favours (Krichevsky and Trofimov 1981): k + 1/2 of n + 1.
_HALF_A_ROW = 0.5

#: What one fitted number gains by chance on the rows it was fitted on, in nats (Wilks 1938).
_BY_CHANCE = 0.5

#: A side without a bound.
_NO_BOUND = 1e-15

#: Log loss below which nothing is said of what bounds save or cost.
_LEAST_SAVING = 0.00005


def clip_rows(n: int) -> float:
    """Imaginary rows beyond each bound of a clip learned from n rows: near half a row for many.

    With few rows the penalties of the meta-learner keep its logits short already, and half a row
    at either end would cost more than the mistakes it guards against: the n rows pay about that
    many nats together.
    """
    return _HALF_A_ROW * n / (n + 1000.0)


def learned_clip(probability: Array, y: Array, groups: Codes) -> tuple[float, float] | None:
    """The bounds (low, high) for out-of-fold probabilities (n,), or None where none pays.

    Of the two optimal bounds, one is kept that gains more than chance on these rows and on
    `clip_rows` imaginary ones of either label at the outermost probability; the other side is left
    open. With a handful of groups nothing can be judged, and the bounds of half a row stay.
    """
    if too_few_to_choose(groups):
        return optimal_clip(probability, y, shrink=_HALF_A_ROW)
    rows = clip_rows(len(y))
    low, high = optimal_clip(probability, y, shrink=rows)
    inside = np.clip(probability, _NO_BOUND, 1 - _NO_BOUND)
    if _gain_of_upper(1 - inside, 1 - y, rows, 1 - low) <= _BY_CHANCE:
        low = _NO_BOUND
    if _gain_of_upper(inside, y, rows, high) <= _BY_CHANCE:
        high = 1 - _NO_BOUND
    return None if (low, high) == (_NO_BOUND, 1 - _NO_BOUND) else (low, high)


def _sentence(low: float | None, high: float | None, saved: float | None = None) -> str:
    words = [] if low is None else [f"at {low:.6g} or above"]
    words += [] if high is None else [f"at {high:.6g} or below"]
    if not words:
        return "Clip: none, as bounds gain no more than chance."
    sentence = f"Clip: probabilities stay {' and '.join(words)}"
    if saved is None or abs(saved) < _LEAST_SAVING:
        return f"{sentence}."
    if saved > 0:
        return f"{sentence}, which saves {saved:.4f} of the log loss on the inner folds."
    return (
        f"{sentence}. On the inner folds that costs {-saved:.4f}: it guards against a confident "
        "mistake that these videos do not show; --clip none leaves it out."
    )


#: The bounds `low` and `high`, None where a side is open, and the mean log loss that they `saved`
#: on the out-of-fold probabilities that they were learned from (below 0: cost).
CLIPPED = NoteKind("stacking.clip", _sentence)


def clip_note(bounds: tuple[float, float] | None, probability: Array, y: Array) -> Note:
    """Which bounds there are, and what they do to out-of-fold probabilities (n,) of labels (n,)."""
    low, high = bounds or (_NO_BOUND, 1 - _NO_BOUND)
    inside = np.clip(probability, _NO_BOUND, 1 - _NO_BOUND)
    saved = row_log_loss(y, inside) - row_log_loss(y, np.clip(inside, low, high))
    return CLIPPED(
        low=float(low) if low > _NO_BOUND else None,
        high=float(high) if high < 1 - _NO_BOUND else None,
        saved=float(saved.mean()),
    )


def _gain_of_upper(p: Array, y: Array, rows: float, bound: float) -> float:
    """Log loss, summed over rows and imaginary rows, that min(p, bound) saves."""
    above = p > bound
    saved = _saved(p[above], y[above], bound).sum()
    if above.any():
        outermost = np.full(2, p.max())
        saved += rows * _saved(outermost, np.array([0.0, 1.0]), bound).sum()
    return float(saved)


def _saved(p: Array, y: Array, bound: float) -> Array:
    """What each row above the bound gains by being called the bound, (n,)."""
    return row_log_loss(y, p) - row_log_loss(y, np.full(len(p), bound))
