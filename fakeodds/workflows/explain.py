"""One video explained: what each detector says, what it does to the answer, what that is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.app.answer import Answer, answer_video
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.view.format import cost_of_share
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.submission import features_for
from predictions.errors import InputError
from predictions.logits import to_logit, to_probability
from predictions.notes import NoteKind
from predictions.tables.names import VideoNames
from predictions.words import first_names
from stacking.estimate.missing import with_gaps
from stacking.estimate.stages import single_stage

NOT_AMONG = NoteKind(
    "explain.not-among",
    "{models:few}: came in files and count as missing here; `fakeodds predict` takes their scores.",
)

#: Faces whose effect is told.
_FACES = 10


@dataclass(frozen=True)
class SeenVideo:
    """Scores of one video, as `answer_video` takes them.

    Attributes:
        name: its id, or the name of its file.
        frames: `frame, face, model, logit`; raw scores of any scale where the run was fitted on
            such.
        alone: models whose rows are one a face.
        taught: whether it may be one of those that the shipped stack was fitted on.
    """

    name: str
    frames: pd.DataFrame
    alone: Sequence[str] = ()
    taught: bool = False


def explain(
    run: RunFolder, video: str, scores: Sequence[Path], columns: ScoreColumns
) -> dict[str, Any]:
    """Why the run answers as it does for one video, as JSON values.

    Args:
        run: finished.
        video: a clip, or the id of a video that the run, or the file of scores, knows.
        scores: files of the video's scores, for a run of score files.
        columns: how they are to be read.

    Returns:
        `video`, `probability` (calibrated: the answer), `stacked`, `mean` (of the detectors' own),
        `seen`; for a labelled video of the run `label`, and `out_of_fold`, the answer of a stack
        that had not learned from it; `detectors` (see `_detector`), `faces` (those whose effect is
        largest: `frame`, `face`, `own`, `effect`, `without`), `neighbours` (labelled videos that
        got about this answer, out of fold: how many were FAKE), `worth` (the run's log loss, and
        that of knowing nothing) and `alerts`.

    Raises:
        InputError: nobody knows the video; as reading and scoring it.
    """
    from stacking import load_stack

    run.require("stack")
    stack, about = load_stack(run.stack)
    seen = find_video(run, about, stack, video, scores, columns)
    oof, metrics = with_gaps(run.read_oof()), run.read_metrics()
    answer = answer_video(stack, about, oof, seen.frames, seen.alone)
    known = oof.loc[seen.name].to_dict() if seen.taught and seen.name in oof.index else None
    given = seen.frames.groupby("model")["logit"].mean().to_dict()
    return {
        "video": seen.name,
        "probability": answer.probability,
        "stacked": answer.stacked,
        "mean": None if _has_raw(about) else answer.mean,
        "seen": answer.seen,
        "label": None if known is None else ("FAKE" if known["label"] == 1 else "REAL"),
        "out_of_fold": None if known is None else float(known["calibrated"]),
        "detectors": [
            _detector(one, about["kinds"][one.name], given.get(one.name), oof)
            for one in answer.detectors
        ],
        "faces": _faces(answer),
        "neighbours": asdict(answer.neighbours),
        "worth": {
            "log_loss": metrics["stages"]["calibrated"]["log_loss"],
            "knowing_nothing": cost_of_share(metrics["prior"]),
        },
        "alerts": metrics.get("alerts", []),
    }


def find_video(
    run: RunFolder,
    about: Mapping[str, Any],
    stack: Any,
    video: str,
    scores: Sequence[Path],
    columns: ScoreColumns,
) -> SeenVideo:
    """The scores of the video that a user means: of their file, of a clip, or of the run's own.

    Raises:
        InputError: as `explain`.
    """
    if scores:
        return _of_scores(about, stack, video, scores, columns)
    settings = run.record["settings"]
    imported = settings.get("imported", {})
    own = [name for name in about["kinds"] if name not in imported]
    if "faces" not in settings or not own:
        raise InputError(
            "was fitted on score files and has no detectors of its own",
            file=run.path,
            remedy=f"give the file with the scores of {video!r} behind its name",
        )
    elsewhere = [name for name in about["kinds"] if name in imported]
    if elsewhere:
        terminal.note(NOT_AMONG(models=elsewhere))
    if Path(video).is_file():
        return _of_clip(run.path, Path(video))
    return _of_run(run, own, video)


def _of_scores(
    about: Mapping[str, Any],
    stack: Any,
    video: str,
    scores: Sequence[Path],
    columns: ScoreColumns,
) -> SeenVideo:
    from predictions.tables.scores import read_scores

    arguments = columns.of_new(about["kinds"], about.get("reverse", ()))
    table = read_scores(scores, **arguments)
    names = VideoNames(map(str, table.scores.index))
    name = names.find(video, scores[0])
    if name is None:
        raise InputError(
            f"has no video {video!r}; it has {first_names(names.videos)}",
            file=scores[0],
            remedy="give the id as it stands there",
        )
    features_for(table, list(about["kinds"]), str(scores[0]))  # refuses what lacks a detector
    logits = table.logits.loc[name].dropna()
    wide = pd.DataFrame({"model": logits.index.astype(str), "logit": logits.to_numpy()})
    if table.frames is None:
        if any(":" in str(one) for one in stack.feature_names_in_):
            raise InputError(
                "holds one score a video, and the stack was fitted on the scores of frames",
                file=scores[0],
                remedy="give a table with the columns video, frame, model, logit",
            )
        return SeenVideo(name, wide.assign(frame=0, face=0), taught=True)
    frames = table.frames[table.frames["video"].astype(str) == name]
    framed = frames["model"].astype(str).unique().tolist()
    frames = frames.assign(face=frames["face"].fillna(0) if "face" in frames else 0)
    frames = frames.assign(frame=frames.groupby(["model", "face"], observed=True).cumcount())
    rest = wide[~wide["model"].isin(framed)].assign(frame=0, face=0)
    return SeenVideo(name, pd.concat([frames.drop(columns="video"), rest]), framed, taught=True)


def _of_clip(run: Path, clip: Path) -> SeenVideo:
    from fakeodds.app.limits import Limits
    from fakeodds.app.opened_run import OpenedRun

    with terminal.progress_bars() as progress:
        opened = OpenedRun(run, progress=progress)
    assert opened.scorer is not None
    for note in opened.notes:
        terminal.note(note)
    unbounded = Limits(max_minutes=float("inf"))
    with terminal.working("looking at the video", tell=False):
        scored = opened.scorer.score(clip, unbounded, lambda text, done: None)
    if scored.reason:
        terminal.note(f"{clip.name}: {scored.reason}")
    return SeenVideo(clip.name, scored.frames, scored.alone)


def _of_run(run: RunFolder, detectors: Sequence[str], video: str) -> SeenVideo:
    """A labelled video by the scores out of fold, else one of those that were predicted."""
    from base_models.scoring.fold_models import chosen_models, read_fold_scores
    from base_models.scoring.frame_scores import read_new_scores

    models = chosen_models(run.models, detectors)
    alone = [name for name, folds in models.items() if folds[0].spec.looks_at == "face"]
    predicted = RunFolder(run.path / "test", run.record)
    there: list[str] = []
    for folder, taught in ((run, True), (predicted, False)):
        if not folder.videos.exists():
            continue
        videos = pd.read_parquet(folder.videos)
        if taught:
            videos = videos[videos["label"].notna()]
        names = VideoNames(videos["video"].astype(str))
        name = names.find(video, folder.videos)
        if name is None:
            there += names.videos
            continue
        frames = (
            read_fold_scores(run.path, detectors)
            if taught
            else read_new_scores(folder.scores, detectors)
        )
        own = frames[frames["video"].astype(str) == name].drop(columns="video")
        return SeenVideo(name, own.assign(face=own["face"].fillna(0)), alone, taught)
    raise InputError(
        f"knows no video {video!r}; it has {first_names(there)}",
        file=run.path,
        remedy="give the id as oof.csv or the submission has it, or the path of a clip",
    )


def _detector(one: Any, kind: str, score: float | None, oof: pd.DataFrame) -> dict[str, Any]:
    """One detector's part.

    `score`: its mean logit (or raw score) of the video, None where it saw nothing. `own`: that as
    a probability; of raw scores it has none. `alone`: calibrated by itself, on the labelled videos.
    `without`: the answer of the stack without it; `effect`: how far that moves the stack's logit,
    above 0 where it speaks for FAKE. `above_real`, `above_fake`: the shares of labelled videos of
    either kind that it gave less.
    """
    own = one.own if kind != "raw" else None
    standing = one.standing if own is not None else None
    return {
        "name": one.name,
        "score": None if score is None else float(score),
        "own": own,
        "alone": None if own is None else _calibrated_alone(one.name, own, oof),
        "without": one.without,
        "effect": one.effect,
        "above_real": None if standing is None else standing.above_real,
        "above_fake": None if standing is None else standing.above_fake,
    }


def _calibrated_alone(name: str, own: float, oof: pd.DataFrame) -> float | None:
    """The probability by this detector alone, after the Platt's map of the labelled videos."""
    from calibration import AffineCalibrator

    stage = single_stage(name)
    if stage not in oof:
        return None
    there = oof[stage].notna().to_numpy()
    label = oof["label"].to_numpy()[there]
    if len(label) == 0 or label.min() == label.max():
        return None
    fitted = AffineCalibrator().fit_logits(to_logit(oof[stage].to_numpy()[there]), label)
    return float(to_probability(fitted.map_logits(to_logit(np.array([own]))))[0])


def _faces(answer: Answer) -> list[dict[str, Any]]:
    """The faces whose effect is largest, the strongest first."""
    told = sorted(answer.moved, key=lambda one: -abs(one.effect))[:_FACES]
    return [
        {name: value for name, value in asdict(one).items() if name != "position"} for one in told
    ]


def _has_raw(about: Mapping[str, Any]) -> bool:
    return "raw" in about["kinds"].values()
