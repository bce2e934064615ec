"""One fold of one detector, whatever its framework: kept, mended, taken up, trained, scored.

What differs between frameworks is a module named by the detector's spec (`DetectorSpec.trainer`),
which has the functions of `Trainer`. A fold leaves its weights and `fold.json` in its folder and
its frame scores beside the others; while it is under way there is a checkpoint after each epoch,
and the order of the crops, which of them, and how they are varied depend on (seed, fold, epoch)
alone, so that a run taken up from its last checkpoint ends with the same bytes.
"""

import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.own_spec import facts_of
from base_models.detectors.registry import TIMM_PREFIX, Backend, DetectorSpec, Weights
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_facts import facts_of_timm
from base_models.features.head import LinearHead
from base_models.features.rows import Features
from base_models.scoring.crops import CropIndex, Crops, generator
from base_models.scoring.fold_models import FoldModel, FoldPlace
from base_models.scoring.frame_scores import frame_scores, write_frame_scores
from base_models.scoring.opened import score_rows
from base_models.scoring.sources import Varied
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import key_of, read_record
from predictions.progress import Progress, silent

_CHECKPOINT = "checkpoint"
#: Letters of a value that can be shown; longer ones are hashes.
_READABLE = 24

TRAINED_ANEW = NoteKind(
    "training.changed",
    "{detector} fold {fold} is trained anew, since its settings or input changed: {changes}.",
)
TRAINED_AGAIN = NoteKind(
    "training.weights-damaged",
    "{detector} fold {fold} is trained again, since its weights are missing or damaged.",
)
SCORED_AGAIN = NoteKind(
    "training.scores-damaged",
    "{detector} fold {fold}: its scores are missing or damaged and are made again from its "
    "weights, which are whole.",
)


@dataclass(frozen=True)
class FoldData:
    """What one fold of one detector is trained and scored on.

    Attributes:
        crops: what the detector looks at, of all videos: crops, sequences of faces, or sound.
        labels: (n,) float32, the label of each crop's video; NaN unknown.
        train: rows of `crops` to train on, all with a label.
        held_out: rows to score.
        fold: the fold held out.
        validation: rows of other groups than `train`'s and `held_out`'s, on which early stopping
            looks; none without it.
        groups: (n,) the group of each crop's video, asked for where a head is tuned.
    """

    crops: Crops | Varied
    labels: NDArray[np.float32]
    train: NDArray[np.intp]
    held_out: NDArray[np.intp]
    fold: int
    validation: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, np.intp))
    groups: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, object))


@dataclass(frozen=True)
class FoldResult:
    """How one fold went.

    Attributes:
        detector, fold: which.
        skipped: it was trained before.
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
    notes: list[Note]


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
        self, path: Path, key: str, identity: dict[str, Any], progress: Progress
    ) -> tuple[int, float]:
        """Train the epochs that are left, a checkpoint with `key` and `identity` after each.

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

    def settle_start(self, spec: DetectorSpec, weights: Weights) -> StartWeights:
        """Decide `auto`, and download what is wanted.

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
        start: StartWeights,
        where: str,
    ) -> Work:
        """A training at its first epoch."""

    def read_checkpoint(self, path: Path) -> dict[str, Any] | None:
        """`key`, `identity`, `losses` and the framework's own; None when there is no file."""


def network_seed(spec: DetectorSpec, data: FoldData, settings: TrainSettings) -> int:
    """What the random weights of a detector on one fold are drawn with."""
    return int(generator(settings.seed, data.fold, *spec.name.encode()).integers(2**31))


def trainer_of(spec: DetectorSpec, settings: TrainSettings) -> Trainer:
    """The module that trains this detector as asked.

    Raises:
        InputError: its framework is not installed.
    """
    module = "base_models.training.head" if settings.tune == "head" else spec.trainer
    return cast(Trainer, spec.import_module(module))


