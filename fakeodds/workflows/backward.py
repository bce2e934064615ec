"""Detectors that seem to say REAL where they should say FAKE are pointed out, never turned."""

from fakeodds.workflows.scored import Scored
from predictions.logits import to_probability
from predictions.notes import NoteKind

#: Below this AUC a detector's direction is in doubt rather than its worth.
_BACKWARD = 0.3

BACKWARD = NoteKind(
    "scores.backward",
    lambda model, auc, turned: (
        f"{model} ranks REAL above FAKE (AUC {auc:.3f}): "
        + (
            f"leave --reverse {model} out, if high means FAKE."
            if turned
            else f"if high means REAL, say --reverse {model}."
        )
    ),
)


def backward_models(scored: Scored) -> dict[str, float]:
    """The AUC of those probabilities and logits that rank REAL above FAKE."""
    from calibration import auc

    known = scored.labelled()
    found = {}
    for model, kind in known.kinds.items():
        there = known.features[model].notna()
        label = known.rows["label"][there]
        # A raw score's direction is learned, and near chance a low AUC says little.
        if kind != "raw" and label.nunique() == 2:
            area = auc(label.to_numpy(), to_probability(known.features[model][there]))
            if area < _BACKWARD:
                found[model] = float(area)
    return found
