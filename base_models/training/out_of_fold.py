"""All detectors on all folds: every video scored by models that never saw its group."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from base_models.compute.leases import leased
from base_models.compute.parallel import side_by_side
from base_models.compute.threads import available_threads
from base_models.detectors.registry import DetectorSpec, find_detector
from base_models.scoring.crops import CropIndex, Crops
from base_models.scoring.sources import (
    LACKING,
    Varied,
    folder_of,
    index_media,
    open_source,
    size_of,
)
from base_models.training.early_stopping import cut_validation
from base_models.training.fold import FoldData, FoldResult, Start, train_fold, trainer_of
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.folds import check_folds
from predictions.progress import Progress, silent


@dataclass(frozen=True)
class TrainReport:
    """How the training went.

    Attributes:
        folds: one entry a detector and fold.
        notes: decisions to show, one sentence each.
    """

    folds: list[FoldResult]
    notes: list[str]

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
    start: Start
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


def settle_starts(settings: TrainSettings) -> list[Start]:
    """Where each detector's training starts from; cheap to ask before anything long begins.

    Raises:
        InputError: an unknown detector, or weights that cannot be had.
    """
    specs = [find_detector(name) for name in settings.detectors]
    return [trainer_of(spec).settle_start(spec, settings.weights) for spec in specs]


def train_out_of_fold(
    videos: pd.DataFrame,
    faces_dir: Path,
    out: Path,
    settings: TrainSettings,
    *,
    progress: Progress = silent,
) -> TrainReport:
    """Train every detector once a fold without that fold, and score the fold with it.

    Finished folds are skipped, a fold under way goes on after its last epoch, and one whose
    settings or input changed is trained anew with a note. Writes under `out`
    `models/model=M/fold=K/` and `scores/model=M/fold=K.parquet` (see `frame_scores`).

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
    specs = [find_detector(name) for name in settings.detectors]
    _check_blending(specs, settings)
    labels, folds = _check(videos)
    indexes = index_media(specs, videos["video"].astype(str).tolist(), faces_dir)
    groups = videos["group"].astype(str).to_numpy(dtype=object)
    # A worker a device, at least.
    settings = replace(settings, workers=max(settings.workers, len(settings.devices)))
    if settings.workers > 1 and settings.threads is None:
        settings = replace(settings, threads=max(1, available_threads() // settings.workers))
    results = []
    with TemporaryDirectory(prefix="fakeodds-") as places:
        tasks = {
            looks_at: _Task(index, labels, folds, groups, faces_dir, out, settings, Path(places))
            for looks_at, index in indexes.items()
        }
        for looks_at, task in tasks.items():
            _check_classes(task, LACKING[looks_at])
        starts = settle_starts(settings)
        _embed(specs, starts, tasks, progress)
        jobs = [
            _Job(spec, start, int(fold), size_of(spec, settings.size))
            for spec, start in zip(specs, starts, strict=True)
            for fold in np.unique(folds)
        ]
        pieces = [(tasks[job.spec.looks_at], job) for job in jobs]
        for done, result in enumerate(_run(pieces, settings.workers, progress), 1):
            results.append(result)
            if settings.workers > 1:
                progress("train", done, len(jobs))
    notes = [note for start in starts for note in start.notes]
    notes += [note for result in results for note in result.notes]
    skipped = sum(result.skipped for result in results)
    if skipped:
        notes.append(f"{skipped} of {len(results)} trainings were finished before and are kept.")
    notes += _notes_on_classes(settings)
    return TrainReport(results, notes)


def _notes_on_classes(settings: TrainSettings) -> list[str]:
    notes = []
    if settings.imbalance != "none":
        notes.append(
            f"Both classes count the same in training (imbalance {settings.imbalance}), so the "
            f"detectors' logits do not carry the share of fakes; calibration restores it."
        )
    if settings.sbi == "only":
        notes.append(
            "Detectors learned from REAL videos and their self-blended images alone; the FAKE "
            "videos were only scored."
        )
    if settings.sbi == "add":
        notes.append(
            "Self-blended images were added as fakes, so the detectors' logits carry another share "
            "of fakes than the videos; calibration restores it."
        )
    return notes


def _run(
    pieces: list[tuple[_Task, _Job]], workers: int, progress: Progress
) -> Iterator[FoldResult]:
    """The results in the order of the jobs."""
    try:
        if workers == 1:
            for task, job in pieces:
                yield _train(task, job, progress)
        else:
            yield from side_by_side(_train, pieces, workers, ordered=True)
    finally:
        _source.cache_clear()


def _embed(
    specs: list[DetectorSpec], starts: list[Start], tasks: dict[str, _Task], progress: Progress
) -> None:
    """Make the embeddings that detectors of sequences look at, once for all folds."""
    for spec, start in zip(specs, starts, strict=True):
        if spec.looks_at != "faces":
            continue
        from base_models.sequences.prepare import embed_all, settle_embedder

        task = tasks[spec.looks_at]
        model_dir = task.out / "models" / f"model={spec.name}"
        settle_embedder(spec, start, task.settings, model_dir)
        embed_all(
            spec,
            task.index,
            task.faces_dir,
            folder_of(spec, task.faces_dir),
            model_dir,
            device=task.settings.devices[0],
            progress=progress,
        )


def _train(task: _Task, job: _Job, progress: Progress = silent) -> FoldResult:
    settings = task.settings
    if len(settings.devices) > 1:
        with leased(task.places, settings.devices, settings.workers) as device:
            one = replace(task, settings=replace(settings, device=device))
            return _train_here(one, job, progress)
    return _train_here(task, job, progress)


def _train_here(task: _Task, job: _Job, progress: Progress) -> FoldResult:
    settings = task.settings
    source = _source(
        job.spec.looks_at,
        _Once(task.index),
        folder_of(job.spec, task.faces_dir),
        job.size,
        settings.cache_gb * 2**30 / settings.workers,
        settings.threads,
    )
    video = task.index.video
    training, validation = task.parts(job.fold)
    place = Path(f"model={job.spec.name}", f"fold={job.fold}")
    return train_fold(
        job.spec,
        FoldData(
            crops=source,
            labels=task.labels[video],
            train=np.flatnonzero(training[video]),
            held_out=np.flatnonzero(task.folds[video] == job.fold),
            fold=job.fold,
            folds=np.unique(task.folds).tolist(),
            validation=np.flatnonzero(validation[video]),
        ),
        task.out / "models" / place,
        (task.out / "scores" / place).with_suffix(".parquet"),
        settings,
        job.start,
        progress=progress,
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
    looks_at: str,
    index: _Once,
    folder: Path,
    size: int,
    cache_bytes: float,
    threads: int | None,
) -> Crops | Varied:
    """What is looked at, kept in memory for the folds and detectors that one process trains."""
    return open_source(
        looks_at,
        index.index,
        folder,
        size,
        cache_bytes=cache_bytes,
        threads=threads or available_threads(),
    )


def _check(videos: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels (float32, NaN unknown) and folds (int) of the manifest, or why it cannot be used."""
    have = ", ".join(map(str, videos.columns))
    for column in ("video", "label", "group", "fold"):
        if column not in videos:
            raise InputError(f"the videos table has no column {column!r}; there are {have}.")
    doubled = videos["video"][videos["video"].duplicated()]
    if len(doubled):
        raise InputError(f"video {doubled.iloc[0]} is in the table twice; keep one row of it.")
    for column in ("group", "fold"):
        missing = videos["video"][videos[column].isna()]
        if len(missing):
            raise InputError(
                f"video {missing.iloc[0]} has no {column} ({len(missing)} have none); "
                f"every video needs one before training."
            )
    labels = videos["label"].astype("Float32").to_numpy(dtype=np.float32, na_value=np.nan)
    wrong = videos["video"][~(np.isnan(labels) | (labels == 0) | (labels == 1))]
    if len(wrong):
        raise InputError(f"video {wrong.iloc[0]}: a label is 1 (FAKE), 0 (REAL) or missing.")
    folds = videos["fold"].to_numpy(dtype=np.int64)
    if len(np.unique(folds)) < 2:
        raise InputError("training out of fold needs at least 2 folds; the table has fewer.")
    check_folds(videos["fold"], videos["group"])
    return labels, folds


def _check_blending(specs: list[DetectorSpec], settings: TrainSettings) -> None:
    """Only single faces can be blended."""
    for spec in specs:
        if settings.sbi != "none" and spec.looks_at != "face":
            raise InputError(
                f"{spec.name} looks at {spec.looks_at}, of which no self-blended images can be "
                f"made; train it without sbi."
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
                    f"without fold {fold} no {word} video with {lacking} is left to train on; "
                    f"add such videos or use fewer folds."
                )
            if validation.any() and not (task.labels[validation] == label).any():
                raise InputError(
                    f"without fold {fold} no {word} video is left for early stopping to look at; "
                    f"add such videos, raise validation, or train without patience."
                )
