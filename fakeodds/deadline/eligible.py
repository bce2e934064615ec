"""Which detectors of a stack a prediction by a deadline asks: those that look at single faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base_models.scoring.fold_models import FoldModel
from predictions.errors import InputError
from predictions.notes import Note, NoteKind

_DOES = {"faces": "looks at faces in their order", "sound": "listens", "waveform": "listens"}

IMPORTED = NoteKind(
    "deadline.imported", "the scores by {detector} were imported, and new videos will have none."
)
OTHER_MEDIA = NoteKind(
    "deadline.other-media",
    lambda detector, looks_at: (
        f"{detector} {_DOES[looks_at]}, which a prediction by a deadline does not."
    ),
)
OWN_STACK = NoteKind(
    "deadline.own-stack",
    lambda detectors: f"{', '.join(detectors)} get a stack of their own for it.",
)


@dataclass(frozen=True)
class Eligible:
    """The detectors of a stack that a prediction by a deadline asks.

    Attributes:
        names: the detectors.
        notes: why others are not asked; none where all are.
    """

    names: list[str]
    notes: list[Note]


def eligible_detectors(
    run: Path,
    kinds: Mapping[str, Any],
    imported: Mapping[str, Any],
    models: Mapping[str, list[FoldModel]],
) -> Eligible:
    """Those of a stack's detectors that a prediction by a deadline asks.

    Args:
        run: the folder, to be named in the error.
        kinds: the stack's detectors, as keys.
        imported: those whose scores came from elsewhere, as keys.
        models: the trained detectors, by name; one that is not there counts as asked.

    Raises:
        InputError: not one of them is asked.
    """
    names, notes = [], []
    for name in kinds:
        looks_at = "face"
        if name in models:
            looks_at = models[name][0].spec.looks_at
        if name in imported:
            notes.append(IMPORTED(detector=name))
        elif looks_at == "face":
            names.append(name)
        else:
            notes.append(OTHER_MEDIA(detector=name, looks_at=looks_at))
    if not names:
        raise InputError(
            f"none of its detectors looks at single faces ({', '.join(kinds)}), and a prediction "
            "by a deadline asks no others",
            file=run,
            remedy="train one that does, such as resnet50",
        )
    if notes:
        notes.append(OWN_STACK(detectors=names))
    return Eligible(names, notes)
