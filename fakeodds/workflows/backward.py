"""Detectors that seem to say REAL where they should say FAKE are pointed out, never turned."""

from fakeodds.view import terminal
from fakeodds.workflows.scores import Scored
from predictions.logits import to_probability

#: Below this AUC a detector's direction is in doubt rather than its worth.
_BACKWARD = 0.3


def hint_at_backward(scored: Scored, otherwise: str) -> None:
    """Say which probabilities and logits rank REAL above FAKE.

    Args:
        scored: the videos; those with a label tell.
        otherwise: what becomes of such a detector when it is left as it is.
    """
    from calibration import auc

    known = scored.labelled()
    for model, kind in known.kinds.items():
        there = known.features[model].notna()
        label = known.rows["label"][there]
        # A raw score's direction is learned, and near chance a low AUC says little.
        if kind != "raw" and label.nunique() == 2:
            area = auc(label.to_numpy(), to_probability(known.features[model][there]))
            if area < _BACKWARD:
                mend = f"if high means REAL, say --reverse {model}"
                if model in scored.reverse:
                    mend = f"leave --reverse {model} out, if high means FAKE"
                terminal.note(
                    f"{model} ranks REAL above FAKE (AUC {area:.3f}): {otherwise}; {mend}."
                )
