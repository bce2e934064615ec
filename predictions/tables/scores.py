"""Scores of any detectors, from files that somebody else wrote, as one table with known kinds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.folds import check_folds, connected_groups
from predictions.frame_rules import aggregate, rule_table
from predictions.logits import LARGEST_SCORE, LOGIT_LIMIT, to_logit
from predictions.tables.columns import (
    count,
    first_names,
    parse_folds,
    parse_ids,
    parse_labels,
    parse_numbers,
    where,
)
from predictions.tables.frames import frame_files, read_frames
from predictions.tables.reader import as_text, read_table, table_name
from predictions.tables.videos import VIDEO_COLUMNS

#: What the numbers of a model are: probability of FAKE, its logit, or a score of any scale.
Kind = Literal["probability", "logit", "raw"]

#: Columns that are never models.
METADATA = (*VIDEO_COLUMNS[1:], "split")

_ID_COLUMNS = ("video", "filename")
_TEXT_ROWS = ("group", "original", "method", "dataset")


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """The scores of the same videos by several models.

    Attributes:
        rows: index `video` (text, unique); those columns that are known among `label` (float64:
            1 = FAKE, 0 = REAL, NaN = unknown), `group` (string, always there, never missing),
            `fold` (Int16), `original`, `method`, `dataset` and the columns of `keep` (string).
        scores: the same index in the same order; one float64 column a model on the scale of the
            file (turned round where `reverse` named it); NaN where a score is missing.
        kinds: what the numbers of each model are; the keys are the columns of `scores`.
        notes: what was decided while reading, a sentence each, to be shown to the user.
        frames: of the models that came as frame scores, `video`, `face`, `model` and `logit`
            (turned round alike); their `scores` are those of `aggregate(frames)`. None without any.
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    kinds: dict[str, Kind]
    notes: list[str] = field(default_factory=list)
    frames: pd.DataFrame | None = None

    @property
    def logits(self) -> pd.DataFrame:
        """The scores with probabilities as logits; logits and raw scores as they are."""
        logits = self.scores.copy()
        for model, kind in self.kinds.items():
            if kind == "probability":
                logits[model] = to_logit(self.scores[model])
        return logits

    @property
    def features(self) -> pd.DataFrame:
        """The logits and, for models with frames, the columns that `rule_table` adds."""
        if self.frames is None:
            return self.logits
        added = rule_table(self.frames).reindex(self.scores.index)
        added = added.drop(columns=[model for model in self.kinds if model in added])
        counts = [str(column) for column in added if str(column).endswith(":count")]
        added[counts] = added[counts].fillna(0.0)
        return pd.concat([self.logits, added], axis=1)


@dataclass(frozen=True)
class _Asked:
    """The caller's words about columns."""

    id: str | None
    label: str | None
    group: str | None
    fold: str | None
    drop: Sequence[str]
    keep: Sequence[str]
    missing_ok: bool

    @property
    def metadata(self) -> dict[str, str]:
        """Column of the file -> name in `rows`; what was asked for goes before what is known."""
        asked = {"label": self.label, "group": self.group, "fold": self.fold}
        names = {name: name for name in METADATA if asked.get(name) is None}
        names |= {name: name for name in self.keep}
        return names | {column: name for name, column in asked.items() if column is not None}


@dataclass(frozen=True)
class _Piece:
    """One file, read and checked: the same index `video` in both tables."""

    source: str
    columns: list[str]
    rows: pd.DataFrame
    scores: pd.DataFrame
    said: dict[str, Kind] = field(default_factory=dict)  # kinds that need no rule
    words: list[str] = field(default_factory=list)  # columns left out, each with its first cell


