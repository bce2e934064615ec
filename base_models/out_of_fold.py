"""All detectors on all folds: every video scored by models that never saw its group."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from base_models.crops_data import CropIndex, Crops, index_crops
from base_models.detectors.registry import DetectorSpec, find_detector
from base_models.fold_training import FoldData, FoldResult, Start, train_fold, trainer_of
from base_models.parallel import side_by_side
from base_models.train_settings import TrainSettings
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
    """What all jobs of a run share."""

    index: CropIndex
    labels: np.ndarray
    folds: np.ndarray
    faces_dir: Path
    out: Path
    settings: TrainSettings


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
    settings.check()
    specs = [find_detector(name) for name in settings.detectors]
    labels, folds = _check(videos)
    index = index_crops(videos["video"].astype(str).tolist(), faces_dir)
    _check_classes(index, labels, folds)
    starts = settle_starts(settings)
    if settings.workers > 1 and settings.threads is None:
        from base_models.devices import available_threads

        settings = replace(settings, threads=max(1, available_threads() // settings.workers))
    task = _Task(index, labels, folds, faces_dir, out, settings)
    jobs = [
        _Job(spec, start, int(fold), settings.size or spec.size)
        for spec, start in zip(specs, starts, strict=True)
        for fold in np.unique(folds)
    ]
    results = []
    for done, result in enumerate(_run(task, jobs, progress), 1):
        results.append(result)
        if settings.workers > 1:
            progress("train", done, len(jobs))
    notes = [note for start in starts for note in start.notes]
    notes += [note for result in results for note in result.notes]
    skipped = sum(result.skipped for result in results)
    if skipped:
        notes.append(f"{skipped} of {len(results)} trainings were finished before and are kept.")
    if settings.imbalance == "pos_weight":
        notes.append(
            "Both classes weigh the same in training (pos_weight), so the detectors' logits do "
            "not carry the share of fakes; calibration restores it."
        )
    return TrainReport(results, notes)


def _run(task: _Task, jobs: list[_Job], progress: Progress) -> Iterator[FoldResult]:
    """The results in the order of the jobs."""
    try:
        if task.settings.workers == 1:
            for job in jobs:
                yield _train(task, job, progress)
        else:
            pieces = [(task, job) for job in jobs]
            yield from side_by_side(_train, pieces, task.settings.workers, ordered=True)
    finally:
        _crops.cache_clear()


def _train(task: _Task, job: _Job, progress: Progress = silent) -> FoldResult:
    settings = task.settings
    crops = _crops(
        _Once(task.index),
        task.faces_dir,
        job.size,
        settings.cache_gb * 2**30 / settings.workers,
        settings.threads,
    )
    fold_of = task.folds[task.index.video]
    labels = task.labels[task.index.video]
    place = Path(f"model={job.spec.name}", f"fold={job.fold}")
    return train_fold(
        job.spec,
        FoldData(
            crops=crops,
            labels=labels,
            train=np.flatnonzero((fold_of != job.fold) & ~np.isnan(labels)),
            held_out=np.flatnonzero(fold_of == job.fold),
            fold=job.fold,
            folds=np.unique(task.folds).tolist(),
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
def _crops(
    index: _Once, faces_dir: Path, size: int, cache_bytes: float, threads: int | None
) -> Crops:
    """Decoded crops, shared by the folds and detectors that one process trains at one size."""
    from base_models.devices import available_threads

    return Crops(
        index.index,
        faces_dir,
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


def _check_classes(index: CropIndex, labels: np.ndarray, folds: np.ndarray) -> None:
    """Every training part must hold crops of both classes."""
    seen = np.zeros(len(index.videos), bool)
    seen[index.video] = True
    for fold in np.unique(folds):
        training = labels[seen & (folds != fold)]
        for label, word in ((1, "FAKE"), (0, "REAL")):
            if not (training == label).any():
                raise InputError(
                    f"without fold {fold} no {word} video with a face is left to train on; "
                    f"add such videos or use fewer folds."
                )
