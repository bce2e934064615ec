"""Where a stack's scores lay when it was fitted, and whether new ones are there, and alike."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from predictions.notes import Note, NoteKind

OTHER_SCALE = NoteKind(
    "scores.other-scale",
    "{model}: the new scores lie from {low:.4g} to {high:.4g}, those that the stack was fitted on "
    "from {fitted_low:.4g} to {fitted_high:.4g}; the answers are wrong if it is another scale.",
)

SHIFTED = NoteKind(
    "scores.shifted",
    lambda models: (
        "The new scores lie elsewhere than those that the stack was fitted on (largest gap between "
        "the two distributions: "
        + ", ".join(f"{model} {gap:.2f}" for model, gap in models.items())
        + "): another share of fakes (--prior), other forgeries, or other videos. The promised log "
        "loss holds for videos like those."
    ),
)

RARER = NoteKind(
    "scores.rarer",
    lambda models: (
        "Scores are missing that were there when the stack was fitted: "
        + ", ".join(
            f"{model} for {100 * now:.0f} % of the new videos ({100 * before:.0f} % then)"
            for model, (now, before) in models.items()
        )
        + ". The promised log loss does not hold for them: give the scores, or fit a stack without "
        "these detectors (--drop)."
    ),
)

#: New scores from which they are compared.
_ENOUGH = 10
#: How many times wider the new scores must lie.
_WIDER = 10
#: By how much the share of missing scores must have grown.
_RARER = 0.1
#: Of a shift: the share of the scores that must have moved, and the factor of sqrt(1/n + 1/m) that
#: chance stays below in 999 of 1,000 samples of one distribution (Kolmogorov 1933, Smirnov 1948).
_MOVED, _BY_CHANCE = 0.2, 1.95
#: The shares at which distributions are compared.
_SHARES = np.linspace(0, 1, 41)


def scales_of(features: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Of every model without probabilities: its lowest and highest score, and the share in [0, 1].

    Args:
        features: a column a model, logits or raw scores.
    """
    scales = {}
    for model, kind in kinds.items():
        known = features[model].dropna()
        if kind != "probability" and len(known):
            scales[model] = {
                "low": float(known.min()),
                "high": float(known.max()),
                "probable": float(known.between(0, 1).mean()),
            }
    return scales


def other_scales(features: pd.DataFrame, scales: Mapping[str, Mapping[str, Any]]) -> list[Note]:
    """A note on every model whose new scores can hardly be on the scale that it was fitted on.

    Most of them lie beyond all that it was fitted on, they lie 10 times as wide, or they look
    like probabilities where few did.
    """
    notes = []
    for model, fitted in scales.items():
        new = features[model].dropna() if model in features else pd.Series(dtype=float)
        if len(new) < _ENOUGH:
            continue
        low, high = float(new.min()), float(new.max())
        beyond = (new < fitted["low"]) | (new > fitted["high"])
        wide = high - low > _WIDER * np.nextafter(fitted["high"] - fitted["low"], np.inf)
        probable = fitted["probable"] < 0.5 and new.between(0, 1).all()
        if beyond.mean() > 0.5 or wide or probable:
            at_fit = {"fitted_low": fitted["low"], "fitted_high": fitted["high"]}
            notes.append(OTHER_SCALE(model=model, low=low, high=high, **at_fit))
    return notes


def alerts_on_new(
    features: pd.DataFrame,
    about: Mapping[str, Any],
    groups: "pd.Series[Any] | None" = None,
    *,
    shifts: bool = True,
) -> list[Note]:
    """What to beware of in the scores of new videos, against those that a stack was fitted on.

    Args:
        features: of the new videos. about: of `load_stack`. groups: of the same videos, if known.
        shifts: whether it counts where they lie; not where the videos themselves are compared.
    """
    gaps = rarer(features, about.get("missing", {}))
    counted = None if groups is None else groups.reindex(features.index).nunique(dropna=False)
    other = other_scales(features, about.get("scales", {}))
    if shifts and not other:
        other = shifted(features, about.get("distributions", {}), counted)
    return [*gaps, *other]


def missing_of(features: pd.DataFrame, kinds: Mapping[str, str]) -> dict[str, float]:
    """Of every model the share of the videos without its score."""
    return {model: float(features[model].isna().mean()) for model in kinds}


def rarer(features: pd.DataFrame, fitted: Mapping[str, float]) -> list[Note]:
    """A note on the models that lack far more of the new videos than of those of the fit.

    Args:
        features: of the new videos; a model without a column lacks all. fitted: of `missing_of`.
    """
    if len(features) < _ENOUGH:
        return []
    now = {
        model: float(features[model].isna().mean()) if model in features else 1.0
        for model in fitted
    }
    rare = {
        model: (now[model], before)
        for model, before in fitted.items()
        if now[model] > before + _RARER
    }
    return [RARER(models=rare)] if rare else []


def distributions_of(
    features: pd.DataFrame, kinds: Mapping[str, str], groups: int
) -> dict[str, dict[str, Any]]:
    """Of every model the quantiles of its scores, 0 to 1 by steps of 1/40, and of how many groups.

    Args:
        features: a column a model. groups: what counts once, as rows of a group are alike.
    """
    return {
        model: {
            "quantiles": [float(q) for q in np.quantile(known, _SHARES)],
            "counted": min(groups, len(known)),
        }
        for model in kinds
        if len(known := features[model].dropna())
    }


def shifted(
    features: pd.DataFrame, fitted: Mapping[str, Mapping[str, Any]], groups: int | None = None
) -> list[Note]:
    """A note on the models whose new scores are distributed otherwise than those of the fit.

    Args:
        features: of the new videos. fitted: of `distributions_of`.
        groups: of the new videos; None counts each video.
    """
    moved = {}
    for model, known in fitted.items():
        new = features[model].dropna() if model in features else pd.Series(dtype=float)
        if len(new) < _ENOUGH:
            continue
        gap = distribution_gap(new.to_numpy(np.float64), np.array(known["quantiles"]))
        counted = min(len(new), groups or len(new))
        if gap > max(_MOVED, _BY_CHANCE * np.sqrt(1 / counted + 1 / known["counted"])):
            moved[model] = gap
    return [SHIFTED(models=moved)] if moved else []


def distribution_gap(new: np.ndarray, quantiles: np.ndarray) -> float:
    """The largest distance of two distribution functions, at the quantiles of one of them.

    Where quantiles are equal (a score that many share) both functions jump: after the jump the old
    one is at least the last of their shares, before it at most the first.
    """
    new = np.sort(new)
    value, first = np.unique(quantiles, return_index=True)
    last = len(quantiles) - 1 - np.unique(quantiles[::-1], return_index=True)[1]
    below = np.searchsorted(new, value, "left") / len(new)
    up_to = np.searchsorted(new, value, "right") / len(new)
    return float(max(0.0, (_SHARES[last] - up_to).max(), (below - _SHARES[first]).max()))
