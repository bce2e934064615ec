"""The trained models of a run: where each lies, which ones there are, and how each is read.

A detector on one fold is a product (see `predictions.products`): its record `fold.json` holds the
key and the checksums of its weights and of the scores of the fold held out. A training that came to
its end lists its folds in `models/trained.json`; whoever reads goes by that list, so that what a
killed training began, and what an earlier one left, is never taken for a part of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import pandas as pd

from base_models.compute.place import Precision
from base_models.detectors.own_spec import spec_of_facts
from base_models.detectors.registry import Detector, DetectorSpec, find_detector
from base_models.detectors.timm_facts import spec_of_timm
from base_models.frozen.card import card_of
from base_models.frozen.kinds import spec_of
from base_models.scoring.frame_scores import read_frame_scores, read_new_scores
from predictions.errors import InputError
from predictions.products import Product, damaged_file, key_of, read_record

#: Names of the record of a fold, of its weights, and of the list of all folds.
FOLD_RECORD, WEIGHTS, LIST = "fold.json", "weights.safetensors", "trained.json"
#: The one "fold" of a frozen detector, which was trained elsewhere and scores all of them.
ALL: Literal["all"] = "all"

#: What makes a piece of a training again: with other options it would be another training.
MENDED_BY = "give the `fakeodds run` or `train` that made it again, with its options"

Fold = int | Literal["all"]


@dataclass(frozen=True)
class FoldPlace:
    """Where one detector's piece of one fold lies in a run folder.

    Attributes:
        run: the run folder.
        name: the detector.
        fold: the fold held out, or `all`.
    """

    run: Path
    name: str
    fold: Fold

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
    def spec(self) -> DetectorSpec:
        """What it is.

        Raises:
            InputError: a detector of that name is not known here.
        """
        return spec_of_record(self.record, self.folder / FOLD_RECORD)

    @property
    def files(self) -> list[Path]:
        """The files that `load` reads."""
        mine = f"{self._name(self.folder)}/"
        listed = self.record["files"]
        return [self.place.run / name for name in listed if name.startswith(mine)]

    @property
    def weights(self) -> Path:
        """The one of them with the trained weights; the folder where code has them all itself."""
        return self.folder / self.record.get("weights", WEIGHTS)

    @property
    def key(self) -> str:
        """What scores of other videos depend on: what it was trained for, and its weights."""
        files = self.record["files"]
        contents = [files[self._name(path)] for path in self.files]
        return key_of(trained=self.record["key"], weights=contents)

    @property
    def body(self) -> str | None:
        """What tells its network before the head from others, where the head alone was trained."""
        identity = self.record.get("identity", {})
        if identity.get("tune") != "head":
            return None
        return key_of(**{name: identity[name] for name in ("detector", "start", "seed", "size")})

    def is_whole(self, *paths: Path) -> bool:
        """Whether these of its files, or its scores, are there as they were written."""
        files = self.record["files"]
        names = [self._name(path) for path in paths]
        return all(name in files for name in names) and (
            damaged_file(self.place.run, {name: files[name] for name in names}) is None
        )

    def scores(self) -> pd.DataFrame:
        """Frame scores of the fold held out; of all videos where nothing was trained here.

        Raises:
            InputError: they are missing or damaged.
        """
        if self.place.fold == ALL:
            return read_new_scores(frozen_scores(self.place.run), [self.place.name])
        self._refuse_damage(self.place.scores)
        return read_frame_scores(self.place.scores)

    def load(self, *, device: str = "auto", precision: Precision = "auto") -> Detector:
        """The detector, ready to score.

        Raises:
            InputError: its files are missing or damaged, or the device is not here.
        """
        self.check()
        spec = self.spec
        module, function = spec.loader.split(":")
        load = getattr(spec.import_module(module), function)
        place = spec.import_module(spec.devices).choose_device(device, precision)
        return cast(Detector, load(spec, self.weights, int(self.record["size"]), place))

    def check(self) -> None:
        """Refuse files that are not as they were written.

        Raises:
            InputError: one is missing or damaged.
        """
        for path in self.files:
            self._refuse_damage(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.place.run).as_posix()

    def _refuse_damage(self, path: Path) -> None:
        if not self.is_whole(path):
            raise InputError(
                "is missing, or not as it was written",
                file=path,
                remedy=MENDED_BY,
            )


def spec_of_record(record: Mapping[str, Any], file: Path) -> DetectorSpec:
    """What the detector is that a fold.json, `file`, is of; no code of it is run.

    Raises:
        InputError: a detector of that name is not known here.
    """
    if "card" in record:
        return spec_of(card_of(record["card"], file))
    if "own" in record:
        return spec_of_facts(record["own"], file)
    if "timm" in record:
        return spec_of_timm(record["detector"], record["timm"])
    return find_detector(record["detector"])


def frozen_scores(run: Path) -> Path:
    """Where frozen detectors' scores of the labelled videos lie."""
    return run / "scores" / "frozen"


def list_trained(run: Path, folds: Mapping[str, Sequence[Fold]]) -> str:
    """Write down which folds of which detectors make up the training of `run`; their common key.

    Raises:
        KeyError: one of them is not trained.
    """
    places = [FoldPlace(run, name, fold) for name, some in folds.items() for fold in some]
    records = [place.folder / FOLD_RECORD for place in places]
    by_path = {path: read_record(path) for path in records}
    if None in by_path.values():
        raise KeyError(str(next(path for path, record in by_path.items() if record is None)))
    pieces = [[record["key"], record["files"]] for record in by_path.values() if record]
    key = key_of(pieces=sorted(pieces, key=str))
    product = Product(run / "models" / LIST, key, owns=tuple(records), folder=run)
    product.seal(detectors={name: list(some) for name, some in folds.items()})
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
            remedy=MENDED_BY,
        )
    models: dict[str, list[FoldModel]] = {}
    for name, folds in listed["detectors"].items():
        places = [FoldPlace(run, name, fold) for fold in folds]
        records = [read_record(place.folder / FOLD_RECORD) for place in places]
        models[name] = [FoldModel(p, r) for p, r in zip(places, records, strict=True) if r]
    return models


def chosen_models(
    models_dir: Path, names: Iterable[str] | None = None
) -> dict[str, list[FoldModel]]:
    """The models of the detectors `names` in their order; of all where None.

    Raises:
        InputError: one is not trained, or as of `find_models`.
    """
    models = find_models(models_dir)
    wanted = list(models if names is None else names)
    for name in wanted:
        if name not in models:
            raise InputError(
                f"no {name} is trained", file=models_dir, expected=f"one of {', '.join(models)}"
            )
    return {name: models[name] for name in wanted}


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
            remedy="let the `fakeodds run` or `train` that began it come to its end",
        )
    return listed