def read_scores(
    paths: Sequence[Path],
    *,
    labels: Path | None = None,
    id: str | None = None,
    label: str | None = None,
    group: str | None = None,
    fold: str | None = None,
    drop: Sequence[str] = (),
    kind: Mapping[str, Kind] | Kind | None = None,
    reverse: Sequence[str] = (),
    keep: Sequence[str] = (),
    missing_ok: bool = False,
) -> ScoreTable:
    """Read scores of videos from wide tables, Kaggle submissions or frame scores, joined on the id.

    **The id** is the column `id`, else `video`, else `filename`, else the first column of text.
    **Models** are all columns of numbers but the metadata (`METADATA`, and what `label`, `group`,
    `fold`, `keep` name). Columns of text are left out with a note.
    **A Kaggle submission** is a file with an id and a `label` that is not 0 or 1 throughout (with
    `labels` given: any file with an id and a `label`): one model of probabilities named by its
    file.
    **Frame scores** are a table, or a folder of Parquet tables, with `video`, `frame`, `model`,
    perhaps `face`, and `logit` (or `probability`); the highest mean logit of a face is the score.
    **The kind** of a model, unless `kind` says it: all its scores lie in [0, 1] -> probability,
    else raw. A note says so.
    **The group**: the column `group`, else the connected components of `video` and `original`,
    else every video its own. A row without a group is a group of its own.

    Args:
        paths: CSV (packed or not) or Parquet files.
        labels: a table with the id and the label, and any other metadata; joined on the id.
        id, label, group, fold: columns by the name they have in the files; a `label` is 1 or FAKE,
            0 or REAL, or empty.
        drop: columns to leave out; names or patterns (`old_*`).
        kind: of every model, or by model; names or patterns.
        reverse: models of which a high score means REAL, names or patterns: a probability p becomes
            1 - p, other scores change their sign.
        keep: columns of metadata to keep as text in `rows`, such as a domain.
        missing_ok: pass over columns and models named above that are not there (for test tables).

    Returns:
        The table, rows in the order of the first file, then what further files add.

    Raises:
        InputError: a file cannot be read; an asked-for column is not there; ids missing or twice;
            a cell that is no number, no label, no fold, infinite or outside the kind's range; files
            that contradict each other; no scores; a group split by the folds.
    """
    if not paths:
        raise InputError("No score file was given; give at least one CSV or Parquet file.")
    if isinstance(drop, str) or isinstance(reverse, str) or isinstance(keep, str):
        raise TypeError("drop, reverse and keep are sequences of names")
    asked = _Asked(id, label, group, fold, drop, keep, missing_ok)
    notes: list[str] = []
    framed = {path: frame_files(path, id) for path in map(Path, paths)}
    wide = [path for path, files in framed.items() if not files]
    pieces = [
        _read_piece(path, name, asked, kind, labels is not None, notes)
        for path, name in zip(wide, _model_names(wide), strict=True)
    ]
    frames = None
    if len(wide) < len(framed):
        files = [file for files in framed.values() for file in files]
        piece, frames = _read_frames(files, asked, kind, reverse, notes)
        pieces.append(piece)
    scores = _join_scores(pieces)
    if scores.empty:
        words = ", ".join([word for piece in pieces for word in piece.words][:3])
        raise InputError(
            f"{_sources(pieces)}: no column of scores; give at least one column of numbers beside "
            f"the id and the label{f', not words as in {words}' if words else ''}."
        )
    known = list(pieces)
    if labels is not None:
        known.append(_read_labels(Path(labels), asked, scores.index, notes))
    _check_asked(known, asked)
    rows = _join_rows(known, scores.index)
    kinds = _settle_kinds(scores, pieces, notes)
    if not missing_ok:
        _check_models(scores.columns, kind, reverse, _sources(pieces))
    turned = set() if frames is None else set(frames["model"])  # before they were aggregated
    for model in _matches(reverse, scores.columns) - turned:
        scores[model] = _turn_round(scores[model].to_numpy(), kinds[model])
    _note_missing(rows, scores, notes)
    rows["group"] = _groups(rows, notes)
    if "fold" in rows:
        _check_fold_column(rows)
    first = [name for name in ("label", "group", "fold") if name in rows]
    rows = rows[first + [name for name in rows if name not in first]]
    return ScoreTable(rows, scores, kinds, notes, frames)


def _model_names(paths: Sequence[Path]) -> list[str]:
    """Names for the files as models; the folder goes before the name where two are the same."""
    paths = [Path(path) for path in paths]
    names = [table_name(path) for path in paths]
    return [
        f"{path.absolute().parent.name}_{name}" if names.count(name) > 1 else name
        for path, name in zip(paths, names, strict=True)
    ]


