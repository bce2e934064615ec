"""One fold of one detector, whatever its framework: skipped, taken up, trained, scored, recorded.

What differs between frameworks is a module named by the detector's spec (`DetectorSpec.trainer`),
which has the functions of `Trainer`. A fold leaves `weights.*` and `fold.json` in its folder and
its frame scores beside the others; while it is under way there is a checkpoint after each epoch,
and the order of the crops, which of them, and how they are varied depend on (seed, fold, epoch)
alone, so that a run taken up from its last checkpoint ends with the same bytes.
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.registry import Backend, DetectorSpec, Weights
from base_models.detectors.start_weights import StartWeights
from base_models.scoring.crops import Crops, generator
from base_models.scoring.fold_models import FOLD_RECORD, FoldModel, load_fold_model
from base_models.scoring.frame_scores import digest_of_scores, frame_scores, write_frame_scores
from base_models.scoring.offline import mean_logits
from base_models.scoring.sources import Varied
from base_models.training.settings import TrainSettings, changes, hash_of
from predictions.errors import InputError
from predictions.files import write_json
from predictions.progress import Progress, silent

_CHECKPOINT = "checkpoint"


@dataclass(frozen=True)
class FoldData:
    """What one fold of one detector is trained and scored on.

    Attributes:
        crops: what the detector looks at, of all videos: crops, sequences of faces, or sound.
        labels: (n,) float32, the label of each crop's video; NaN unknown.
        train: rows of `crops` to train on, all with a label.
        held_out: rows to score.
        fold: the fold held out.
        folds: all folds of the run.
        validation: rows of other groups than `train`'s and `held_out`'s, on which early stopping
            looks; none without it.
    """

    crops: Crops | Varied
    labels: NDArray[np.float32]
    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    fold: int
    folds: Sequence[int]
    validation: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))


@dataclass(frozen=True)
class FoldResult:
    """How one fold went.

    Attributes:
        detector, fold: which.
        skipped: it was finished before.
        images: crops trained on in this process.
        seconds: what training on them took.
        losses: mean training loss of each epoch.
        notes: decisions to show.
    """

    detector: str
    fold: int
    skipped: bool
    images: int
    seconds: float
    losses: list[float]
    notes: list[str]


@dataclass(frozen=True)
class Start:
    """Where training starts from, decided once a detector: see `weights.StartWeights`."""

    weights: Weights
    kind: str
    digest: str
    notes: list[str]

    @classmethod
    def of(cls, found: StartWeights, weights: Weights) -> "Start":
        """What was decided about `weights`: a local folder stays named, the rest by its kind."""
        settled = weights if found.kind == "local" else found.kind
        return cls(settled, found.kind, found.digest(), [found.note] if found.note else [])


class Work(Protocol):
    """The state of one training: network, optimiser, how far it is.

    Attributes:
        losses: mean training loss of each finished epoch.
        about: what is recorded of the classes (see `Epochs.about`), and with early stopping
            `validation_losses` (one an epoch) and `best_epoch` (from 1), whose weights are kept.
        computed_on: device, precision, threads, versions of the framework; for the record.
    """

    losses: list[float]
    about: dict[str, Any]
    computed_on: dict[str, Any]

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what `Trainer.read_checkpoint` read."""

    def run(
        self, path: Path, wanted: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, a checkpoint (with `wanted` as its `hash`) after each.

        Returns the crops trained on and the seconds that took.

        Raises:
            InputError: the loss became NaN or infinite.
        """

    def save(self, path: Path) -> None:
        """Write the trained weights in one step."""

    def backend(self) -> Backend:
        """The trained network, ready to score."""


class Trainer(Protocol):
    """The functions of a module that trains the detectors of one kind."""

    #: File name of the trained weights.
    WEIGHTS: str

    def settle_start(self, spec: DetectorSpec, weights: Weights) -> Start:
        """Decide `auto`, download what is wanted, and hash it.

        Raises:
            InputError: the weights cannot be had.
        """

    def session(self, settings: TrainSettings) -> AbstractContextManager[None]:
        """The device, the threads and the random state are right inside, and as before after."""

    def begin(
        self,
        spec: DetectorSpec,
        data: FoldData,
        settings: TrainSettings,
        start: Start,
        where: str,
    ) -> Work:
        """A training at its first epoch."""

    def read_checkpoint(self, path: Path) -> dict[str, Any] | None:
        """`hash`, `identity`, `losses` and the framework's own; None when there is no file."""


def network_seed(spec: DetectorSpec, data: FoldData, settings: TrainSettings) -> int:
    """What the random weights of a detector on one fold are drawn with."""
    return int(generator(settings.seed, data.fold, *spec.name.encode()).integers(2**31))


def trainer_of(spec: DetectorSpec) -> Trainer:
    """The module that trains this detector.

    Raises:
        InputError: its framework is not installed.
    """
    return cast(Trainer, spec.import_module(spec.trainer))


def train_fold(
    spec: DetectorSpec,
    data: FoldData,
    folder: Path,
    scores: Path,
    settings: TrainSettings,
    start: Start,
    *,
    progress: Progress = silent,
) -> FoldResult:
    """Train `spec` without the fold, then score the fold; take up or skip what is there.

    Args:
        spec: the detector.
        data: its crops.
        folder: gets the weights and `fold.json`, and a checkpoint while under way.
        scores: gets the frame scores (logits) of the fold.
        settings: how to train.
        start: the weights to start from.
        progress: told the stage, the crops done, and all crops of all epochs.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    trainer = trainer_of(spec)
    identity = _identity(spec, data, settings, start)
    wanted = hash_of(identity)
    where = f"{spec.name} fold {data.fold}"
    notes: list[str] = []
    weights = folder / trainer.WEIGHTS
    record = _read_record(folder, weights)
    if record is not None and record["hash"] == wanted:
        (folder / _CHECKPOINT).unlink(missing_ok=True)
        if digest_of_scores(scores) != wanted:
            with trainer.session(settings):
                trained = load_fold_model(
                    FoldModel(folder, record),
                    device=settings.device,
                    precision=settings.precision,
                )
                _score(trained, data, spec.name, scores, settings, wanted, progress)
        return FoldResult(spec.name, data.fold, True, 0, 0.0, record["losses"], [])
    checkpoint = trainer.read_checkpoint(folder / _CHECKPOINT)
    earlier = checkpoint or record
    if earlier is not None and earlier["hash"] != wanted:
        notes.append(
            f"{where} is trained anew, since its settings or input changed: "
            f"{changes(earlier['identity'], identity)}."
        )
        checkpoint = None
    # What another setting left must not be mixed with the new.
    for path in (folder / FOLD_RECORD, weights, scores):
        path.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)

    with trainer.session(settings):
        work = trainer.begin(spec, data, settings, start, where)
        if checkpoint is not None:
            work.restore(checkpoint)
        images, seconds = work.run(folder / _CHECKPOINT, wanted, identity, progress)
        work.save(weights)
        _score(work.backend(), data, spec.name, scores, settings, wanted, progress)
    write_json(
        {
            "detector": spec.name,
            "framework": spec.framework,
            "fold": data.fold,
            "folds": list(data.folds),
            "size": data.crops.size,
            "start": start.kind,
            "hash": wanted,
            "identity": identity,
            "training": work.about,
            "losses": work.losses,
            **work.computed_on,
        },
        folder / FOLD_RECORD,
    )
    (folder / _CHECKPOINT).unlink(missing_ok=True)
    return FoldResult(spec.name, data.fold, False, images, seconds, work.losses, notes)


def _identity(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: Start
) -> dict[str, Any]:
    """All that the outcome depends on, flat, as JSON values."""
    index = data.crops.index
    training, first = np.unique(index.video[data.train], return_index=True)
    labels = data.labels[data.train][first]
    return {
        **settings.recorded(),
        "detector": spec.name,
        "size": data.crops.size,
        "fold": data.fold,
        "start": start.digest,
        "training_faces": index.digest(training),
        "training_labels": hash_of({"labels": labels.tolist()}),
        "held_out_faces": index.digest(np.unique(index.video[data.held_out])),
        **_validation_identity(data),
    }


def _validation_identity(data: FoldData) -> dict[str, Any]:
    index = data.crops.index
    videos, first = np.unique(index.video[data.validation], return_index=True)
    if not len(videos):
        return {}
    labels = data.labels[data.validation][first].tolist()
    return {"validation_videos": hash_of({"faces": index.digest(videos), "labels": labels})}


def _score(
    backend: Backend,
    data: FoldData,
    name: str,
    path: Path,
    settings: TrainSettings,
    digest: str,
    progress: Progress,
) -> None:
    """Write the frame scores of the fold held out."""
    where = f"{name} fold {data.fold}"
    logits = mean_logits(
        [backend], data.crops, data.held_out, 2 * settings.batch, f"score {where}", progress
    )
    if not np.isfinite(logits).all():
        raise InputError(f"{where}: its scores are not finite after training; use a lower lr.")
    table = frame_scores(data.crops.index, data.held_out, name, logits)
    write_frame_scores(table, path, digest)


def _read_record(folder: Path, weights: Path) -> dict[str, Any] | None:
    """The record of a finished fold; None when it is not finished."""
    path = folder / FOLD_RECORD
    if not path.is_file() or not weights.is_file():
        return None
    try:
        return cast(dict[str, Any], json.loads(path.read_text(encoding="utf-8")))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path}: not readable JSON; delete the folder and train again."
        ) from error
