"""All detectors on all folds: every video scored by models that never saw its group."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd

from base_models.compute.leases import leased
from base_models.compute.parallel import side_by_side
from base_models.compute.per_video import tidy
from base_models.compute.threads import available_threads
from base_models.detectors.catalogue import TIMM
from base_models.detectors.registry import DetectorSpec, create_detector
from base_models.detectors.start_weights import StartWeights
from base_models.features.rows import features_folder
from base_models.frozen.install import install
from base_models.frozen.kinds import load
from base_models.scoring.crops import CropIndex, Crops
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import (
    ALL,
    FOLD_RECORD,
    LIST,
    FoldPlace,
    frozen_scores,
    list_trained,
    spec_of_record,
)
from base_models.scoring.offline import score_models
from base_models.scoring.sources import (
    FEATURES,
    LACKING,
    Varied,
    folder_of,
    index_media,
    media_of,
    open_source,
    size_of,
)
from base_models.training.early_stopping import cut_validation
from base_models.training.fold import (
    FoldData,
    FoldResult,
    is_trained,
    media_identity,
    train_fold,
    trainer_of,
)
from base_models.training.settings import TrainSettings
from base_models.training.workers import note_idle_cores, side_by_side_here
from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.notes import Note, NoteKind
from predictions.parallel import is_elsewhere, pieces_a_machine, width_of
from predictions.products import read_record
from predictions.progress import Progress, silent

KEPT = NoteKind(
    "training.kept", "{kept} of {trainings} trainings were finished before and are kept."
)
REMOVED = NoteKind(
    "training.removed",
    "{detector}: its trained folds are removed, since they are not whole, or were not trained for "
    "these videos, labels and folds.",
)
BALANCED = NoteKind(
    "training.balanced",
    "Both classes count the same in training (imbalance {imbalance}), so the detectors' logits do "
    "not carry the share of fakes; calibration restores it.",
)
HEADS_ALONE = NoteKind(
    "training.heads-alone",
    "Only the heads of the networks were trained, on features of the crops as they are: epochs, "
    "learning rate and augmentation played no part.",
)
BLENDS_ALONE = NoteKind(
    "training.blends-alone",
    "Detectors learned from REAL videos and their self-blended images alone; the FAKE videos were "
    "only scored.",
)
BLENDS_ADDED = NoteKind(
    "training.blends-added",
    "Self-blended images were added as fakes, so the detectors' logits carry another share of "
    "fakes than the videos; calibration restores it.",
)
BLENDS_BY_FIVE_POINTS = NoteKind(
    "training.blends-by-five-points",
    "Self-blended images have the outline of a mean face laid onto five points: FaceMesh, whose "
    "landmarks show each face's own, is not installed (fakeodds[blazeface]).",
)


@dataclass(frozen=True)
class TrainReport:
    """How the training went.

    Attributes:
        folds: one entry a detector and fold.
        notes: decisions to show.
        key: of all that was trained; what depends on it has this in its own key.
    """

    folds: list[FoldResult]
    notes: list[Note]
    key: str

    @property
    def pieces(self) -> list[tuple[str, int]]:
        """The (detector, fold) that make up the training, as `models/trained.json` lists them."""
        return [(fold.detector, fold.fold) for fold in self.folds]

    def images_per_second(self) -> dict[str, float]:
        """Training speed of each detector that was trained in this run."""
        speeds = {}
        for name in dict.fromkeys(fold.detector for fold in self.folds):
            mine = [fold for fold in self.folds if fold.detector == name]
            if seconds := sum(fold.seconds for fold in mine):
                speeds[name] = sum(fold.images for fold in mine) / seconds
        return speeds


@dataclass(frozen=True)
class _Job:
    """One detector and fold, small enough to send to another process."""

    spec: DetectorSpec
    start: StartWeights
    fold: int
    size: int


@dataclass(frozen=True)
class _Task:
    """What all jobs of a run share that look at the same: at single faces, at sound, ..."""

    index: CropIndex
    labels: np.ndarray
    folds: np.ndarray
    groups: np.ndarray
    faces_dir: Path
    out: Path
    settings: TrainSettings
    places: Path

    def parts(self, fold: int) -> tuple[np.ndarray, np.ndarray]:
        """Which videos are trained on, and on which early stopping looks: two masks (videos,).

        Raises:
            InputError: too few groups for both.
        """
        usable = ~np.isnan(self.labels)
        if self.settings.sbi == "only":
            usable &= self.labels == 0
        training = usable & (self.folds != fold)
        validation = np.zeros(len(training), bool)
        # Videos without a face (or sound) teach nothing, and shall not be all that one side has of
        # a class.
        training &= np.isin(np.arange(len(training)), self.index.video)
        if self.settings.patience is not None:
            validation[training] = cut_validation(
                self.labels[training],
                self.groups[training],
                self.settings.validation,
                self.settings.seed,
            )
        return training & ~validation, validation

    def rows(self, fold: int) -> dict[str, Any]:
        """What `FoldData` says of a fold, but for the crops themselves."""
        video = self.index.video
        training, validation = self.parts(fold)
        return {
            "labels": self.labels[video],
            "train": np.flatnonzero(training[video]),
            "held_out": np.flatnonzero(self.folds[video] == fold),
            "fold": fold,
            "validation": np.flatnonzero(validation[video]),
        }


def settle_starts(settings: TrainSettings) -> list[StartWeights]:
    """Where each training starts from; cheap to ask before anything long begins.

    Raises:
        InputError: an unknown detector, or weights that cannot be had.
    """
    trained = [spec for spec in settings.specs if spec.card is None]
    for spec in trained:
        _check_tune(spec, settings)
    return [
        trainer_of(spec, settings).settle_start(spec, settings.start_of(spec.name))
        for spec in trained
    ]


def check_files(settings: TrainSettings) -> None:
    """Open what was given, weights and code, so that it is refused before any long work.

    Raises:
        InputError: as of `settle_starts`; a file is damaged, or another network's; a network of the
            user's own cannot be trained.
    """
    trained = [spec for spec in settings.specs if spec.card is None]
    for spec, start in zip(trained, settle_starts(settings), strict=True):
        if spec.code is not None:
            home = spec.factory.partition(":")[0]
            spec.import_module(home).check_network(spec, start)
        elif start.kind == "local":
            size = size_of(spec, settings.size)
            create_detector(spec.name, weights=start.weights, size=size, seed=settings.seed)
    for spec in settings.specs:
        if spec.card is not None and not spec.card.code:
            place = spec.import_module(spec.devices).choose_device(
                settings.devices[0], settings.precision
            )
            load(spec, (spec.card.paths or (spec.card.folder,))[0], spec.size, place)


def _check_tune(spec: DetectorSpec, settings: TrainSettings) -> None:
    """Only networks of timm are tuned in part."""
    if settings.tune == "all":
        return
    if spec.trainer != TIMM["trainer"]:
        raise InputError(
            f"tune {settings.tune} is for networks of timm, and {spec.name} is none",
            option="--tune",
            remedy="train it in a run of its own, and take its scores with --scores",
        )
    spec.import_module("base_models.training.tune").check_tune(spec, settings)


def fit_out_of_fold(
    videos: pd.DataFrame,
    faces_dir: Path,
    out: Path,
    settings: TrainSettings,
    *,
    progress: Progress = silent,
) -> TrainReport:
    """Train every detector once a fold without that fold, and score the fold with it.

    Finished folds are kept, one under way goes on after its last epoch, one whose settings or input
    changed is trained anew, and what is missing or damaged is made again; notes tell. Writes under
    `out` `models/model=M/fold=K/`, `scores/model=M/fold=K.parquet` and last `models/trained.json`,
    the list of these pieces, by which `find_models` and `read_fold_scores` go.

    Detectors that somebody else trained (`DetectorSpec.card`) are not trained: their files are
    copied to `models/model=M/fold=all/`, and they score all videos, into `scores/frozen/`.

    Before anything is written, folds that there are no longer are removed, and detectors left out
    of `settings` whose folds are not whole or not of these videos, labels and folds. Those that are
    stay, unlisted, for a later training that names them.

    A face counts as FAKE when its video is, whichever of the faces in it was changed. Videos
    without a label are scored but not trained on; videos without faces have no scores.

    Args:
        videos: the manifest: `video`, `label` (1 FAKE, 0 REAL, missing unknown), `group`, `fold`.
        faces_dir: where `extract_faces` put the faces.
        out: the run folder.
        settings: how to train.
        progress: told (`train DETECTOR fold K`, crops done, crops of all epochs) as it goes; with
            several workers only (`train`, folds done, folds of all detectors).

    Raises:
        InputError: a fold splits a group, a training part lacks a class, faces are missing, weights
            cannot be had, or a training went astray.
    """
    specs = settings.specs
    trained = [spec for spec in specs if spec.card is None]
    frozen = [spec for spec in specs if spec.card is not None]
    _check_blending(trained, settings)
    labels, folds = _check(videos)
    names = videos["video"].astype(str).tolist()
    indexes = index_media(specs, names, faces_dir)
    groups = videos["group"].astype(str).to_numpy(dtype=object)
    workers = (
        pieces_a_machine(None)
        if is_elsewhere()
        else side_by_side_here(
            settings,
            [size_of(spec, settings.size) for spec in trained],
            len(trained) * len(np.unique(folds)),
        )
    )
    _check_devices(settings)
    settings = replace(settings, workers=workers)
    # Of a detector that is not trained, what is missing is told of before anything long begins.
    for spec in frozen:
        install(spec, out)
    results: list[FoldResult] = []
    with TemporaryDirectory(prefix="fakeodds-") as places:
        tasks = {
            media: _Task(index, labels, folds, groups, faces_dir, out, settings, Path(places))
            for media, index in indexes.items()
        }
        for media, looks_at in sorted({(media_of(spec), spec.looks_at) for spec in trained}):
            _check_classes(tasks[media], LACKING[looks_at])
        starts = settle_starts(settings)
        (out / "models" / LIST).unlink(missing_ok=True)
        notes = _remove_stale(next(iter(tasks.values())), names, indexes, frozen)
        jobs = [
            _Job(spec, start, int(fold), size_of(spec, settings.size))
            for spec, start in zip(trained, starts, strict=True)
            for fold in np.unique(folds)
        ]
        pieces = [(tasks[media_of(job.spec)], job) for job in jobs]
        _embed(trained, starts, tasks, progress)
        _embed_for_heads(pieces, progress)
        # What is there is looked at here, which spares the processes.
        several = workers > 1 or is_elsewhere()
        due = sum(not _is_trained(*piece) for piece in pieces) if several else 1
        at_once = max(1, min(width_of(workers), due))
        here = due == 0 if is_elsewhere() else at_once == 1
        for done, result in enumerate(_run(pieces, None if here else at_once, progress), 1):
            results.append(result)
            if not here:
                progress("train", done, len(jobs))
    notes += _score_frozen(frozen, names, faces_dir, out, settings, progress)
    pieces_of = {spec.name: [ALL] if spec.card else np.unique(folds).tolist() for spec in specs}
    key = list_trained(out, pieces_of)
    notes += [note for start in starts for note in start.notes]
    notes += [note for result in results for note in result.notes]
    if skipped := sum(result.skipped for result in results):
        notes.append(KEPT(kept=skipped, trainings=len(results)))
    if trained:
        notes += note_idle_cores(settings, workers)
    if trained and settings.tune == "head":
        notes.append(HEADS_ALONE())
    if trained and settings.imbalance != "none":
        notes.append(BALANCED(imbalance=settings.imbalance))
    if trained:
        notes += {"none": [], "only": [BLENDS_ALONE()], "add": [BLENDS_ADDED()]}[settings.sbi]
        if settings.blends_by == "five points":
            notes.append(BLENDS_BY_FIVE_POINTS())
    return TrainReport(results, notes, key)


def _score_frozen(
    specs: list[DetectorSpec],
    names: list[str],
    faces_dir: Path,
    out: Path,
    settings: TrainSettings,
    progress: Progress,
) -> list[Note]:
    """All videos scored by the detectors that are not trained; notes."""
    if not specs:
        shutil.rmtree(frozen_scores(out), ignore_errors=True)
        return []
    scoring = Scoring(
        {spec.name: [install(spec, out)] for spec in specs},
        faces_dir,
        frozen_scores(out),
        device=settings.devices[0],
        precision=settings.precision,
        batch=2 * settings.batch,
    )
    return score_models(scoring, names, progress=progress)


def _remove_stale(
    task: _Task, names: list[str], indexes: dict[str, CropIndex], frozen: list[DetectorSpec]
) -> list[Note]:
    """Remove folds that are no more, and detectors left out whose folds are of no use; notes."""
    folds = np.unique(task.folds).tolist()
    all_of_them = [spec.name for spec in frozen]
    there = {
        path.name for room in ("models", "scores") for path in (task.out / room).glob("model=*")
    }
    notes = []
    for name in sorted(path.removeprefix("model=") for path in there):
        models, scores = (task.out / room / f"model={name}" for room in ("models", "scores"))
        if name in task.settings.detectors:
            current = {f"fold={fold}" for fold in ([ALL] if name in all_of_them else folds)}
            for path in [*models.glob("fold=*"), *scores.glob("fold=*")]:
                if path.stem not in current:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif (models / f"fold={ALL}").is_dir():
            shutil.rmtree(models)  # copies, which are as quickly made again
        elif not all(_is_of_use(task, FoldPlace(task.out, name, k), names, indexes) for k in folds):
            # A training that was refused at its first step has left a folder without any.
            if scores.is_dir() or any(models.glob(f"fold=*/{FOLD_RECORD}")):
                notes.append(REMOVED(detector=name))
            shutil.rmtree(models, ignore_errors=True)
            shutil.rmtree(scores, ignore_errors=True)
            shutil.rmtree(features_folder(name, task.faces_dir), ignore_errors=True)
    return notes


def _is_of_use(
    task: _Task, place: FoldPlace, names: list[str], indexes: dict[str, CropIndex]
) -> bool:
    """Whether a fold of a detector left out was finished for these videos, labels and folds.

    Whether its files are as they were written is asked when they are.
    """
    record = read_record(place.folder / FOLD_RECORD)
    if record is None or not (place.weights.is_file() and place.scores.is_file()):
        return False
    made = record["identity"]
    try:
        spec = spec_of_record(record, place.folder / FOLD_RECORD)
        media = media_of(spec)
        if media not in indexes:
            indexes |= index_media([spec], names, task.faces_dir)
        of_parts = ("sbi", "patience", "validation", "seed")
        parts = {setting: made[setting] for setting in of_parts if setting in made}
        theirs = replace(task, index=indexes[media], settings=replace(task.settings, **parts))
        wanted = media_identity(theirs.index, **theirs.rows(int(place.fold)))
    except (InputError, KeyError):  # it cannot be had here, its media are not there, or no record
        return False
    return wanted.items() <= made.items()


def _run(
    pieces: list[tuple[_Task, _Job]], workers: int | None, progress: Progress
) -> Iterator[FoldResult]:
    """The results in the order of the jobs; None: trained by this process, one after the other."""
    try:
        if workers is None:
            for task, job in pieces:
                yield _train(task, job, progress)
        else:
            read = [(task.out, task.faces_dir, job.start.path) for task, job in pieces]
            shared = list(dict.fromkeys(path for paths in read for path in paths if path))
            yield from side_by_side(
                _train, pieces, workers, ordered=True, shared=shared, kind="training"
            )
    finally:
        _source.cache_clear()


def _embed(
    specs: list[DetectorSpec],
    starts: list[StartWeights],
    tasks: dict[str, _Task],
    progress: Progress,
) -> None:
    """Make the embeddings that detectors of sequences look at, once for all folds."""
    for spec, start in zip(specs, starts, strict=True):
        if spec.looks_at != "faces":
            continue
        from base_models.sequences.prepare import embed_all, settle_embedder

        task = tasks[media_of(spec)]
        model_dir = task.out / "models" / f"model={spec.name}"
        settle_embedder(start, task.settings.seed, model_dir)
        folder = folder_of(spec, task.faces_dir)
        tidy(folder)
        embed_all(
            spec,
            task.index,
            task.faces_dir,
            folder,
            model_dir,
            device=task.settings.devices[0],
            progress=progress,
        )


def _embed_for_heads(pieces: list[tuple[_Task, _Job]], progress: Progress) -> None:
    """Make the features that heads are tuned on, once for all folds; what nobody asks for goes."""
    for spec in {job.spec.name: job.spec for _, job in pieces}.values():
        if spec.looks_at != "face":
            continue
        mine = [(task, job) for task, job in pieces if job.spec == spec]
        task, job = mine[0]
        if task.settings.tune != "head":
            shutil.rmtree(features_folder(spec.name, task.faces_dir), ignore_errors=True)
        elif not all(_is_trained(*piece) for piece in mine):
            network = spec.import_module("base_models.features.network")
            network.embed_crops(
                *(spec, job.start, job.size, task.index, task.faces_dir, task.settings),
                progress=progress,
            )


def _is_trained(task: _Task, job: _Job) -> bool:
    data = _data_of(_source_of(task, job), task, job)
    return is_trained(job.spec, data, task.out, task.settings, job.start)


def _data_of(source: Crops | Varied, task: _Task, job: _Job) -> FoldData:
    return FoldData(crops=source, groups=task.groups[task.index.video], **task.rows(job.fold))


def _train(task: _Task, job: _Job, progress: Progress = silent) -> FoldResult:
    settings = task.settings
    if len(settings.devices) > 1:
        with leased(task.places, settings.devices, settings.workers or 1) as device:
            one = replace(task, settings=replace(settings, device=device))
            return _train_here(one, job, progress)
    return _train_here(task, job, progress)


def _train_here(task: _Task, job: _Job, progress: Progress) -> FoldResult:
    data = _data_of(_source_of(task, job), task, job)
    return train_fold(job.spec, data, task.out, task.settings, job.start, progress=progress)


def _source_of(task: _Task, job: _Job) -> Crops | Varied:
    """What a job trains on, none of it read yet."""
    settings, looks_at = task.settings, str(job.spec.looks_at)
    workers = settings.workers or 1
    folder = folder_of(job.spec, task.faces_dir)
    if settings.tune == "head":
        looks_at, folder = FEATURES, features_folder(job.spec.name, task.faces_dir)
    return _source(
        looks_at,
        _Once(task.index),
        folder,
        job.size,
        settings.cache_gb * 2**30 / workers,
        max(1, available_threads() // workers),
    )


class _Once:
    """An index as a key of the cache below: equal when the faces are."""

    def __init__(self, index: CropIndex):
        self.index = index
        self._key = index.digest(range(len(index.videos)))

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Once) and self._key == other._key


@lru_cache(maxsize=1)
def _source(
    looks_at: str, index: _Once, folder: Path, size: int, cache_bytes: float, threads: int
) -> Crops | Varied:
    """What is looked at, kept in memory for the folds and detectors that one process trains."""
    return open_source(
        looks_at,
        index.index,
        folder,
        size,
        cache_bytes=cache_bytes,
        threads=threads,
    )


def _check(videos: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (float32, NaN unknown) and folds (int) of the manifest, or why it cannot be used."""
    have = ", ".join(map(str, videos.columns))
    for column in ("video", "label", "group", "fold"):
        if column not in videos:
            raise InputError(
                f"the videos table has no column {column!r}", expected=f"it beside {have}"
            )
    doubled = videos["video"][videos["video"].duplicated()]
    if len(doubled):
        raise InputError(
            "is in the table twice", video=str(doubled.iloc[0]), remedy="keep one row of it"
        )
    for column in ("group", "fold"):
        missing = videos["video"][videos[column].isna()]
        if len(missing):
            raise InputError(
                f"has no {column} ({len(missing)} have none)",
                video=str(missing.iloc[0]),
                remedy="give every video one before training",
            )
    labels = videos["label"].astype("Float32").to_numpy(dtype=np.float32, na_value=np.nan)
    wrong = videos["video"][~(np.isnan(labels) | (labels == 0) | (labels == 1))]
    if len(wrong):
        raise InputError(
            "a label is 1 (FAKE), 0 (REAL) or missing", video=str(wrong.iloc[0]), column="label"
        )
    folds = videos["fold"].to_numpy(dtype=np.int64)
    if len(np.unique(folds)) < 2:
        raise InputError("training out of fold needs at least 2 folds; the table has fewer")
    check_folds(videos["fold"], videos["group"])
    return labels, folds