def _read_piece(
    path: Path,
    name: str,
    asked: _Asked,
    kind: Mapping[str, Kind] | Kind | None,
    labels_apart: bool,
    notes: list[str],
) -> _Piece:
    source = str(path)
    table, columns = _read_with_id(Path(path), asked, notes, strict=not asked.missing_ok)
    if _is_submission(table, asked.label or "label", labels_apart):
        (column,) = table.columns
        notes.append(f"{source} is a submission: one model of probabilities named {name}.")
        values = parse_numbers(table[column], table.index.to_series(), source)
        if values is None:
            raise InputError(
                f"{source}: the column {column!r} holds no numbers; give a probability a video."
            )
        scores = pd.DataFrame({column: values}, index=table.index)
        said: dict[str, Kind] = {name: "probability"}
        said |= _said_kinds(kind, [name])
        rows = pd.DataFrame(index=table.index)
        names = {column: name}
        words: list[str] = []
    else:
        rows, rest = _split_metadata(table, asked, source, notes)
        scores, words = _parse_models(rest, source, notes)
        said = _said_kinds(kind, list(scores.columns))
        names = {model: model for model in scores.columns}
    for column in scores.columns:
        scores[column] = _check_values(scores[column], said.get(names[column]), source, notes)
    return _Piece(source, columns, rows, scores.rename(columns=names), said, words)


def _read_frames(
    files: Sequence[Path],
    asked: _Asked,
    kind: Mapping[str, Kind] | Kind | None,
    reverse: Sequence[str],
    notes: list[str],
) -> tuple[_Piece, pd.DataFrame]:
    """Frame scores as one piece, a column a model, and the frames themselves.

    Raises:
        InputError: they are said to be no logits, or all models are dropped.
    """
    read = read_frames(files, asked.id, set(asked.metadata))
    models = read.frames["model"].unique().tolist()
    gone = _matches(asked.drop, models)
    said = _said_kinds(kind, models)
    wrong = [model for model, value in said.items() if value != "logit" and model not in gone]
    if wrong:
        raise InputError(
            f"{read.source}: --kind {said[wrong[0]]} is said of {wrong[0]}, but frame scores are "
            "logits; call their column probability where they are probabilities."
        )
    frames = read.frames[~read.frames["model"].isin(gone)].reset_index(drop=True)
    if frames.empty:
        raise InputError(f"{read.source}: no column of scores; every model is dropped.")
    turned = frames["model"].isin(_matches(reverse, models))
    frames["logit"] = frames["logit"].where(~turned, -frames["logit"])
    scores = aggregate(frames)
    known = read.videos.drop(columns=list(_matches(asked.drop, read.videos.columns)))
    rows, _ = _split_metadata(known, asked, read.source, notes)
    notes.append(
        f"{read.source}: {len(frames)} frame scores of {count(len(scores), 'video')} by "
        f"{', '.join(map(str, scores.columns))}."
    )
    if read.unused:
        notes.append(f"{read.source}: left out: {', '.join(read.unused)}.")
    columns = [*read.columns, *models]
    return _Piece(read.source, columns, rows, scores, dict.fromkeys(models, "logit")), frames


def _read_with_id(
    path: Path, asked: _Asked, notes: list[str], *, strict: bool
) -> tuple[pd.DataFrame, list[str]]:
    """The table with the ids as its index `video`, dropped columns gone, and all column names."""
    text = {*_ID_COLUMNS, *METADATA, *asked.metadata, *([asked.id] if asked.id else [])}
    table = read_table(path, text=text)
    columns = [str(name) for name in table.columns]
    name = _id_column(table, asked, str(path), strict)
    if name not in text:
        table = read_table(path, text={*text, name})
        if len(columns) > 1:
            notes.append(f"{path}: the id is the column {name!r}, the first one of text.")
    ids = parse_ids(table[name], str(path))
    table.index = pd.Index(ids.tolist(), name="video")
    gone = {name, *_matches(asked.drop, columns)}
    return table[[column for column in table.columns if column not in gone]], columns


def _id_column(table: pd.DataFrame, asked: _Asked, source: str, strict: bool) -> str:
    if asked.id is not None and asked.id in table.columns:
        return asked.id
    if asked.id is not None and strict:
        raise InputError(
            f"{source} has no id column {asked.id!r}; its columns are "
            f"{', '.join(map(str, table.columns))}, so name one of them."
        )
    for name in _ID_COLUMNS:
        if name in table.columns:
            return name
    taken = {*asked.metadata, *_matches(asked.drop, map(str, table.columns))}
    for column in table.columns:
        if column not in taken and not _is_number_like(table[column]):
            return str(column)
    raise InputError(
        f"{source} has no id column: none is named video or filename and none of "
        f"{', '.join(map(str, table.columns))} is text; name the column with the ids."
    )


