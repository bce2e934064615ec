"""Scores of detectors from elsewhere, as columns beside those of a run's own detectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreFiles
from predictions.errors import InputError
from predictions.tables.columns import count, first_names
from predictions.tables.scores import ScoreTable, read_scores

#: Notes of `read_scores` of no matter here: labels, groups and videos are those of the run.
_ELSEWHERE = ("No group column", "Missing scores", "without a label", "without a group")


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


def nothing_imported(videos: Sequence[str]) -> Imported:
    """No score of any of the videos."""
    return Imported(pd.DataFrame(index=pd.Index(videos, name="video")))


def read_imported(
    asked: ScoreFiles, videos: Sequence[str], detectors: Sequence[str] = ()
) -> Imported:
    """The scores of the videos of a run, to be learned from beside those of its `detectors`.

    An id in the files is that of the run (the path below the dataset), or a file name that only
    one of its videos has, with or without its ending.

    Raises:
        InputError: as `read_scores`; no id is one of the run's, one fits several videos, a video
            has two scores by one model, or a model has the name of a detector of the run.
    """
    if not asked.paths:
        return nothing_imported(videos)
    table = _read(asked.paths, **asked.as_arguments())
    clash = [model for model in table.kinds if model in detectors]
    if clash:
        raise InputError(
            f"{asked.paths[0]}: the column {clash[0]!r} has the name of a detector that is trained "
            "here; rename the column, or leave that detector out of --detectors."
        )
    reverse = tuple(model for model in table.kinds if _is_named(model, asked.reverse))
    return _placed(table, videos, str(asked.paths[0]), reverse)


def read_imported_new(
    asked: ScoreFiles, videos: Sequence[str], kinds: Mapping[str, str], reverse: Sequence[str]
) -> Imported:
    """The scores of new videos by the models `kinds` that a stack was fitted on.

    What is not there is missing, with a note.

    Raises:
        InputError: as `read_scores`; no file was to be given, no id is one of the videos, or none
            of the models is in the files.
    """
    if not kinds:
        if asked.paths:
            raise InputError(
                f"{asked.paths[0]}: the stack was fitted without imported scores; leave the file "
                "out, or train again with --scores."
            )
        return nothing_imported(videos)
    if not asked.paths:
        terminal.note(
            f"no scores by {', '.join(kinds)} of the new videos were given (--scores), so they are "
            "taken as missing."
        )
        scores = pd.DataFrame(np.nan, index=pd.Index(videos, name="video"), columns=list(kinds))
        return Imported(scores, None, kinds, tuple(reverse))
    source = str(asked.paths[0])
    table = _read(asked.paths, **asked.of_new(kinds, reverse))
    missing = [model for model in kinds if model not in table.kinds]
    if len(missing) == len(kinds):
        raise InputError(
            f"{source}: has none of the columns {', '.join(kinds)}, which the stack was fitted on; "
            f"it has {', '.join(table.kinds)}."
        )
    if missing:
        terminal.note(f"{source}: no scores by {', '.join(missing)}; they are taken as missing.")
    placed = _placed(table, videos, source, tuple(reverse))
    frames = placed.frames
    framed = set() if frames is None else set(frames["model"])
    scores = placed.scores.reindex(columns=[model for model in kinds if model not in framed])
    if frames is not None:
        frames = frames[frames["model"].isin(list(kinds))]
    return Imported(scores, frames, kinds, tuple(reverse))


def match_ids(ids: Sequence[str], videos: Sequence[str], source: str) -> dict[str, str]:
    """id in a file -> id of the run, for those that are one of its videos.

    Raises:
        InputError: none is, or one fits several videos.
    """
    there = set(videos)
    by_name: dict[str, list[str]] = {}
    for video in videos:
        path = PurePosixPath(video)
        for name in {path.name, path.stem}:
            by_name.setdefault(name, []).append(video)
    found: dict[str, str] = {}
    for name in ids:
        fits = [name] if name in there else by_name.get(PurePosixPath(name).name, [])
        if len(fits) > 1:
            raise InputError(
                f"{source}: the id {name!r} fits {len(fits)} videos ({first_names(fits)}); give "
                "the path below the dataset as id."
            )
        if fits:
            found[name] = fits[0]
    if not found:
        raise InputError(
            f"{source}: none of its {count(len(ids), 'id')} ({first_names(ids)}) is a video of the "
            f"run ({first_names(videos)}); give the path below the dataset, or the file name, as "
            "id."
        )
    return found


def _read(paths: Sequence[Path], **said: Any) -> ScoreTable:
    try:
        return read_scores(paths, **said)
    except InputError as error:
        raise error.in_file(paths[0]) from None


def _placed(
    table: ScoreTable, videos: Sequence[str], source: str, reverse: tuple[str, ...]
) -> Imported:
    """The scores under the ids of the run, and notes on what does not meet."""
    for sentence in table.notes:
        if not any(words in sentence for words in _ELSEWHERE):
            terminal.note(sentence)
    ids = [str(name) for name in table.scores.index]
    names = match_ids(ids, videos, source)
    if len(names) < len(ids):
        terminal.note(f"{source}: {len(ids) - len(names)} of its videos are not asked for.")
    frames = table.frames
    framed = set() if frames is None else set(frames["model"])
    wide = table.logits[[model for model in table.kinds if model not in framed]]
    known = table.scores[table.scores.index.isin(list(names))]
    _check_once(known.notna().groupby(known.index.map(names)).sum(), source)
    missing = len(videos) - known.groupby(known.index.map(names)).count().astype(bool).sum()
    if missing.any():
        each = ", ".join(f"{model} {number}" for model, number in missing.items() if number)
        terminal.note(f"{source}: missing scores among {count(len(videos), 'video')}: {each}.")
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
            f"{source}: two ids are of the video {video!r} and both have a score by {model!r}; "
            "keep one of them."
        )


def _is_named(model: str, patterns: Sequence[str]) -> bool:
    return any(model == pattern or fnmatchcase(model, pattern) for pattern in patterns)