def _check_devices(settings: TrainSettings) -> None:
    """Which device a worker of a cluster has is the cluster's affair."""
    if is_elsewhere() and len(settings.devices) > 1:
        raise InputError(
            f"{settings.device} are devices of one machine",
            option="--device",
            remedy="with --engine name one, and what a training takes of its worker: --needs GPU=1",
        )


def _check_blending(specs: list[DetectorSpec], settings: TrainSettings) -> None:
    """Only single faces can be blended."""
    for spec in specs:
        if settings.sbi != "none" and spec.looks_at != "face":
            raise InputError(
                f"{spec.name} looks at {spec.looks_at}, of which no self-blended images can be "
                "made",
                remedy="train it without sbi",
            )


def _check_classes(task: _Task, lacking: str) -> None:
    """Every training and validation part must hold rows of both classes.

    With self-blended images REAL is enough: their fakes are made of it.
    """
    needed = [(0, "REAL")] if task.settings.sbi != "none" else [(1, "FAKE"), (0, "REAL")]
    for fold in np.unique(task.folds):
        training, validation = task.parts(int(fold))
        for label, word in needed:
            if not (task.labels[training] == label).any():
                raise InputError(
                    f"without fold {fold} no {word} video with {lacking} is left to train on",
                    remedy="add such videos or use fewer folds",
                )
            if validation.any() and not (task.labels[validation] == label).any():
                raise InputError(
                    f"without fold {fold} no {word} video is left for early stopping to look at",
                    remedy="add such videos, raise validation, or train without patience",
                )