def train_fold(
    spec: DetectorSpec,
    data: FoldData,
    run: Path,
    settings: TrainSettings,
    start: StartWeights,
    *,
    progress: Progress = silent,
) -> FoldResult:
    """Train `spec` without the fold, then score the fold; keep, mend or take up what is there.

    Args:
        spec: the detector.
        data: its crops.
        run: the run folder, which gets the pieces of `FoldPlace`.
        settings: how to train.
        start: the weights to start from.
        progress: told the stage, the crops done, and all crops of all epochs.

    Raises:
        InputError: the loss became NaN or infinite.
    """
    trainer = trainer_of(spec, settings)
    identity = _identity(spec, data, settings, start)
    key = key_of(**identity)
    place = FoldPlace(run, spec.name, data.fold)
    product, where = place.product(key), f"{spec.name} fold {data.fold}"
    names: dict[str, Any] = {"detector": spec.name, "fold": data.fold}
    notes: list[Note] = []

    state, record = product.state(), read_record(product.record)
    if state in ("done", "damaged") and record is not None:
        model = FoldModel(place, record)
        if state == "done" or model.is_whole(place.weights):
            (place.folder / _CHECKPOINT).unlink(missing_ok=True)
            if state == "damaged":
                notes.append(SCORED_AGAIN(**names))
                with trainer.session(settings):
                    trained: Backend = model.load(
                        device=settings.device, precision=settings.precision
                    )
                    if isinstance(data.crops, Features):
                        trained = cast(Backend, LinearHead.of(trained))
                    _score(trained, data, place, settings, progress)
                product.seal(**record)
            return FoldResult(spec.name, data.fold, True, 0, 0.0, record["losses"], notes)
        notes.append(TRAINED_AGAIN(**names))

    checkpoint = trainer.read_checkpoint(place.folder / _CHECKPOINT)
    earlier = checkpoint or record
    if earlier is not None and earlier.get("key") != key:
        notes.append(TRAINED_ANEW(**names, changes=_changes(earlier["identity"], identity)))
        checkpoint = None
    # What another setting left must not be mixed with the new.
    product.clear()
    shutil.rmtree(place.folder / "openvino", ignore_errors=True)
    place.folder.mkdir(parents=True, exist_ok=True)

    with trainer.session(settings):
        work = trainer.begin(spec, data, settings, start, where)
        if checkpoint is not None:
            work.restore(checkpoint)
        images, seconds = work.run(place.folder / _CHECKPOINT, key, identity, progress)
        work.save(place.weights)
        _score(work.backend(), data, place, settings, progress)
    product.seal(
        detector=spec.name,
        framework=spec.framework,
        fold=data.fold,
        size=data.crops.size,
        start=start.kind,
        identity=identity,
        training=work.about,
        losses=work.losses,
        **_facts_of(spec),
        **work.computed_on,
    )
    (place.folder / _CHECKPOINT).unlink(missing_ok=True)
    return FoldResult(spec.name, data.fold, False, images, seconds, work.losses, notes)


def _facts_of(spec: DetectorSpec) -> dict[str, Any]:
    """What no list of ours says of the detector (see `fold_models.spec_of_record`)."""
    if spec.code is not None:
        return {"own": facts_of(spec)}
    return {"timm": facts_of_timm(spec)} if spec.name.startswith(TIMM_PREFIX) else {}


def is_trained(
    spec: DetectorSpec, data: FoldData, run: Path, settings: TrainSettings, start: StartWeights
) -> bool:
    """Whether `train_fold` has nothing to do."""
    key = key_of(**_identity(spec, data, settings, start))
    return FoldPlace(run, spec.name, data.fold).product(key).is_done()


def media_identity(
    index: CropIndex,
    labels: NDArray[np.float32],
    train: NDArray[np.intp],
    held_out: NDArray[np.intp],
    fold: int,
    validation: NDArray[np.intp],
) -> dict[str, Any]:
    """What the outcome depends on of videos, labels and folds (see `FoldData`), as JSON values."""

    def of(rows: NDArray[np.intp]) -> tuple[str, str]:
        videos, first = np.unique(index.video[rows], return_index=True)
        return index.digest(videos.tolist()), key_of(labels=labels[rows][first].tolist())

    training_faces, training_labels = of(train)
    identity: dict[str, Any] = {
        "fold": fold,
        "training_faces": training_faces,
        "training_labels": training_labels,
        "held_out_faces": of(held_out)[0],
    }
    if len(validation):
        identity["validation_videos"] = key_of(videos=of(validation))
    return identity


def _identity(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights
) -> dict[str, Any]:
    """All that the outcome depends on, flat, as JSON values."""
    identity = {
        **settings.recorded(),
        "detector": spec.name,
        **({} if spec.code is None else {"code": spec.code.digest}),
        "size": data.crops.size,
        "start": start.digest,
        **media_identity(
            data.crops.index, data.labels, data.train, data.held_out, data.fold, data.validation
        ),
    }
    if settings.tune == "head":  # its penalty is chosen on groups of the training part
        _, first = np.unique(data.crops.index.video[data.train], return_index=True)
        identity["training_groups"] = key_of(groups=data.groups[data.train][first].tolist())
    return identity


def _score(
    backend: Backend,
    data: FoldData,
    place: FoldPlace,
    settings: TrainSettings,
    progress: Progress,
) -> None:
    """Write the frame scores of the fold held out."""
    where = f"{place.name} fold {place.fold}"
    logits = score_rows(
        [backend], data.crops, data.held_out, 2 * settings.batch, f"score {where}", progress
    )
    if not np.isfinite(logits).all():
        raise InputError(f"{where}: its scores are not finite after training", remedy="lower lr")
    table = frame_scores(data.crops.index, data.held_out, place.name, logits)
    write_frame_scores(table, place.scores)


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What differs between two flat records: `epochs 2 -> 3, other training faces, ...`."""
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return ", ".join(_change(name, old.get(name), new.get(name)) for name in names)


def _change(name: str, old: object, new: object) -> str:
    if max(len(str(old)), len(str(new))) > _READABLE:  # hashes
        return f"other {name.replace('_', ' ')}"
    return f"{name} {old} -> {new}"