def _is_number_like(column: "pd.Series[Any]") -> bool:
    return bool(pd.api.types.is_numeric_dtype(column.dtype))  # bool counts as numeric


def _is_submission(table: pd.DataFrame, label: str, labels_apart: bool) -> bool:
    if list(table.columns) not in ([label], ["label"]):
        return False
    if labels_apart:
        return True
    numbers = pd.to_numeric(table.iloc[:, 0], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return bool(((numbers > 0) & (numbers < 1)).any())


def _split_metadata(
    table: pd.DataFrame, asked: _Asked, source: str, notes: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The known metadata, parsed, and the columns that may be models."""
    ids = table.index.to_series()
    rows = pd.DataFrame(index=table.index)
    for column, name in asked.metadata.items():
        if column not in table.columns:
            continue
        if name == "label":
            rows[name] = parse_labels(table[column], ids, source)
        elif name == "fold":
            try:
                rows[name] = parse_folds(table[column], ids, source)
            except InputError:
                if asked.fold is not None:
                    raise
                notes.append(f"{source}: the column 'fold' holds no fold numbers and is left out.")
        elif name in _TEXT_ROWS or name in asked.keep:
            rows[name] = as_text(table[column])
    # An unasked `group` beside an asked one, or a second id, is never a model either.
    taken = {*asked.metadata, *METADATA, *_ID_COLUMNS}
    return rows, table[[column for column in table.columns if column not in taken]]


def _parse_models(
    table: pd.DataFrame, source: str, notes: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The columns of numbers, and those of words as `name ('first cell')`."""
    ids = table.index.to_series()
    models: dict[str, NDArray[np.float64]] = {}
    words, features = [], []
    for column in table.columns:
        name = str(column)
        if name == "" or name.startswith("Unnamed:"):
            notes.append(f"{source}: a column without a name is left out.")
            continue
        model, colon, _ = name.partition(":")
        if colon and model in table.columns:
            features.append(name)
            continue
        values = parse_numbers(table[column], ids, source)
        if values is None:
            words.append(f"{name} ({str(table[column].dropna().iloc[0])!r})")
        elif colon:
            raise InputError(
                f"{source}: the model name {name!r} has a colon, which is kept for features of a "
                "model (MODEL:spread); rename the column."
            )
        else:
            models[name] = values
    if words:
        notes.append(f"{source}: left out as text: {', '.join(words)}.")
    if features:
        notes.append(f"{source}: left out as features of a model: {', '.join(features)}.")
    return pd.DataFrame(models, index=table.index), words


def _read_labels(path: Path, asked: _Asked, index: pd.Index, notes: list[str]) -> _Piece:
    table, columns = _read_with_id(path, asked, notes, strict=False)
    rows, _ = _split_metadata(table, asked, str(path), notes)
    if "label" not in rows:
        raise InputError(
            f"{path} has no label column {asked.label or 'label'!r}; its columns are "
            f"{', '.join(columns)}, so name one of them."
        )
    unused = rows.index.difference(index, sort=False)
    if len(unused) == len(rows):
        raise InputError(
            f"{path}: none of its ids ({first_names(rows.index, 2)}) is among the scored videos "
            f"({first_names(index, 2)}); write the ids alike in both."
        )
    if len(unused):
        notes.append(
            f"{path}: {count(len(unused), 'video')} without any score left out "
            f"({first_names(unused)})."
        )
    return _Piece(str(path), columns, rows, pd.DataFrame(index=rows.index))


def _join_scores(pieces: Sequence[_Piece]) -> pd.DataFrame:
    """All videos and all models; a model may be spread over files, but no video twice."""
    joined, owners = pieces[0].scores, [pieces[0].source] * pieces[0].scores.shape[1]
    for piece in pieces[1:]:
        for model in joined.columns.intersection(piece.scores.columns):
            both = joined[model].dropna().index.intersection(piece.scores[model].dropna().index)
            if len(both):
                owner = owners[joined.columns.get_loc(model)]
                raise InputError(
                    f"{piece.source}, column {model!r}: the video {str(both[0])!r} has a score of "
                    f"this model in {owner} already; rename one of the columns or drop it."
                )
        new = piece.scores.columns.difference(joined.columns, sort=False)
        owners += [piece.source] * len(new)
        columns = [*joined.columns, *new]
        added = piece.scores.index.difference(joined.index, sort=False)
        joined = joined.reindex(index=joined.index.append(added), columns=columns)
        joined = joined.fillna(piece.scores.reindex(index=joined.index, columns=columns))
    return joined.rename_axis(index="video")


def _join_rows(pieces: Sequence[_Piece], index: pd.Index) -> pd.DataFrame:
    """The metadata of all files on the index of the scores; they must not contradict each other."""
    rows = pd.DataFrame(index=index)
    owners: dict[str, str] = {}
    for piece in pieces:
        for name in piece.rows.columns:
            column = piece.rows[name].reindex(index)
            if name not in rows:
                rows[name], owners[name] = column, piece.source
                continue
            here = rows[name]
            other = np.flatnonzero((here.notna() & column.notna()) & (here != column).fillna(False))
            if len(other):
                i = other[0]
                raise InputError(
                    f"{piece.source}: the {name} of the video {str(index[i])!r} is "
                    f"{column.iloc[i]}, but {here.iloc[i]} in {owners[name]} "
                    f"({count(len(other), 'such video')}); make them agree or leave one out."
                )
            rows[name] = here.fillna(column)
    return rows


def _check_asked(pieces: Sequence[_Piece], asked: _Asked) -> None:
    if asked.missing_ok:
        return
    columns = list(dict.fromkeys(name for piece in pieces for name in piece.columns))
    for what in ("label", "group", "fold"):
        name = getattr(asked, what)
        if name is not None and name not in columns:
            _no_column(pieces, f"{what} column", name, columns)
    for what, names in (("column to keep", asked.keep), ("column to drop", asked.drop)):
        for name in names:
            if not _matches([name], columns):
                _no_column(pieces, what, name, columns)


def _no_column(pieces: Sequence[_Piece], what: str, name: str, columns: Sequence[str]) -> None:
    raise InputError(
        f"{_sources(pieces)}: there is no {what} {name!r}; the columns are {', '.join(columns)}, "
        "so name one of them."
    )


def _sources(pieces: Sequence[_Piece]) -> str:
    return ", ".join(piece.source for piece in pieces)


def _said_kinds(kind: Mapping[str, Kind] | Kind | None, models: Sequence[str]) -> dict[str, Kind]:
    """The kinds that the caller gave to these models; a name in full goes before a pattern."""
    by_name: Mapping[str, Kind] = {"*": kind} if isinstance(kind, str) else (kind or {})
    said: dict[str, Kind] = {}
    for name, value in by_name.items():
        if value not in get_args(Kind):
            raise InputError(
                f"The kind {value!r} of {name!r} is unknown; it is probability, logit or raw."
            )
        said |= dict.fromkeys(_matches([name], models), value)
    return said | {name: value for name, value in by_name.items() if name in models}


def _check_values(
    column: "pd.Series[float]", kind: Kind | None, source: str, notes: list[str]
) -> NDArray[np.float64]:
    """The scores of one model in one file, finite and within the range of what they are said to be.

    Raises:
        InputError: infinite and not a logit, or said to be a probability and outside [0, 1].
    """
    values = np.array(column, dtype=np.float64)
    ids, model = column.index.to_series(), str(column.name)
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite) and kind == "logit":
        values[infinite] = np.copysign(LOGIT_LIMIT, values[infinite])
        notes.append(
            f"{source}, {model}: {count(len(infinite), 'infinite logit')} set to +-{LOGIT_LIMIT:g}."
        )
    elif len(infinite):
        i = int(infinite[0])
        raise InputError(
            f"{where(source, ids, i, model)}: {values[i]} is not a finite score "
            f"({count(len(infinite), 'such cell')}); correct it, or say that the column holds "
            "logits."
        )
    enormous = np.flatnonzero(np.abs(values) > LARGEST_SCORE)
    if len(enormous):
        i = int(enormous[0])
        raise InputError(
            f"{where(source, ids, i, model)}: {values[i]:g} is no score "
            f"({count(len(enormous), 'such cell')}); expected at most {LARGEST_SCORE:g} in size, "
            "so leave the cell empty if the score is missing."
        )
    outside = np.flatnonzero((values < 0) | (values > 1))
    if kind == "probability" and len(outside):
        i = int(outside[0])
        raise InputError(
            f"{where(source, ids, i, model)}: {float(values[i])!r} is not a probability "
            f"({count(len(outside), 'such cell')}); give values from 0 to 1, or say that the "
            "column holds logits or raw scores."
        )
    return values


def _settle_kinds(
    scores: pd.DataFrame, pieces: Sequence[_Piece], notes: list[str]
) -> dict[str, Kind]:
    """What was said, and by the rule for the other models: within [0, 1] or not."""
    said: dict[str, Kind] = {}
    for piece in pieces:
        said |= piece.said
    outside = ((scores < 0) | (scores > 1)).any()
    kinds: dict[str, Kind] = {}
    for model in scores.columns:
        kinds[model] = said.get(model) or ("raw" if outside[model] else "probability")
    _note_kinds({model: kinds[model] for model in kinds if model not in said}, notes)
    return kinds


def _check_models(
    models: Iterable[str],
    kind: Mapping[str, Kind] | Kind | None,
    reverse: Sequence[str],
    source: str,
) -> None:
    """Every name in `kind` and `reverse` is some model's."""
    models = list(models)
    for name in [*(kind if isinstance(kind, Mapping) else ()), *reverse]:
        if not _matches([name], models):
            raise InputError(
                f"{source}: there is no model {name!r}; the models are {', '.join(models)}, so "
                "name one of them."
            )


def _turn_round(values: NDArray[np.float64], kind: Kind) -> NDArray[np.float64]:
    if kind != "probability":
        return -values
    # 1 - p is exactly 1 for every p below 1e-16; only an exact 0 may become an exact 1.
    return np.where(values > 0, np.minimum(1 - values, np.nextafter(1, 0)), 1 - values)


def _note_kinds(kinds: Mapping[str, Kind], notes: list[str]) -> None:
    why = {
        "probability": "as probabilities (all scores lie in [0, 1])",
        "raw": "as raw scores (some lie outside [0, 1])",
    }
    for kind, reason in why.items():
        models = [model for model, value in kinds.items() if value == kind]
        if models:
            notes.append(f"Read {reason}: {', '.join(models)}.")


def _note_missing(rows: pd.DataFrame, scores: pd.DataFrame, notes: list[str]) -> None:
    missing = scores.isna().sum()
    if missing.any():
        each = ", ".join(
            f"{model} {number}{' (all of them)' if number == len(scores) else ''}"
            for model, number in missing.items()
            if number
        )
        notes.append(f"Missing scores among {count(len(scores), 'video')}: {each}.")
    if "label" in rows:
        unlabelled = rows.index[rows["label"].isna()]
        if len(unlabelled):
            notes.append(
                f"{count(len(unlabelled), 'video')} of {len(rows)} without a label: scored, not "
                f"learned from ({first_names(unlabelled)})."
            )


def _groups(rows: pd.DataFrame, notes: list[str]) -> "pd.Series[str]":
    """The group of every row, none missing; notes only matter where there is something to learn."""
    ids = rows.index.to_series().astype("string")
    learn = "label" in rows
    if "group" in rows:
        missing = int(rows["group"].isna().sum())
        if missing and learn:
            notes.append(f"{count(missing, 'video')} without a group: each is a group of its own.")
        return rows["group"].fillna(ids)
    if "original" in rows and rows["original"].notna().any():
        groups = connected_groups(rows.reset_index()[["video", "original"]], links=())
        if learn:
            notes.append(
                f"No group column: videos linked by their originals form {groups.nunique()} groups."
            )
        return pd.Series(groups.to_numpy(), index=rows.index, dtype="string")
    if learn:
        notes.append(
            "No group column: every video is a group of its own, so the estimate is too good if "
            "videos share a person or a source."
        )
    return ids


def _check_fold_column(rows: pd.DataFrame) -> None:
    if "label" in rows:
        without = rows.index[rows["fold"].isna() & rows["label"].notna()]
        if len(without):
            raise InputError(
                f"The labelled videos {first_names(without)} have no fold "
                f"({len(without)} in all); give each a fold, or drop the fold column."
            )
    check_folds(rows["fold"], rows["group"])


def _matches(patterns: Iterable[str], names: Iterable[str]) -> set[str]:
    """The names that a pattern is or fits; a name in full goes before a pattern."""
    names = list(names)
    found: set[str] = set()
    for pattern in patterns:
        if pattern in names:
            found.add(pattern)
        else:
            found |= {name for name in names if fnmatchcase(name, pattern)}
    return found
