"""Scores of detectors from elsewhere, as columns beside those of a run's own detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.errors import InputError
from predictions.frame_rules import rule_table, with_models
from predictions.notes import NoteKind
from predictions.tables.kinds import check_models, matching
from predictions.tables.names import VideoNames
from predictions.tables.scores import ON_VIDEOS, ScoreTable, read_scores
from predictions.words import count

NOT_WANTED = NoteKind("imported.not-wanted", "{file}: {n} of its videos are not asked for.")
MISSING_MODELS = NoteKind(
    "imported.missing-models",
    "{file}: no scores by {models}; they are taken as missing.",
)
NOTHING_GIVEN = NoteKind(
    "imported.nothing-given",
    "no scores by {models} of the new videos were given (--scores), so they are taken as missing.",
)
MISSING_SCORES = NoteKind(
    "imported.missing-scores",
    lambda file, missing, n: (
        f"{file}: missing scores among {count(n, 'video')}: "
        f"{', '.join(f'{model} {number}' for model, number in missing.items())}."
    ),
)


@dataclass(frozen=True)
class Imported:
    """Scores by other detectors of the videos of a run.

    Attributes:
        scores: index `video`, the ids of the run; a column a model that has no frames (logits, or
            raw scores as they are), NaN where it has none.
        frames: of models with frame scores: `video`, `face`, `model`, `logit`; None without any.
        kinds: model -> probability, logit or raw, as the scores came.
        reverse: the models whose scores were turned round.
    """

    scores: pd.DataFrame
    frames: pd.DataFrame | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    reverse: tuple[str, ...] = ()

    @property
    def parts(self) -> list[pd.DataFrame]:
        """The frame scores, if there are any, as those of the run's own detectors are."""
        return [] if self.frames is None else [self.frames.fillna({"face": 0})]


def nothing_imported(videos: Sequence[str]) -> Imported:
    """No score of any of the videos."""
    return Imported(pd.DataFrame(index=pd.Index(videos, name="video")))


def read_imported(
    files: ScoreFiles, videos: Sequence[str], detectors: Sequence[str] = ()
) -> Imported:
    """The scores of the videos of a run, to be learned from beside those of its `detectors`.

    An id in the files is that of the run (the path below the dataset), or a file name that only
    one of its videos has, with or without its ending.

    Raises:
        InputError: as `read_scores`; no id is one of the run's, one fits several videos, a video
            has two scores by one model, or a model has the name of a detector of the run.
    """
    if not files.paths:
        return nothing_imported(videos)
    table = _read(files.paths, files.as_arguments())
    clash = [model for model in table.kinds if model in detectors]
    if clash:
        raise InputError(
            "has the name of a detector that is trained here",
            file=files.paths[0],
            column=clash[0],
            remedy="rename the column, or leave that detector out of --detectors",
        )
    turned = matching(files.reverse, table.kinds)
    reverse = tuple(model for model in table.kinds if model in turned)
    return _placed(table, videos, str(files.paths[0]), reverse)


def read_imported_new(
    files: ScoreFiles, videos: Sequence[str], kinds: Mapping[str, str], reverse: Sequence[str]
) -> Imported:
    """The scores of new videos by the models `kinds` that a stack was fitted on.

    What is not there is missing, with a note.

    Raises:
        InputError: as `read_scores`; no file was to be given, no id is one of the videos, or none
            of the models is in the files.
    """
    if not kinds:
        if files.paths:
            raise InputError(
                "the stack was fitted without imported scores",
                file=files.paths[0],
                remedy="leave the file out, or train again with --scores",
            )
        return nothing_imported(videos)
    if not files.paths:
        terminal.note(NOTHING_GIVEN(models=list(kinds)))
        scores = pd.DataFrame(np.nan, index=pd.Index(videos, name="video"), columns=list(kinds))
        return Imported(scores, None, kinds, tuple(reverse))
    source = str(files.paths[0])
    table = _read(files.paths, files.of_new(kinds, reverse))
    missing = [model for model in kinds if model not in table.kinds]
    if missing:
        terminal.note(MISSING_MODELS(file=source, models=missing))
    placed = _placed(table, videos, source, tuple(reverse))
    frames = placed.frames
    framed = set() if frames is None else set(frames["model"])
    scores = placed.scores.reindex(columns=[model for model in kinds if model not in framed])
    if frames is not None:
        frames = frames[frames["model"].isin(list(kinds))]
    return Imported(scores, frames, kinds, tuple(reverse))


