"""Which models of a stack a prediction by a deadline asks: those that look at single faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from base_models.detectors.registry import find_detector
from base_models.scoring.fold_models import FoldModel
from predictions.errors import InputError

_DOES = {"faces": "looks at faces in their order", "sound": "listens"}


@dataclass(frozen=True)
class Members:
    """The models of a stack, told apart by whether a prediction by a deadline asks them.

    Attributes:
        names: the detectors that it asks.
        notes: why others are not asked, a sentence each; none where all are.
    """

    names: list[str]
    notes: list[str]


def asked_in_time(
    run: Path,
    kinds: Mapping[str, Any],
    imported: Mapping[str, Any],
    models: Mapping[str, list[FoldModel]],
) -> Members:
    """The models of a stack, told apart.

    Args:
        run: the folder, to be named in the error.
        kinds: the stack's models, as keys.
        imported: those whose scores came from elsewhere, as keys.
        models: the trained detectors, by name; one that is not there counts as asked.

    Raises:
        InputError: not one of them is asked.
    """
    names, notes = [], []
    for name in kinds:
        if name in imported:
            notes.append(f"the scores by {name} were imported, and new videos will have none.")
            continue
        looks_at = "face"
        if name in models:
            looks_at = find_detector(models[name][0].record["detector"]).looks_at
        if looks_at == "face":
            names.append(name)
        else:
            notes.append(f"{name} {_DOES[looks_at]}, which a prediction by a deadline does not.")
    if not names:
        raise InputError(
            f"{run}: none of its detectors looks at single faces ({', '.join(kinds)}), and a "
            "prediction by a deadline asks no others; train one that does, such as resnet50."
        )
    if notes:
        notes.append(f"{', '.join(names)} get a stack of their own for it.")
    return Members(names, notes)
