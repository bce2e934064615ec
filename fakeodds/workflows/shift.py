"""Whether the promise holds for new videos, and what is done where it does not."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fakeodds.workflows.reference import Reference
from fakeodds.workflows.settings import Adapting
from predictions.notes import Note, NoteKind

ALIKE = NoteKind(
    "shift.alike",
    lambda auc, p_value, groups, **_: (
        "The new videos' scores cannot be told from those of the labelled ones "
        f"({_apart(auc, p_value)}): "
        + (
            "the promise holds, as far as scores can tell."
            if groups >= _ENOUGH
            else f"no reason to doubt the promise, but {groups} groups show large differences only."
        )
    ),
)
SHARE = NoteKind(
    "shift.share",
    lambda auc, p_value, share, learned, adapted, said=None, **_: (
        f"Only the share of fakes is another among the new videos, about {share:.2f} where "
        f"{learned:.2f} was learned; with as many among the labelled ones they cannot be told "
        f"apart ({_apart(auc, p_value)}). "
        + (
            "The answers are moved to it (--shift auto), and with that the promise holds."
            if adapted
            else "With --prior auto, or --shift auto, the answers are moved to it."
            if said is None
            else f"The answers are given for the share that was said (--prior {said})."
        )
    ),
)
LITTLE = NoteKind(
    "shift.little",
    lambda auc, p_value, moved, **_: (
        "The new videos' scores differ a little from those of the labelled ones "
        f"({_apart(auc, p_value)}{_by(moved)}): the promise should nearly hold."
    ),
)
OTHER = NoteKind(
    "shift.other",
    lambda auc, p_value, moved, adapted, **_: (
        "The new videos are of another kind than the labelled ones, whatever the share of fakes "
        f"among them ({_apart(auc, p_value)}{_by(moved)}): the promise was not made for them. "
        + (
            "The answers lean on the mean of all detectors (--shift auto)."
            if adapted
            else "--shift auto leans on the mean of all detectors; better are labels of some of "
            "them."
        )
    ),
)
NOT_COMPARED = NoteKind(
    "shift.not-compared",
    "--shift auto: whether the new videos are like the labelled ones cannot be told, as there are "
    "too few groups of either, or a stack without labelled.parquet beside it; the answers stay as "
    "they are.",
)
#: Groups of either sample from which a difference that matters is mostly seen.
_ENOUGH = 40
_NOTES = {"alike": ALIKE, "share": SHARE, "little": LITTLE, "other": OTHER}


def _apart(auc: float, p_value: float) -> str:
    told = "p < .01" if p_value < 0.01 else f"p {p_value:.2f}"
    return f"a classifier tells them apart with an AUC of {auc:.2f}, {told}"


def _by(moved: Mapping[str, Any]) -> str:
    if not moved:
        return ""
    furthest = ", ".join(f"{name} {gap:.2f}" for name, (gap, _) in list(moved.items())[:3])
    return f"; furthest moved: {furthest}"


def compare_with_labelled(
    reference: Reference,
    new: pd.DataFrame,
    groups: "pd.Series[Any] | None",
    probability: "pd.Series[float]",
    learned: float,
) -> Any:
    """The `stacking.ShiftVerdict` on new videos; None where nothing can be told.

    Args:
        new: as the stack takes them. groups: of the same videos, if known. probability: the
            stack's, of the same videos. learned: the share of fakes that it has learned.
    """
    from stacking import judge_shift

    labelled = reference.features, reference.label, reference.group
    verdict = judge_shift(*labelled, new, named_groups(groups, new), probability, source=learned)
    return None if verdict.kind == "unknown" else verdict


def leaning(
    probability: "pd.Series[float]",
    reference: Reference,
    new: pd.DataFrame,
    groups: "pd.Series[Any] | None",
) -> "pd.Series[float]":
    """The stack's answers where they lean on the mean of all detectors; see `stacking.leaning`."""
    from stacking import leaning

    labelled = reference.features, reference.label, reference.group
    answers = leaning(probability, *labelled, new, named_groups(groups, new))
    return pd.Series(answers, index=probability.index)


def named_groups(groups: "pd.Series[Any] | None", new: pd.DataFrame) -> "pd.Series[Any] | None":
    """The group of each new video, its own id where it has none; None where none has."""
    if groups is None:
        return None
    groups = groups.reindex(new.index)
    return groups.fillna(groups.index.to_series()).astype(str)


def shift_note(verdict: Any, learned: float, adapting: Adapting) -> Note:
    """A verdict as a note.

    Args:
        learned: share of fakes. adapting: how the answers are adapted.
    """
    adapted = adapting.shift == "auto"
    if verdict.kind == "share":
        adapted = adapted and adapting.prior is None
    return _NOTES[verdict.kind](
        **verdict.facts(), learned=learned, adapted=adapted, said=adapting.prior
    )
