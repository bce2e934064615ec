"""The trained models of a run: where each lies, which ones there are, and how each is read.

A detector on one fold is a product (see `predictions.products`): its record `fold.json` holds the
key and the checksums of its weights and of the scores of the fold held out. A training that came to
its end lists its folds in `models/trained.json`; whoever reads goes by that list, so that what a
killed training began, and what an earlier one left, is never taken for a part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from base_models.compute.place import Precision
from base_models.detectors.registry import Detector, find_detector
from base_models.scoring.frame_scores import read_frame_scores
from predictions.errors import InputError
from predictions.products import Product, damaged_file, key_of, read_record

#: Names of the record of a fold, of its weights, and of the list of all folds.
FOLD_RECORD, WEIGHTS, LIST = "fold.json", "weights.safetensors", "trained.json"


@dataclass(frozen=True)
class FoldPlace:
    """Where one detector's piece of one fold lies in a run folder.

    Attributes:
        run: the run folder.
        name: the detector.
        fold: the fold held out.
    """

    run: Path
    name: str
    fold: int

    @property
    def folder(self) -> Path:
        """Holds its record, its weights, its export, and a checkpoint while it is trained."""
        return self.run / "models" / f"model={self.name}" / f"fold={self.fold}"

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.folder / WEIGHTS

    @property
    def scores(self) -> Path:
        """Frame scores (logits) of the fold held out."""
        return self.run / "scores" / f"model={self.name}" / f"fold={self.fold}.parquet"

    def product(self, key: str) -> Product:
        """The weights and the scores, as made for `key`."""
        both = (self.weights, self.scores)
        return Product(self.folder / FOLD_RECORD, key, owns=both, needs=both, folder=self.run)


@dataclass(frozen=True)
class FoldModel:
    """One trained detector on disk, and what it was trained on.

    Attributes:
        place: where it lies.
        record: its fold.json.
    """

    place: FoldPlace
    record: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Holds its weights."""
        return self.place.folder

    @property
    def weights(self) -> Path:
        """The trained weights."""
        return self.place.weights

    @property
    def key(self) -> str:
        """What scores of other videos depend on: what it was trained for, and its weights."""
        return key_of(
            trained=self.record["key"], weights=self.record["files"][self._name(self.weights)]
        )

    def is_whole(self, path: Path) -> bool:
        """Whether `path`, its weights or its scores, is there as it was written."""
        name, files = self._name(path), self.record["files"]
        return name in files and damaged_file(self.place.run, {name: files[name]}) is None

    def scores(self) -> pd.DataFrame:
        """Frame scores of the fold held out.

        Raises:
            InputError: they are missing or damaged.
        """
        self._refuse_damage(self.place.scores)
        return read_frame_scores(self.place.scores)

    def load(self, *, device: str = "auto", precision: Precision = "auto") -> Detector:
        """The trained detector, ready to score.

        Raises:
            InputError: its weights are missing or damaged, or the device is not here.
        """
        self._refuse_damage(self.weights)
        spec = find_detector(self.record["detector"])
        module, function = spec.loader.split(":")
        load = getattr(spec.import_module(module), function)
        place = spec.import_module(spec.devices).choose_device(device, precision)
        return cast(Detector, load(spec, self.weights, int(self.record["size"]), place))

    def _name(self, path: Path) -> str:
        return path.relative_to(self.place.run).as_posix()

    def _refuse_damage(self, path: Path) -> None:
        if not self.is_whole(path):
            raise InputError(
                "is missing, or not as it was written",
                file=path,
                remedy="run `fakeodds train` again, which mends it",
            )


def list_trained(run: Path, folds: Mapping[str, Sequence[int]]) -> str:
    """Write down which folds of which detectors make up the training of `run`; their common key.

    Raises:
        KeyError: one of them is not trained.
    """
    places = [FoldPlace(run, name, fold) for name, some in folds.items() for fold in some]
    records = [place.folder / FOLD_RECORD for place in places]
    found = {path: read_record(path) for path in records}
    if None in found.values():
        raise KeyError(str(next(path for path, record in found.items() if record is None)))
    pieces = [[record["key"], record["files"]] for record in found.values() if record]
    key = key_of(pieces=sorted(pieces, key=str))
    product = Product(run / "models" / LIST, key, owns=tuple(records), folder=run)
    product.seal(detectors={name: sorted(some) for name, some in folds.items()})
    return key


def find_models(models_dir: Path) -> dict[str, list[FoldModel]]:
    """The trained detectors of a run by name, each with a model for every fold.

    Raises:
        InputError: no training came to its end, or a record is not as it was written.
    """
    listed = _read_list(models_dir)
    run = models_dir.parent
    wrong = damaged_file(run, listed["files"])
    if wrong is not None:
        raise InputError(
            "is missing, or not as it was written",
            file=wrong,
            remedy="run `fakeodds train` again, which mends it",
        )
    found: dict[str, list[FoldModel]] = {}
    for name, folds in listed["detectors"].items():
        places = [FoldPlace(run, name, fold) for fold in folds]
        records = [read_record(place.folder / FOLD_RECORD) for place in places]
        found[name] = [FoldModel(p, r) for p, r in zip(places, records, strict=True) if r]
    return found


def chosen_models(
    models_dir: Path, names: Iterable[str] | None = None
) -> dict[str, list[FoldModel]]:
    """The models of the detectors `names` in their order; of all where None.

    Raises:
        InputError: one is not trained, or as of `find_models`.
    """
    found = find_models(models_dir)
    wanted = list(found if names is None else names)
    for name in wanted:
        if name not in found:
            raise InputError(
                f"no {name} is trained", file=models_dir, expected=f"one of {', '.join(found)}"
            )
    return {name: found[name] for name in wanted}


def read_fold_scores(run: Path, detectors: Iterable[str] | None = None) -> pd.DataFrame:
    """Out-of-fold frame scores of a finished training: `video, frame, face, model, logit`.

    Args:
        run: the run folder.
        detectors: names; all that were trained when None.

    Raises:
        InputError: one was not trained, or its scores are missing or damaged.
    """
    chosen = chosen_models(run / "models", detectors)
    return pd.concat(
        [model.scores() for name in sorted(chosen) for model in chosen[name]], ignore_index=True
    )


def _read_list(models_dir: Path) -> dict[str, Any]:
    listed = read_record(models_dir / LIST)
    if listed is None or not isinstance(listed.get("detectors"), dict):
        raise InputError(
            "no finished training is here",
            file=models_dir,
            remedy="run `fakeodds train` to its end",
        )
    return listed
