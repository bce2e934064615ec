"""Detectors that fakeodds trained: the weights of a run's fold, with the record beside them."""

from pathlib import Path
from typing import Any

from base_models.frozen.card import Card, Crop, Outputs, Pixels
from base_models.frozen.kinds import Draft
from base_models.frozen.seen import is_dataset
from base_models.scoring.fold_models import FOLD_RECORD, WEIGHTS, spec_of_record
from predictions.errors import InputError
from predictions.products import read_record

#: What loads the state dicts of timm's networks.
_LOADER = "base_models.detectors.timm_detectors:load_timm"
_RUN_RECORD = "run.json"


def draft_of_run(path: Path) -> Draft | None:
    """The card of a fold's weights; None for files without the record of a fold beside them.

    Raises:
        InputError: the detector is none that one state dict of a torch network makes.
    """
    if path.name != WEIGHTS:
        return None
    record = read_record(path.with_name(FOLD_RECORD))
    if record is None or "identity" not in record or "card" in record:
        return None
    try:
        spec = spec_of_record(record, path.with_name(FOLD_RECORD))
    except InputError as error:
        raise error.in_file(path) from error
    if spec.loader != _LOADER:
        raise InputError(
            f"is a {spec.name} of a run, which is no network of timm",
            file=path,
            remedy="let its run score: fakeodds predict RUN VIDEOS",
        )
    settings = _settings(path)
    card = Card(
        name=f"{spec.name}-fold-{record['fold']}",
        kind="state_dict",
        files=(path.name,),
        network=spec.architecture,
        layout="fakeodds",
        size=int(record["size"]),
        pixels=Pixels(spec.mean, spec.std, spec.channels),
        outputs=Outputs(fake=(0,)),
        crop=_crop(settings),
        trained_on=_trained_on(settings),
    )
    guesses = {"card": f"as {FOLD_RECORD} beside it says, and {_RUN_RECORD} of its run"}
    return Draft(card, guesses, {}, 1)


def _settings(path: Path) -> dict[str, Any]:
    """The settings of the run that the weights lie in; empty where they lie elsewhere."""
    # RUN/models/model=NAME/fold=N/weights.safetensors
    folders = path.resolve().parents
    record = read_record(folders[3] / _RUN_RECORD) if len(folders) > 3 else None
    settings: dict[str, Any] = {} if record is None else record["settings"]
    return settings


def _crop(settings: dict[str, Any]) -> Crop | None:
    """How the run cut faces; None for turned ones, which no card describes."""
    faces = settings.get("faces", {})
    if "margin" not in faces or faces.get("align"):
        return None
    return Crop(margin=(float(faces["margin"]),) * 4, finder=str(faces.get("finder", "")))


def _trained_on(settings: dict[str, Any]) -> tuple[str, ...]:
    """The run's dataset: by its layout where that is the dataset's own, and by its folder."""
    path = Path(str(settings.get("dataset", "")))
    layout = str(settings.get("layout") or "")
    names = [layout if is_dataset(layout) else "", path.stem if path.suffix else path.name]
    return tuple(dict.fromkeys(name for name in names if name))
