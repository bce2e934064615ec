"""The stages of `fakeodds run`, each on a run folder: faces, detectors, stack, new videos."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base_models.datasets import Dataset, read_dataset
from base_models.faces.extract import extract_faces
from base_models.faces.settings import FaceSettings
from base_models.frame_scores import read_frame_scores
from base_models.inference import score_videos
from base_models.out_of_fold import settle_starts, train_out_of_fold
from base_models.train_settings import TrainSettings
from fakeodds import console
from fakeodds.frames import judge_rules
from fakeodds.run_folder import RunFolder
from fakeodds.stacked import Prior, Scored, StackOptions, finish_metrics, fit_and_judge
from fakeodds.submitting import stack_probability
from predictions.aggregate import by_rule, rule_table
from predictions.files import write_table
from predictions.folds import assign_folds

__all__ = [
    "find_faces",
    "open_dataset",
    "predict",
    "settle_starts",
    "train_and_stack",
    "unlabelled",
]


def open_dataset(path: Path, *, training: bool = False) -> Dataset:
    """Read a dataset and say what was decided on the way; for training it must have labels."""
    dataset = read_dataset(path, training=training)
    for sentence in dataset.notes:
        console.note(sentence)
    return dataset


def unlabelled(dataset: Dataset) -> Dataset:
    """Only the videos whose label is not known."""
    videos = dataset.videos[dataset.videos["label"].isna()].reset_index(drop=True)
    return Dataset(dataset.root, videos)


def find_faces(
    dataset: Dataset, folder: RunFolder, settings: FaceSettings, jobs: int, **folding: int
) -> pd.DataFrame:
    """Videos -> faces/ and videos.parquet with status and reason; resumes at the next video.

    With `n_splits` and `seed`, labelled videos get a fold (folds that came along are kept).
    """
    sizes = [(dataset.root / video).stat().st_size for video in dataset.videos["video"]]
    inputs = {
        "videos": dataset.videos,
        "sizes": sizes,
        "faces": asdict(settings),
        "folding": folding,
    }
    with folder.stage("faces", inputs, [folder.videos]) as needed:
        if not needed:
            console.note(f"faces of {len(sizes)} videos: already there.")
            return pd.read_parquet(folder.videos)
        console.heading(f"Finding faces in {len(sizes)} videos")
        with console.progress_bars() as progress:
            videos = extract_faces(dataset, folder.faces, settings, jobs=jobs, progress=progress)
        if folding:
            videos = _with_folds(videos, **folding)
        write_table(videos, folder.videos)
    _tell_coverage(videos)
    return videos


def train_and_stack(
    videos: pd.DataFrame, run: RunFolder, settings: TrainSettings, options: StackOptions
) -> dict[str, Any]:
    """Detectors out of fold -> scores/ -> stack/, oof.csv, metrics.json; returns the metrics."""
    labelled = videos[videos["label"].notna()]
    inputs = {
        "labels": labelled[["video", "label", "group", "fold", "status"]],
        "settings": settings.recorded(),
        "faces": run.record["stages"]["faces"]["inputs"],
    }
    outputs = [run.scores / f"model={name}" for name in settings.detectors]
    with run.stage("train", inputs, outputs) as needed:
        if needed:
            folds = labelled["fold"].nunique()
            console.heading(f"Training {len(settings.detectors)} detectors on {folds} folds")
            with console.progress_bars() as progress:
                report = train_out_of_fold(
                    labelled, run.faces, run.path, settings, progress=progress
                )
            for sentence in report.notes:
                console.note(sentence)
        else:
            console.note("detectors: already trained with these settings.")
    scored = gather(labelled, run.scores, settings.detectors)
    fit_and_judge(scored, run, options)
    if scored.has_rules:
        judge_rules(scored, run, options)
    return finish_metrics(run)


def gather(videos: pd.DataFrame, scores: Path, detectors: Sequence[str]) -> Scored:
    """Frame scores -> `rule_table`, a row for every video, also those without a face.

    A detector that scored nothing (no face anywhere) has a column of missing scores.
    """
    frames = read_frame_scores(scores)
    features = rule_table(frames[frames["model"].isin(detectors)])
    features = features.reindex(pd.Index(videos["video"], name="video"))
    silent = [name for name in detectors if name not in features]
    rows = videos.set_index("video")
    label = rows["label"].astype("float64") if "label" in rows else np.nan
    return Scored(
        rows.assign(label=label),
        features.assign(**dict.fromkeys(silent, np.nan)),
        dict.fromkeys(detectors, "logit"),
    )


def predict(
    dataset: Dataset, run: RunFolder, jobs: int, prior: Prior, device: str = "auto"
) -> pd.Series:
    """Calibrated probability of FAKE of every video of `dataset`, by a finished run.

    Faces are found with the run's settings; everything is kept below test/ and resumed there.
    """
    from stacking import load_stack

    stack, about = load_stack(run.stack)
    settings = FaceSettings(**run.record["settings"]["faces"])
    folder = RunFolder.open(run.path / "test")
    videos = find_faces(dataset, folder, settings, jobs)
    detectors = list(about["kinds"])
    console.heading(f"Scoring {len(videos)} new videos with {len(detectors)} detectors")
    with console.progress_bars() as progress:
        notes = score_videos(
            videos["video"],
            folder.faces,
            run.path / "models",
            folder.scores,
            detectors=detectors,
            device=device,
            progress=progress,
        )
    for sentence in notes:
        console.note(sentence)
    features = gather(videos, folder.scores, detectors).features
    if "frames" in about:
        features = by_rule(features, **about["frames"])
    features = features.reindex(columns=stack.feature_names_in_)
    groups = videos.set_index("video")["group"] if "group" in videos else None
    return stack_probability(stack, features, about, prior, groups)


def _with_folds(videos: pd.DataFrame, n_splits: int, seed: int) -> pd.DataFrame:
    labelled = videos["label"].notna()
    known = videos[labelled]
    if known.empty or ("fold" in known and known["fold"].notna().all()):
        return videos
    folds = assign_folds(known["label"], known["group"], n_splits, seed)
    fold = pd.Series(pd.NA, index=videos.index, dtype="Int16")
    fold[labelled] = folds
    return videos.assign(fold=fold)


def _tell_coverage(videos: pd.DataFrame) -> None:
    counts = videos["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts.index, reverse=True))
    console.note(f"{len(videos)} videos: {told}.")
    for row in videos[videos["status"] == "unreadable"].head(5).itertuples():
        console.note(f"{row.video}: {row.reason}")
