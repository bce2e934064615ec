"""What to beware of before a run's numbers are believed; shown first, wherever they are shown.

Alerts are notes: in metrics.json (and so in every `--json`), under the table in the terminal, at
the top of the report and beside the app's answers.
"""

from collections.abc import Mapping
from typing import Any

from base_models.frozen.seen import SEEN
from fakeodds.workflows.backward import BACKWARD, backward_models
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

#: Of what was said while the scores were read.
_GRAVE = (PROMISE_TOO_GOOD, LIKE_THE_LABEL, SEEN)
_OF_READING = (DOUBTFUL, FEW_OUTSIDE, CONSTANT, SAME)


def alerts_of(scored: Scored) -> list[Note]:
    """All that is to beware of in the labelled videos and their scores, the gravest first."""
    known = scored.labelled()
    notes = [*_of_groups(known), *_too_good(known)]
    notes += [note for kind in _OF_READING for note in kind.among(scored.notes)]
    notes += [
        BACKWARD(model=model, auc=area, turned=model in scored.reverse)
        for model, area in backward_models(scored).items()
    ]
    for name, facts in scored.brought.items():
        if facts["seen"]:
            notes.append(SEEN(detector=name, dataset=", ".join(facts["seen"])))
    return notes


def is_grave(alert: Note) -> bool:
    """Whether numbers are not to be believed as they stand."""
    return any(kind.code == alert.code for kind in _GRAVE)


def told_alerts(metrics: Mapping[str, Any]) -> list[Note]:
    """The alerts that metrics.json holds."""
    return [note_from_json(one) for one in metrics.get("alerts", [])]


def has_groups(metrics: Mapping[str, Any]) -> bool:
    """Whether videos were held together in groups when they were judged."""
    return not PROMISE_TOO_GOOD.among(told_alerts(metrics))


def _of_groups(known: Scored) -> list[Note]:
    group, label = known.rows["group"], known.rows["label"]
    if group.is_unique:
        proposed = [note.facts["proposed"] for note in NO_GROUPS.among(known.notes)]
        return [PROMISE_TOO_GOOD(proposed=proposed[0] if proposed else [])]
    counts = {"FAKE": group[label == 1].nunique(), "REAL": group[label == 0].nunique()}
    rarer = min(counts, key=lambda name: counts[name])
    return [FEW_GROUPS(n=int(counts[rarer]), label=rarer)] if counts[rarer] < FEW else []


def _too_good(known: Scored) -> list[Note]:
    from calibration import auc

    notes = []
    for model in known.kinds:
        there = known.features[model].notna()
        label = known.rows["label"][there]
        if min((label == 1).sum(), (label == 0).sum()) >= _EACH_LABEL:
            area = auc(label.to_numpy(), to_probability(known.features[model][there]))
            if max(area, 1 - area) >= _TOO_GOOD:
                notes.append(LIKE_THE_LABEL(model=model, auc=float(max(area, 1 - area))))
    return notes
