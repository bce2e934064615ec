"""What to beware of before a run's numbers are believed; shown first, wherever they are shown.

Alerts are notes: in metrics.json (and so in every `--json`), under the table in the terminal, at
the top of the report and beside the app's answers.
"""

from collections.abc import Mapping
from typing import Any

from base_models.frozen.seen import SEEN, seen_notes
from fakeodds.workflows.scored import Scored
from predictions.logits import to_probability
from predictions.notes import Note, NoteKind, note_from_json
from predictions.tables.kinds import FEW_OUTSIDE
from predictions.tables.score_files import DOUBTFUL
from predictions.tables.scores import CONSTANT, NO_GROUPS, SAME

#: Groups of the rarer label below which intervals are wide and choices are chance.
FEW = 100
#: AUC from which a detector is taken for the label in disguise.
_TOO_GOOD = 0.9999
#: Videos of each label from which it is.
_EACH_LABEL = 20
#: Below this AUC a detector's direction is in doubt rather than its worth.
_BACKWARD = 0.3

PROMISE_TOO_GOOD = NoteKind(
    "alerts.promise-too-good",
    lambda proposed: (
        "No groups are known: every video counts as a group of its own. If videos share a person, "
        "a source or an original, these numbers promise too much for new ones. "
        + (
            f"Name what they share: --group {proposed[0]}"
            + (f" (or {', '.join(proposed[1:])})." if len(proposed) > 1 else ".")
            if proposed
            else "Give a column that names it, with --group."
        )
    ),
)
FEW_GROUPS = NoteKind(
    "alerts.few-groups",
    "Only {n:group} of {label} videos: intervals are wide, and which detector or ensemble is best "
    f"is partly chance (below {FEW}).",
)
LIKE_THE_LABEL = NoteKind(
    "alerts.like-the-label",
    "{model} tells FAKE from REAL without a mistake (AUC {auc:.4f}): if it was made from the "
    "labels, or trained on these videos, drop it.",
)

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

_GRAVE = (PROMISE_TOO_GOOD, LIKE_THE_LABEL, SEEN)
#: Of what was said while the scores were read.
_OF_READING = (DOUBTFUL, FEW_OUTSIDE, CONSTANT, SAME)


def alerts_of(scored: Scored) -> list[Note]:
    """All that is to beware of in the labelled videos and their scores, the gravest first."""
    known = scored.labelled()
    too_good, backward = _of_areas(known)
    reading = [note for kind in _OF_READING for note in kind.among(known.notes)]
    return [*_of_groups(known), *too_good, *reading, *backward, *seen_notes(known.brought)]


def is_grave(alert: Note) -> bool:
    """Whether numbers are not to be believed as they stand."""
    return any(kind.code == alert.code for kind in _GRAVE)


def alerts_in(metrics: Mapping[str, Any]) -> list[Note]:
    """The alerts that metrics.json holds."""
    return [note_from_json(one) for one in metrics.get("alerts", [])]


def has_groups(metrics: Mapping[str, Any]) -> bool:
    """Whether videos were held together in groups when they were judged."""
    return not PROMISE_TOO_GOOD.among(alerts_in(metrics))


def _of_groups(known: Scored) -> list[Note]:
    group, label = known.rows["group"], known.rows["label"]
    if group.is_unique:
        proposed = [note.facts["proposed"] for note in NO_GROUPS.among(known.notes)]
        return [PROMISE_TOO_GOOD(proposed=proposed[0] if proposed else [])]
    counts = {"FAKE": group[label == 1].nunique(), "REAL": group[label == 0].nunique()}
    rarer = min(counts, key=lambda name: counts[name])
    return [FEW_GROUPS(n=int(counts[rarer]), label=rarer)] if counts[rarer] < FEW else []


def _of_areas(known: Scored) -> tuple[list[Note], list[Note]]:
    """Detectors that tell the label itself, and those that rank it the wrong way round."""
    from calibration import auc

    too_good, backward = [], []
    for model, kind in known.kinds.items():
        there = known.features[model].notna()
        label = known.rows["label"][there]
        rarer = min((label == 1).sum(), (label == 0).sum())
        if rarer == 0:
            continue
        area = float(auc(label.to_numpy(), to_probability(known.features[model][there])))
        if rarer >= _EACH_LABEL and max(area, 1 - area) >= _TOO_GOOD:
            too_good.append(LIKE_THE_LABEL(model=model, auc=max(area, 1 - area)))
        # A raw score's direction is learned, and near chance a low AUC says little.
        if kind != "raw" and area < _BACKWARD:
            backward.append(BACKWARD(model=model, auc=area, turned=model in known.reverse))
    return too_good, backward