def refuse_words_on_none(files: ScoreFiles, run: RunFolder) -> None:
    """Refuse what is said of columns that none of a run's imported detectors has.

    Args:
        files: of new videos, and what a user says of them.

    Raises:
        InputError: an option names no such detector, or is of files of which none is named.
    """
    if not files.paths:
        said = {"--id": files.id, "--kind": files.kind, "--reverse": files.reverse}
        for option, value in said.items():
            if value:
                raise InputError(
                    "is of files of scores, and none is named",
                    option=option,
                    remedy="name them, or leave it out",
                )
    elif imported := run.record["settings"].get("imported"):
        check_models(imported, files.kind, files.reverse, str(files.paths[0]))


def gather(
    videos: pd.DataFrame,
    frames: pd.DataFrame,
    detectors: Sequence[str],
    imported: Imported | None = None,
) -> ScoredVideos:
    """Frame scores -> `rule_table`, a row for every video, also those without a face."""
    imported = imported or nothing_imported(videos["video"].tolist())
    table = rule_table(pd.concat([frames, *imported.parts], ignore_index=True))
    return gathered(videos, table, detectors, imported)


def gathered(
    videos: pd.DataFrame, table: pd.DataFrame, detectors: Sequence[str], imported: Imported
) -> ScoredVideos:
    """The scores of `videos`: those of a table made of frame scores, and imported ones of videos.

    A detector that scored nothing (no face, no sound anywhere) has a column of missing scores.
    """
    rows = videos.set_index("video")
    features = table.reindex(rows.index).join(imported.scores)
    models = {**dict.fromkeys(detectors, "logit"), **imported.kinds}
    label = rows["label"].astype("float64") if "label" in rows else np.nan
    return ScoredVideos(
        rows.assign(label=label),
        with_models(features, models),
        models,
        imported.reverse,
        own=tuple(detectors),
    )


def _read(paths: Sequence[Path], columns: Mapping[str, Any]) -> ScoreTable:
    try:
        return read_scores(paths, **columns)
    except InputError as error:
        raise error.in_file(paths[0]) from None


def _placed(
    table: ScoreTable, videos: Sequence[str], source: str, reverse: tuple[str, ...]
) -> Imported:
    """The scores under the ids of the run, and notes on what does not meet."""
    # Videos, labels and groups are those of the run.
    elsewhere = {kind.code for kind in ON_VIDEOS}
    for note in table.notes:
        if note.code not in elsewhere:
            terminal.note(note)
    ids = [str(name) for name in table.scores.index]
    names = VideoNames(videos).match(ids, source)
    if len(names) < len(ids):
        terminal.note(NOT_WANTED(file=source, n=len(ids) - len(names)))
    frames = table.frames
    framed = set() if frames is None else set(frames["model"])
    wide = table.logits[[model for model in table.kinds if model not in framed]]
    known = table.scores[table.scores.index.isin(list(names))]
    _check_once(known.notna().groupby(known.index.map(names)).sum(), source)
    missing = len(videos) - known.groupby(known.index.map(names)).count().astype(bool).sum()
    if missing.any():
        each = {str(model): int(number) for model, number in missing.items() if number}
        terminal.note(MISSING_SCORES(file=source, missing=each, n=len(videos)))
    wide = wide[wide.index.isin(list(names))]
    wide = wide.groupby(wide.index.map(names)).first()
    if frames is not None:
        frames = frames[frames["video"].isin(list(names))]
        frames = frames.assign(video=frames["video"].map(names))
    return Imported(
        wide.reindex(pd.Index(videos, name="video")), frames, dict(table.kinds), reverse
    )


def _check_once(scores: pd.DataFrame, source: str) -> None:
    """Refuse two ids of one video with scores by the same model; `scores` counts them."""
    rows, columns = np.nonzero(scores.to_numpy() > 1)
    if len(rows):
        video, model = scores.index[rows[0]], scores.columns[columns[0]]
        raise InputError(
            f"two ids are of the video {video!r} and both have a score by {model!r}",
            file=source,
            remedy="keep one of them",
        )
