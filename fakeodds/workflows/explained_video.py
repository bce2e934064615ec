"""The scores of the one video that is explained: of their files, of a clip, or the run's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.scoring.frame_scores import no_frames, read_new_scores
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.answers import Asked
from fakeodds.workflows.imported import (
    Imported,
    read_imported,
    read_imported_new,
    refuse_words_on_none,
)
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.submission import features_for
from predictions.errors import InputError
from predictions.notes import NoteKind
from predictions.tables.kinds import check_models
from predictions.tables.names import VideoNames
from predictions.words import first_names

NOT_AMONG = NoteKind(
    "explain.not-among",
    "{models:few}: no scores of this video are known, so they count as missing; name the files "
    "that have them behind the video.",
)
GONE = NoteKind(
    "explain.scores-gone", "{files:few}: not there any more, so its scores count as missing."
)


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


def find_video(
    run: RunFolder, about: Mapping[str, Any], stack: Any, video: str, scores: ScoreFiles
) -> SeenVideo:
    """The scores of the video that a user means.

    Args:
        run: finished. about, stack: of `load_stack`.
        video: a clip, or the id of a video that the run, or the files of scores, know.
        scores: files of its scores, by all detectors of a run of score files, by the imported ones
            of a run on videos.

    Raises:
        InputError: nobody knows the video, or its scores are not there; as reading and scoring it.
    """
    if not run.is_of_videos:
        if not scores.paths:
            raise InputError(
                "was fitted on score files and has no detectors of its own",
                file=run.path,
                remedy=f"give the file with the scores of {video!r} behind its name",
            )
        return _of_scores(about, stack, video, scores)
    refuse_words_on_none(scores, run)
    imported = run.record["settings"].get("imported", {})
    kinds = {name: kind for name, kind in about["kinds"].items() if name in imported}
    own = [name for name in about["kinds"] if name not in kinds]
    elsewhere = _Elsewhere(run, kinds, about.get("reverse", ()), scores)
    if Path(video).is_file():
        seen = _of_clip(run.path, Path(video), own)
        return elsewhere.joined(seen, elsewhere.given([seen.name]))
    return _of_run(run, own, video, elsewhere)


def _of_scores(about: Mapping[str, Any], stack: Any, video: str, scores: ScoreFiles) -> SeenVideo:
    from predictions.tables.scores import read_scores

    file = scores.paths[0]
    check_models(about["kinds"], scores.kind, scores.reverse, str(file))
    table = read_scores(scores.paths, **scores.of_new(about["kinds"], about.get("reverse", ())))
    names = VideoNames(map(str, table.scores.index))
    name = names.find(video, file)
    if name is None:
        raise InputError(
            f"has no video {video!r}; it has {first_names(names.videos)}",
            file=file,
            remedy="give the id as it stands there",
        )
    features_for(table, list(about["kinds"]), str(file))  # refuses what lacks a detector
    if table.frames is None and any(":" in str(one) for one in stack.feature_names_in_):
        raise InputError(
            "holds one score a video, and the stack was fitted on the scores of frames",
            file=file,
            remedy="give a table with the columns video, frame, model, logit",
        )
    rows, framed = _rows_of(name, table.logits, table.frames)
    return SeenVideo(name, rows, framed, taught=True)


def _rows_of(
    name: str, wide: pd.DataFrame, frames: pd.DataFrame | None
) -> tuple[pd.DataFrame, list[str]]:
    """The scores of one video, `frame, face, model, logit`, and the models that have frames.

    Args:
        wide: index `video`, a column a model. frames: `video`, `model`, `logit`, perhaps `face`.
    """
    logits = wide.loc[name].dropna()
    alone = {"model": logits.index.astype(str), "logit": logits.to_numpy(), "frame": 0, "face": 0}
    rest = pd.DataFrame(alone)
    if frames is None:
        return rest, []
    frames = frames[frames["video"].astype(str) == name].drop(columns="video")
    framed = frames["model"].astype(str).unique().tolist()
    frames = frames.assign(face=frames["face"].fillna(0) if "face" in frames else 0)
    frames = frames.assign(frame=frames.groupby(["model", "face"], observed=True).cumcount())
    return pd.concat([frames, rest[~rest["model"].isin(framed)]]), framed


def _of_clip(run: Path, clip: Path, own: Sequence[str]) -> SeenVideo:
    """A clip by the run's `own` detectors."""
    if not own:
        return SeenVideo(clip.name, no_frames())
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


def _of_run(run: RunFolder, own: Sequence[str], video: str, elsewhere: "_Elsewhere") -> SeenVideo:
    """A labelled video by the scores out of fold, else one of those that were predicted."""
    from base_models.scoring.fold_models import chosen_models, read_fold_scores

    models = chosen_models(run.models, own) if own else {}
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
        frames = no_frames()
        if own:
            scores = (
                read_fold_scores(run.path, own) if taught else read_new_scores(folder.scores, own)
            )
            frames = scores[scores["video"].astype(str) == name].drop(columns="video")
        seen = SeenVideo(name, frames.assign(face=frames["face"].fillna(0)), alone, taught)
        read = elsewhere.learned if taught else elsewhere.predicted
        return elsewhere.joined(seen, read(names.videos))
    raise InputError(
        f"knows no video {video!r}; it has {first_names(there)}",
        file=run.path,
        remedy="give the id as oof.csv or the submission has it, or the path of a clip",
    )


@dataclass(frozen=True)
class _Elsewhere:
    """The scores by imported detectors of a run on videos.

    Attributes:
        run: whose they are.
        kinds: of those that its stack takes. reverse: columns that were turned round.
        scores: files that the user names now, which go before those that the run knows.
    """

    run: RunFolder
    kinds: Mapping[str, str]
    reverse: Sequence[str]
    scores: ScoreFiles

    def given(self, videos: Sequence[str]) -> Imported | None:
        """Of the files that are named now; None where none is."""
        if not self.scores.paths:
            return None
        return read_imported_new(self.scores, videos, self.kinds, self.reverse)

    def learned(self, videos: Sequence[str]) -> Imported | None:
        """Of labelled videos: of the files that the run learned from."""
        files = self.run.recorded("score_files", ScoreFiles)
        if self.scores.paths or not self._are_there(files):
            return self.given(videos)
        return read_imported(files, videos)

    def predicted(self, videos: Sequence[str]) -> Imported | None:
        """Of new videos that the run has answered for: of the files that were named then."""
        asked = Asked.of(self.run)
        files = ScoreFiles() if asked is None else asked.scores
        if self.scores.paths or not self._are_there(files):
            return self.given(videos)
        return read_imported_new(files, videos, self.kinds, self.reverse)

    def _are_there(self, files: ScoreFiles) -> bool:
        gone = [str(path) for path in files.paths if not path.exists()]
        if gone and self.kinds and not self.scores.paths:
            terminal.note(GONE(files=gone))
        return bool(files.paths and self.kinds) and not gone

    def joined(self, seen: SeenVideo, imported: Imported | None) -> SeenVideo:
        """The video with these scores beside those of the run's own detectors."""
        if imported is not None:
            rows, _ = _rows_of(seen.name, imported.scores, imported.frames)
            rows = rows[rows["model"].isin(list(self.kinds))]
            seen = replace(seen, frames=pd.concat([seen.frames, rows], ignore_index=True))
        lacking = [name for name in self.kinds if not (seen.frames["model"] == name).any()]
        if lacking:
            terminal.note(NOT_AMONG(models=lacking))
        return seen
