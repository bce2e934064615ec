"""Where a stack's scores lay when it was fitted, and whether new ones are on the same scale."""

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

#: New scores from which they are compared.
_ENOUGH = 10
#: How many times wider the new scores must lie.
_WIDER = 10


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
