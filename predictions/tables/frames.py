"""Frame scores from files: `video, frame, face, model, logit`, a row a frame and model."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.logits import LARGEST_SCORE, to_logit
from predictions.notes import Note
from predictions.tables.columns import bad_cell, parse_numbers, rounded_to_probabilities
from predictions.tables.labels import plain_name
from predictions.tables.partitions import (
    files_of_one_table,
    note_left_out,
    partitions_of,
    tables_below,
)
from predictions.tables.reader import header_of, read_table, with_partitions
from predictions.words import count

#: A file is one of frame scores when it has these columns and one of `VALUES`; the video may be
#: named by another column (`id`), and a `face` is a track (all frames one track without it). Names
#: are compared as `plain_name` has them.
COLUMNS = ("video", "frame", "model")

#: Other names that they may have, in the order of trust.
_OTHER_NAMES = {
    "video": ("filename",),
    "frame": ("frame_idx", "frame_index", "frame_number", "frame_num", "frame_no", "frame_id"),
}

#: The column of scores and what makes it a logit.
VALUES: Mapping[str, Callable[[Any], Any]] = {
    "logit": lambda logits: logits,
    "probability": to_logit,
}


@dataclass(frozen=True, eq=False)
class FrameFile:
    """What files of frame scores hold.

    Attributes:
        source: the names of the files. columns: of the files.
        frames: `video` (text), `face` where it is there, `model` (text), `logit` (float64).
        videos: index `video`, the columns of metadata that the files have, as they are.
        unused: the other columns.
    """

    source: str
    columns: list[str]
    frames: pd.DataFrame
    videos: pd.DataFrame
    unused: list[str]


def frame_files(path: Path, id: str | None = None) -> list[Path]:
    """The files of frame scores that `path` names: itself, or all below a folder; else none.

    A column may also be said by the folders, as in `model=a/part.parquet`.
    """
    path = Path(path)
    files = tables_below(path) if path.is_dir() else [path]
    score_files = []
    for file in files:
        names = [*header_of(file), *partitions_of(file)]
        known = {*names, *_common_names(names, id).values()}
        if known.issuperset(COLUMNS) and not known.isdisjoint(VALUES):
            score_files.append(file)
    return score_files


def note_folders(files_of: Mapping[Path, Sequence[Path]]) -> list[Note]:
    """A note on each folder in which there is more than is read.

    Args:
        files_of: the files of frame scores in each path (`frame_files`).
    """
    return [
        note
        for folder, files in files_of.items()
        if folder.is_dir()
        for note in note_left_out(folder, files or files_of_one_table(folder))
    ]


def read_frames(
    paths: Sequence[Path], id: str | None = None, metadata: Collection[str] = ()
) -> FrameFile:
    """Read files of frame scores (see `frame_files`) as one long table.

    Args:
        paths: CSV or Parquet; a model or a video may be spread over files.
        id: the column that names the video, if it is not `video` (or `filename`).
        metadata: columns that say something of the whole video, such as its label.

    Raises:
        InputError: a cell is no number, or outside [0, 1] for a probability; a video, a model or a
            frame is missing; a frame is there twice; metadata changes within a video.
    """
    source = (
        ", ".join(map(str, paths)) if len(paths) < 4 else f"{paths[0]} and {len(paths) - 1} more"
    )
    pieces = [_read_one(Path(path), id, metadata) for path in paths]
    table = pd.concat(pieces, ignore_index=True)
    frames = table[[name for name in ("video", "frame", "face", "model", "logit") if name in table]]
    keys = [name for name in frames.columns if name != "logit"]
    twice = frames.duplicated(keys).to_numpy()
    if twice.any():
        row = frames.iloc[int(np.flatnonzero(twice)[0])]
        what = ", ".join(f"{name} {row[name]}" for name in keys)
        raise InputError(
            f"{what} is there twice ({count(int(twice.sum()), 'repeated row')})",
            file=source,
            remedy="keep one row a frame, face and model",
        )
    known = [name for name in table if name in metadata]
    unique = table[["video", *known]].drop_duplicates().groupby("video", sort=False)
    changes = unique.nunique() > 1  # a file may leave out what another says
    if changes.to_numpy().any():
        first, column = (int(places[0]) for places in np.nonzero(changes.to_numpy()))
        raise InputError(
            f"the {changes.columns[column]} of the video {changes.index[first]!r} changes between "
            "its frames",
            file=source,
            remedy="give every row of a video the same, or remove the column",
        )
    videos = unique.first()
    unused = [str(name) for name in table if name and name not in (*frames.columns, *known)]
    return FrameFile(
        source, [str(name) for name in table], frames.drop(columns="frame"), videos, unused
    )


def _common_names(
    names: Sequence[str], id: str | None, metadata: Collection[str] = ()
) -> dict[str, str]:
    """Column -> the name by which it is known, for those that are called otherwise."""
    renames: dict[str, str] = {} if id in (None, "video") else {str(id): "video"}
    for known in (*COLUMNS, "face", *VALUES, *metadata):
        if known in names or known in renames.values():
            continue
        for spelled in (known, *_OTHER_NAMES.get(known, ())):
            same = [name for name in names if plain_name(name) == spelled and name not in renames]
            if same:
                renames[same[0]] = known
                break
    return renames


def _read_one(path: Path, id: str | None, metadata: Collection[str]) -> pd.DataFrame:
    """One file with its columns by their common names, and `logit` for whatever it has."""
    called = _common_names([*header_of(path), *partitions_of(path)], id, metadata)
    text = {"video", "model", *metadata}
    spelled = {name for name, known in called.items() if known in text}
    table = with_partitions(read_table(path, text=text | spelled), path)
    if "video" in called.values() and "video" in table:  # another column is said to be the id
        table = table.drop(columns="video")
    table = table.rename(columns=called)
    for name in COLUMNS:
        missing = np.flatnonzero(table[name].isna())
        if len(missing):
            raise InputError(
                f"the {name} is missing ({count(len(missing), 'such row')})",
                file=path,
                row=int(missing[0]) + 1,
                remedy=f"every frame score needs {', '.join(COLUMNS)}",
            )
    for name in ("video", "model"):
        table[name] = table[name].astype(object)
    colon = table["model"].str.contains(":")
    if colon.any():
        raise InputError(
            f"the model name {table['model'][colon].iloc[0]!r} has a colon, which is kept for "
            "features of a model (MODEL:spread)",
            file=path,
            remedy="rename the model",
        )
    value = next(name for name in VALUES if name in table)
    numbers = parse_numbers(table[value], table["video"], str(path))
    if numbers is None:
        raise InputError(
            f"the column {value!r} holds no numbers", file=path, remedy="give one a frame"
        )
    if value != "logit":
        numbers = rounded_to_probabilities(numbers)
    outside = (value != "logit") & ((numbers < 0) | (numbers > 1))
    enormous = np.isfinite(numbers) & (np.abs(numbers) > LARGEST_SCORE)
    for wrong, problem, remedy in (
        (outside, "is not a probability", "give values from 0 to 1, or name the column logit"),
        (
            enormous,
            f"is no score, expected at most {LARGEST_SCORE:g} in size",
            "leave the frame out if its score is missing",
        ),
    ):
        if wrong.any():
            shown = pd.Series(numbers, dtype=object, name=value)
            places = np.flatnonzero(wrong)
            raise bad_cell(problem, shown, places, table["video"], str(path), remedy)
    table = table.drop(columns=value)
    table["logit"] = VALUES[value](numbers)
    return table
