"""The stages of `fakeodds run`, each on a run folder: faces, detectors, stack, new videos."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base_models.compute.per_video import keep_only
from base_models.datasets import Dataset
from base_models.detectors.registry import BackendName, DetectorSpec
from base_models.faces.extract import Looking, faces_table, iter_faces
from base_models.faces.import_crops import import_crops
from base_models.faces.ladder import settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.views import views_of
from base_models.frozen.catalogue import refuse_other_code
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import chosen_models, read_fold_scores
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_models
from base_models.scoring.sources import EARS
from base_models.scoring.units import score_in_units
from base_models.sound.extract import extract_sound
from base_models.sound.settings import SoundSettings
from base_models.training.out_of_fold import check_files, fit_out_of_fold
from base_models.training.settings import TrainSettings
from fakeodds.run.disk import weights_mb
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.brought import look_at_brought
from fakeodds.workflows.changes import changes_between
from fakeodds.workflows.frame_rules import judge_rules
from fakeodds.workflows.imported import (
    Imported,
    nothing_imported,
    read_imported,
    read_imported_new,
)
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.judge import STACK_FILES, fit_and_judge
from fakeodds.workflows.metrics import all_metrics
from fakeodds.workflows.probability import NewAnswers, answer_new
from fakeodds.workflows.report import compare_for_report
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import Prior, StackOptions
from predictions.errors import InputError
from predictions.files import read_parquet, write_table
from predictions.folds import assign_folds
from predictions.frame_rules import rule_table, with_models
from predictions.notes import Note
from predictions.parallel import is_elsewhere
from predictions.products import media_identity
from predictions.progress import Progress
from predictions.words import count

__all__ = [
    "RUN_FILES",
    "check_files",
    "find_faces",
    "find_sound",
    "find_sound_again",
    "predict",
    "train_and_stack",
    "unlabelled",
]

#: What `run` and `train` write for people, besides the faces, models and scores.
RUN_FILES = (*STACK_FILES, "frame_rules.json", "compare.json", "report.html")

#: New videos whose faces are found before the detectors look at them.
_CHUNK = 32


def unlabelled(dataset: Dataset) -> Dataset:
    """Only the videos whose label is not known."""
    videos = dataset.videos[dataset.videos["label"].isna()].reset_index(drop=True)
    return replace(dataset, videos=videos, notes=[])


def find_faces(
    dataset: Dataset, folder: RunFolder, settings: FaceSettings, jobs: int, **folding: int
) -> pd.DataFrame:
    """Videos -> faces/ and videos.parquet with status and reason; resumes at the next video.

    With `n_splits` and `seed`, labelled videos get a fold (folds that came along are kept).
    """
    inputs = _faces_inputs(dataset, settings, folding)
    already = folder.is_done("faces", **inputs)
    before = read_parquet(folder.videos) if not already and folder.has("faces") else None
    if not already:
        terminal.heading(f"Finding faces in {count(len(dataset.videos), 'video')}")
    # What is there is read all the same: a damaged piece is made anew.
    with terminal.progress_bars(tell=not already) as progress:
        coming = _stream_faces(dataset, folder, settings, inputs, jobs, progress, in_order=False)
        deque(coming, maxlen=0)
    videos = read_parquet(folder.videos)
    if already:
        terminal.note(f"faces of {count(len(videos), 'video')}: already there.")
    else:
        _tell_coverage(videos)
    for note in [] if before is None else changes_between(before, videos):
        terminal.note(note)
    return videos


def _stream_faces(
    dataset: Dataset,
    folder: RunFolder,
    settings: FaceSettings,
    inputs: Mapping[str, Any],
    jobs: int,
    progress: Progress,
    *,
    in_order: bool = True,
) -> Iterator[str]:
    """The work of `find_faces`; yields the videos, each as soon as its faces are there.

    `inputs`: of the stage, as `_faces_inputs` gives them; `in_order`: see `iter_faces`.
    """
    with folder.stage("faces", **inputs):
        if dataset.crops is not None:
            videos = import_crops(dataset, folder.faces, settings, jobs=jobs, progress=progress)
            yield from videos["video"].astype(str)
        else:
            infos = {}
            for video, info in iter_faces(
                dataset, folder.faces, settings, jobs=jobs, progress=progress, in_order=in_order
            ):
                infos[video] = info
                yield video
            videos = faces_table(dataset.videos, infos)
        if inputs["folding"]:
            videos = _with_folds(videos, **inputs["folding"])
        write_table(videos, folder.videos)


def _faces_inputs(
    dataset: Dataset, settings: FaceSettings, folding: Mapping[str, int]
) -> dict[str, Any]:
    identities = [
        media_identity(dataset.root / file)
        for video in dataset.videos["video"]
        for file in dataset.files(str(video))
    ]
    return {
        "videos": dataset.videos,
        "identities": identities,
        "faces": settings_key(settings),
        "folding": dict(folding),
    }


def find_sound(
    dataset: Dataset, folder: RunFolder, detectors: Sequence[DetectorSpec], jobs: int
) -> None:
    """Videos -> sound/ and sound.parquet with status and reason; resumes at the next video.

    Only where one of the detectors listens; else what an earlier command heard is not told of.
    """
    if not _listens(detectors):
        folder.drop("sound")
        return
    files = [dataset.root / str(video) for video in dataset.videos["video"]]
    settings = SoundSettings()
    with folder.stage(
        "sound",
        videos=dataset.videos["video"].astype(str).tolist(),
        identities=[media_identity(file) for file in files],
        sound=asdict(settings),
    ) as needed:
        if needed:
            terminal.heading(f"Listening to {count(len(files), 'video')}")
        # What is there is read all the same: a damaged piece is made anew.
        with terminal.progress_bars(tell=needed) as progress:
            found = extract_sound(dataset, folder.sound, settings, jobs=jobs, progress=progress)
        write_table(found, folder.sound_table)
    if not needed:
        terminal.note(f"sound of {count(len(files), 'video')}: already there.")
        return
    counts = found["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts.index))
    terminal.note(f"sound of {count(len(found), 'video')}: {told}.")
    for row in found[found["status"] == "unreadable"].head(5).itertuples():
        terminal.note(f"{row.video}: {row.reason}")


def find_sound_again(folder: RunFolder, detectors: Sequence[DetectorSpec], jobs: int) -> None:
    """`find_sound` on the dataset that run.json names, for a run whose faces are found already.

    Raises:
        InputError: the dataset is not where it was.
    """
    if not _listens(detectors):
        return
    path = Path(folder.record["settings"].get("dataset", ""))
    if not path.exists():
        raise InputError(
            "the dataset of this run is not there any more, and the sound of its videos is needed",
            file=path,
            remedy="put it back, call from the same folder, or leave the sound detector out",
        )
    root = path if path.is_dir() else path.parent
    find_sound(Dataset(root, read_parquet(folder.videos)), folder, detectors, jobs)


def _listens(detectors: Sequence[DetectorSpec]) -> bool:
    return any(spec.looks_at in EARS for spec in detectors)


def train_and_stack(
    videos: pd.DataFrame,
    run: RunFolder,
    settings: TrainSettings,
    options: StackOptions,
    asked: ScoreFiles | None = None,
    *,
    compares: bool = True,
) -> dict[str, Any]:
    """Detectors out of fold -> scores/ -> stack/, oof.csv, metrics.json; returns the metrics.

    The columns of the score files in `asked` are stacked beside the detectors'. With `compares`,
    every ensemble of them is judged too, where that is quick.
    """
    labelled = videos[videos["label"].notna()]
    imported = read_imported(
        asked or ScoreFiles(), labelled["video"].astype(str).tolist(), settings.detectors
    )
    run.settings(imported=dict(imported.kinds))
    labels = labelled[["video", "label", "group", "fold", "status"]]
    _refuse_few_groups(labelled)
    brought = look_at_brought(labelled, run, settings.specs)
    with run.stage("train", labels=labels, settings=settings.recorded()) as needed:
        if needed:
            terminal.heading(_work_on(settings.specs, labelled["fold"].nunique()))
        # Always: which pieces are there and whole is known to the training alone.
        with terminal.progress_bars() as progress:
            report = fit_out_of_fold(labelled, run.faces, run.path, settings, progress=progress)
    for note in report.notes:
        terminal.note(str(note))
    frames = read_fold_scores(run.path, settings.detectors)
    scored = gather(labelled, frames, settings.detectors, imported)
    scored = replace(scored, brought=brought)
    fit_and_judge(scored, run, options)
    if scored.has_rules:
        judge_rules(scored, run, options)
    if compares:
        mb = pd.Series(weights_mb(run.path, settings.detectors)).reindex(list(scored.kinds))
        compare_for_report(scored, run, options, pd.DataFrame({"seconds": np.nan, "mb": mb}))
    return all_metrics(run)


def gather(
    videos: pd.DataFrame,
    frames: pd.DataFrame,
    detectors: Sequence[str],
    imported: Imported | None = None,
) -> ScoredVideos:
    """Frame scores -> `rule_table`, a row for every video, also those without a face.

    A detector that scored nothing (no face, no sound anywhere) has a column of missing scores.
    """
    rows = videos.set_index("video")
    imported = imported or nothing_imported(rows.index.tolist())
    if imported.frames is not None:
        frames = pd.concat([frames, imported.frames.fillna({"face": 0})], ignore_index=True)
    features = rule_table(frames).reindex(rows.index)
    features = features.join(imported.scores)
    models = {**dict.fromkeys(detectors, "logit"), **imported.kinds}
    label = rows["label"].astype("float64") if "label" in rows else np.nan
    return ScoredVideos(
        rows.assign(label=label),
        with_models(features, models),
        models,
        imported.reverse,
        own=tuple(detectors),
    )


def predict(
    dataset: Dataset,
    run: RunFolder,
    jobs: int,
    prior: Prior,
    device: str = "auto",
    asked: ScoreFiles | None = None,
    backend: BackendName = "auto",
    *,
    submits: bool = True,
) -> NewAnswers:
    """The answers of a finished run for every video of `dataset`.

    Faces are found with the run's settings, and scored while those of the next videos are found;
    everything is kept below test/ and resumed there. Of
    detectors whose scores were imported, those of `asked` are taken; what lacks is missing.
    Where it `submits`, the answers become the run's own submission.csv, and what stands there goes
    when nothing can be refused any more.
    """
    from stacking import load_stack

    run.require("stack")
    stack, about = load_stack(run.stack)
    folder = RunFolder.open(run.path / "test")
    told = run.record["settings"].get("imported", {})
    kinds = {model: kind for model, kind in about["kinds"].items() if model in told}
    detectors = [name for name in about["kinds"] if name not in kinds]
    names = dataset.videos["video"].astype(str).tolist()
    asked = asked or ScoreFiles()
    if told and not kinds:
        # The stack takes none of them, so there is nothing to read.
        asked = replace(asked, paths=())
    imported = read_imported_new(asked, names, kinds, about.get("reverse", ()))
    chosen = chosen_models(run.models, detectors)
    specs = [models[0].spec for models in chosen.values()]
    settings = replace(run.face_settings(), views=views_of(spec.card for spec in specs))
    inputs = _faces_inputs(dataset, settings, {})
    already = folder.is_done("faces", **inputs)
    refuse_other_code(specs, scores_new=not already)
    if not already:
        # Damaged weights are told of now, not after hours of looking for faces.
        for models in chosen.values():
            for model in models:
                model.check()
    if submits:
        # Whatever it holds, it is not of these videos until they are scored.
        run.clear("submission")
    find_sound(dataset, folder, specs, jobs)
    work = "Scoring" if already else "Finding faces in, and scoring,"
    by = count(len(detectors), "detector")
    terminal.heading(f"{work} {count(len(names), 'new video')} with {by}")
    with terminal.progress_bars() as progress:
        scoring = Scoring(chosen, folder.faces, folder.scores, device, backend=backend)
        if is_elsewhere() and not already and dataset.crops is None:
            notes = _look_and_score(dataset, folder, settings, inputs, scoring, progress)
        else:
            arriving = _stream_faces(dataset, folder, settings, inputs, jobs, progress)
            if already:
                deque(arriving, maxlen=0)  # what is damaged is made anew
            come = None if already else arriving
            notes = score_models(scoring, names, arriving=come, chunk=_CHUNK, progress=progress)
    videos = read_parquet(folder.videos)
    if not already:
        _tell_coverage(videos)
    for note in notes:
        terminal.note(str(note))
    frames = read_new_scores(folder.scores, detectors)
    features = gather(videos, frames, detectors, imported).features
    groups = videos.set_index("video")["group"] if "group" in videos else None
    return answer_new(stack, features, about, prior, groups, gaps=True)


def _look_and_score(
    dataset: Dataset,
    folder: RunFolder,
    settings: FaceSettings,
    inputs: Mapping[str, Any],
    scoring: Scoring,
    progress: Progress,
) -> list[Note]:
    """Faces and scores of new videos on a cluster, in one go; notes. `inputs`: of the stage."""
    videos = dataset.videos["video"].astype(str).tolist()
    keep_only(folder.faces, videos)
    looking = Looking.side_by_side(dataset.root, folder.faces, settings, jobs=None)
    with folder.stage("faces", **inputs):
        files, notes = score_in_units(
            scoring, videos, looking=looking, chunk=_CHUNK, progress=progress
        )
        write_table(faces_table(dataset.videos, files), folder.videos)
    return notes


def _with_folds(videos: pd.DataFrame, n_splits: int, seed: int) -> pd.DataFrame:
    if "label" not in videos:  # a folder of videos to predict has none
        return videos
    labelled = videos["label"].notna()
    known = videos[labelled]
    if known.empty or ("fold" in known and known["fold"].notna().all()):
        return videos
    folds = assign_folds(known["label"], known["group"], n_splits, seed)
    fold = pd.Series(pd.NA, index=videos.index, dtype="Int16")
    fold[labelled] = folds
    return videos.assign(fold=fold)


def _work_on(specs: Sequence[DetectorSpec], folds: int) -> str:
    """What is to be done, for a heading."""
    brought = sum(spec.card is not None for spec in specs)
    trained = len(specs) - brought
    parts = [f"training {count(trained, 'detector')} on {folds} folds"] if trained else []
    parts += [f"scoring with {count(brought, 'detector')} trained elsewhere"] if brought else []
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _refuse_few_groups(videos: pd.DataFrame) -> None:
    """Before anything is trained: a stack is judged on folds inside the folds."""
    for fold, rows in videos.groupby("fold"):
        left = videos["group"].nunique() - rows["group"].nunique()
        if left < 2:
            raise InputError(
                f"there are {count(videos['group'].nunique(), 'group')} of videos, and beside "
                f"fold {fold} only {left}, of which no folds can be made",
                expected="at least two groups beside each fold: four, or three with --folds 3",
                remedy="label videos of more people",
            )


def _tell_coverage(videos: pd.DataFrame) -> None:
    counts = videos["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts.index, reverse=True))
    terminal.note(f"{count(len(videos), 'video')}: {told}.")
    if "found_by" in videos and videos["found_by"].notna().any():
        found = videos["found_by"].value_counts()
        rungs = "; ".join(f"{name}: {found[name]}" for name in found.index)
        none = int((videos["status"] == "no_face").sum())
        terminal.note(f"faces found by {rungs}; by none: {none}.")
    for row in videos[videos["status"] == "unreadable"].head(5).itertuples():
        terminal.note(f"{row.video}: {row.reason}")
