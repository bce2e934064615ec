"""The trained models of a run: what is there, and how each is read."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from base_models.detectors.registry import Detector, find_detector
from base_models.training.settings import Precision, hash_of
from predictions.errors import InputError

FOLD_RECORD = "fold.json"


class Place(Protocol):
    """Where a detector computes: what its framework's `choose_device` answers."""

    @property
    def name(self) -> str:
        """`cpu`, `cuda`, `cuda:1`, ..."""

    @property
    def precision(self) -> Precision:
        """Of its matrix products, settled: never `auto`."""

    @property
    def threads(self) -> int:
        """CPU threads of one operation."""


@dataclass(frozen=True)
class FoldModel:
    """One trained detector on disk, and what it was trained on.

    Attributes:
        folder: holds its weights.
        record: its fold.json.
    """

    folder: Path
    record: dict[str, Any]


def find_models(models_dir: Path) -> dict[str, list[FoldModel]]:
    """The trained detectors of a run by name, each with a model for every fold.

    Raises:
        InputError: there are none, a fold is unfinished, or folds were trained differently.
    """
    found: dict[str, list[FoldModel]] = {}
    for folder in sorted(models_dir.glob("model=*")):
        models = []
        for path in sorted(folder.glob(f"fold=*/{FOLD_RECORD}")):
            record = json.loads(path.read_text(encoding="utf-8"))
            models.append(FoldModel(path.parent, record))
        models.sort(key=lambda model: int(model.record["fold"]))
        name = folder.name.removeprefix("model=")
        wanted = models[0].record["folds"] if models else []
        have = [model.record["fold"] for model in models]
        if not models or have != sorted(wanted):
            raise InputError(
                f"{folder}: only {len(have)} of {len(wanted) or 'its'} folds are trained; "
                f"run `fakeodds train` to its end."
            )
        if len({hash_of(_alike(model.record)) for model in models}) > 1:
            raise InputError(
                f"{folder}: its folds were trained with different settings; "
                f"run `fakeodds train` to its end."
            )
        found[name] = models
    if not found:
        raise InputError(f"{models_dir}: no trained detector is here; run `fakeodds train` first.")
    return found


def _alike(record: dict[str, Any]) -> dict[str, Any]:
    """What the folds of one detector share."""
    varying = {
        "fold",
        "training_faces",
        "training_labels",
        "held_out_faces",
        "validation_videos",
    }
    return {name: value for name, value in record["identity"].items() if name not in varying}


def load_fold_model(
    model: FoldModel, *, device: str = "auto", precision: Precision = "auto"
) -> Detector:
    """A trained detector of one fold, ready to score.

    Raises:
        InputError: its weights are damaged, or the device is not here.
    """
    spec = find_detector(model.record["detector"])
    module, function = spec.loader.split(":")
    load = getattr(spec.import_module(module), function)
    weights = spec.import_module(spec.trainer).WEIGHTS
    detector = load(
        spec,
        model.folder / weights,
        int(model.record["size"]),
        device=device,
        precision=precision,
    )
    return cast(Detector, detector)
