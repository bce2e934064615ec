"""One file of scores as a piece of the table: ids, known metadata, a column a model."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.errors import InputError
from predictions.frame_rules import aggregate
from predictions.notes import Note, NoteKind
from predictions.tables.columns import (
    as_text,
    parse_folds,
    parse_ids,
    parse_numbers,
)
from predictions.tables.frames import read_frames
from predictions.tables.kinds import (
    INFINITE_LOGITS,
    Kind,
    Kinds,
    check_values,
    kinds_by_model,
    matching,
)
from predictions.tables.labels import REAL_QUESTIONS, parse_labels, plain_name, to_labels
from predictions.tables.names import VideoNames
from predictions.tables.reader import header_of, read_table, table_name
from predictions.tables.roles import (
    doubtful,
    holds_words,
    id_column,
    id_names,
    is_label_name,
    label_column,
    may_be_groups,
    no_videos,
    why_no_scores,
)
from predictions.tables.spelling import note_spellings, respelled, spellings
from predictions.tables.videos import VIDEO_COLUMNS
from predictions.words import first_names, name_some

#: Columns that are never models.
METADATA = (*VIDEO_COLUMNS[1:], "split")

#: Columns of a table of scores up to which it is read, and detectors up to which they are stacked:
#: the time grows with them, and so do chance hits among them.
MOST_COLUMNS = 1000

_ID_COLUMNS = ("video", "filename")
_OF_FRAMES = ", or name the columns of frame scores video, frame, model and logit (or probability)"
_TEXT_ROWS = ("group", "original", "method", "dataset")

SUBMISSION = NoteKind(
    "scores.submission", "{file} is a submission: one model of probabilities named {model}."
)
SUBMISSIONS = NoteKind(
    "scores.submissions",
    "{models:number} submissions read, each one model of probabilities named by its file: "
    "{models:few}.",
)
FRAME_SCORES = NoteKind(
    "scores.frames",
    "{file}: {frames:frame score} of {videos:video} by {models}.",
)
UNUSED = NoteKind("scores.unused", "{file}: left out: {columns}.")
FIRST_TEXT_IS_ID = NoteKind(
    "scores.first-text-is-id", "{file}: the id is the column {column!r}, the first one of text."
)
CHOSEN_ID = NoteKind(
    "scores.chosen-id",
    "{file}: the id is the column {column!r}; {others} may be none (repeated, empty, dates, or "
    "another name).",
)
READ_AS = NoteKind("scores.read-as", "{file}: the column {column!r} is read as the {name}.")
ASKS_FOR_REAL = NoteKind(
    "scores.asks-for-real", "{file}: in the label {column!r}, 1 is REAL and 0 is FAKE."
)
METADATA_OF_NUMBERS = NoteKind(
    "scores.metadata-of-numbers",
    "{file}: {columns} left out, by the name metadata; rename what is a detector.",
)
NO_DETECTOR = NoteKind(
    "scores.no-detector",
    "{file}: {column!r} {why}, so it is left out; give its kind if it is a detector.",
)
DOUBTFUL = NoteKind(
    "scores.doubtful",
    "{file}: {column!r} {why}, and is taken for a detector; drop it if it is none.",
)
NO_VIDEOS = NoteKind(
    "scores.no-videos", "{file}: {ids:row} left out, a summary or a comment ({ids:quoted})."
)
ALIKE = NoteKind(
    "scores.alike",
    "{file}: {n:id} like another but for upper and lower case ({ids:quoted}): each is a video of "
    "its own.",
)
NOT_OF_THE_STACK = NoteKind(
    "scores.not-of-the-stack", "{file}: left out, as the stack has no such column: {columns}."
)
NO_FOLD_NUMBERS = NoteKind(
    "scores.no-fold-numbers", "{file}: the column 'fold' holds no fold numbers and is left out."
)
NAMELESS_COLUMN = NoteKind("scores.nameless-column", "{file}: a column without a name is left out.")
TEXT_COLUMNS = NoteKind("scores.text-columns", "{file}: left out as text: {columns}.")
FEATURE_COLUMNS = NoteKind(
    "scores.feature-columns", "{file}: left out as features of a model: {columns}."
)
LABELS_OF_OTHERS = NoteKind(
    "scores.labels-of-others",
    "{file}: {videos:video} without any score left out ({videos:quoted}).",
)


@dataclass(frozen=True)
class ColumnNames:
    """The caller's words about columns; see `read_scores`. `kind_columns`: their kind is said."""

    id: str | None
    label: str | None
    group: str | None
    fold: str | None
    drop: Sequence[str]
    keep: Sequence[str]
    models: frozenset[str] | None
    kind_columns: frozenset[str]

    @property
    def metadata(self) -> dict[str, str]:
        """Column of the file -> name in `rows`; what was named goes before what is known."""
        named = {"label": self.label, "group": self.group, "fold": self.fold}
        names = {name: name for name in METADATA if named.get(name) is None}
        names |= {name: name for name in self.keep}
        return names | {column: name for name, column in named.items() if column is not None}


@dataclass(frozen=True)
class Piece:
    """One file, read and checked.

    Attributes:
        source: its name. columns: all that it has.
        rows: index `video`, the known metadata.
        scores: the same index, a column a model.
        kinds: those that need no rule.
        words: columns left out as text, each with its first cell.
        groupings: columns that may name groups (see `roles.may_be_groups`).
    """

    source: str
    columns: list[str]
    rows: pd.DataFrame
    scores: pd.DataFrame
    kinds: dict[str, Kind] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)
    groupings: list[str] = field(default_factory=list)


def folded_notes(notes: Sequence[Note]) -> list[Note]:
    """The notes with one on all submissions in the place of one on each, and likewise of what else
    is said alike of several files.
    """
    folded: list[Note] = []
    models = [note.facts["model"] for note in SUBMISSION.among(notes)]
    alike: dict[str, list[Note]] = {}
    for note in notes:
        alike.setdefault(_but_for_file(note), []).append(note)
    for note in notes:
        same = alike[_but_for_file(note)]
        if note.code == SUBMISSION.code and len(models) > 1:
            if note.facts["model"] == models[0]:
                folded.append(SUBMISSIONS(models=models))
        elif len(same) == 1:
            folded.append(note)
        elif note is same[0]:
            files = [str(one.facts["file"]) for one in same]
            folded.append(replace(note, facts={**note.facts, "file": name_some(files, 1)}))
    return folded


def _but_for_file(note: Note) -> str:
    """What notes have in common that say the same of two files; others have nothing in common."""
    facts = {name: fact for name, fact in note.facts.items() if name != "file"}
    return repr((note.code, facts) if "file" in note.facts else id(note))


def refuse_too_many(columns: int, source: str) -> None:
    """Refuse more columns of scores than a stack is made of in bounded time.

    Raises:
        InputError: there are more.
    """
    if columns > MOST_COLUMNS:
        raise InputError(
            f"has {columns} columns, and a stack is made of {MOST_COLUMNS} at most",
            file=source,
            remedy="drop some (patterns such as old_* drop many), or average similar detectors",
        )


def model_names(paths: Sequence[Path]) -> list[str]:
    """Names for the files as models; the folder goes before the name where two are the same."""
    names = [table_name(path) for path in paths]
    return [
        f"{path.absolute().parent.name}_{name}" if names.count(name) > 1 else name
        for path, name in zip(paths, names, strict=True)
    ]


def read_piece(
    path: Path, name: str, names: ColumnNames, kind: Kinds, labels_apart: bool, notes: list[Note]
) -> Piece:
    """A wide table, or a submission as the one model `name`.

    Raises:
        InputError: as `read_scores`.
    """
    source = str(path)
    table, columns = _read_with_id(path, names, notes, labels_apart=labels_apart)
    words: list[str] = []
    groupings: list[str] = []
    if _is_submission(table, name, names, labels_apart):
        (column,) = table.columns
        notes.append(SUBMISSION(file=source, model=name))
        values = parse_numbers(table[column], table.index.to_series(), source)
        if values is None:
            raise InputError(
                f"the column {column!r} holds no numbers",
                file=source,
                remedy="give a probability a video",
            )
        scores = pd.DataFrame({column: values}, index=table.index)
        by_file = names.models is None or is_label_name(column)
        kinds: dict[str, Kind] = {name: "probability"} if by_file else {}
        rows, called = pd.DataFrame(index=table.index), {column: name}
    else:
        rows, rest = _split_metadata(table, names, source, notes)
        scores, words = _parse_models(rest, names, source, notes)
        # Also of what is taken for a detector: people may be numbered.
        groupings = [str(name) for name in rest if may_be_groups(rest[name])]
        kinds, called = {}, {model: model for model in scores.columns}
    kinds |= kinds_by_model(kind, list(called.values()))
    for column in scores.columns:
        scores[column] = check_values(scores[column], kinds.get(called[column]), source, notes)
    return Piece(source, columns, rows, scores.rename(columns=called), kinds, words, groupings)


def read_frame_piece(
    files: Sequence[Path],
    names: ColumnNames,
    kind: Kinds,
    reverse: Sequence[str],
    notes: list[Note],
) -> tuple[Piece, pd.DataFrame]:
    """Frame scores as one piece, a column a model, and the frames themselves.

    Raises:
        InputError: as `read_frames`; they are said to be no logits, or all models are dropped.
    """
    read = read_frames(files, names.id, set(names.metadata))
    models = read.frames["model"].unique().tolist()
    gone = matching(names.drop, models)
    kinds = kinds_by_model(kind, models)
    wrong = [model for model, value in kinds.items() if value != "logit" and model not in gone]
    if wrong:
        raise InputError(
            f"--kind {kinds[wrong[0]]} is said of {wrong[0]}, but frame scores are logits",
            file=read.source,
            remedy="call their column probability where they are probabilities",
        )
    if names.models is not None:
        others = sorted(set(models) - names.models - gone)
        gone = gone | set(others)
        if others:
            notes.append(NOT_OF_THE_STACK(file=read.source, columns=others))
    frames = read.frames[~read.frames["model"].isin(gone)].reset_index(drop=True)
    if frames.empty:
        wanted = ", ".join(sorted(names.models or ()))
        raise InputError(
            "no column of scores",
            file=read.source,
            remedy=f"give scores by {wanted}" if wanted else "every model is dropped; keep one",
        )
    turned = frames["model"].isin(matching(reverse, models))
    frames["logit"] = frames["logit"].where(~turned, -frames["logit"])
    infinite = frames["model"][np.isinf(frames["logit"].to_numpy())]
    for model, number in infinite.value_counts(sort=False).items():
        notes.append(INFINITE_LOGITS(file=read.source, model=str(model), n=int(number)))
    scores = aggregate(frames)
    known = read.videos.drop(columns=list(matching(names.drop, read.videos.columns)))
    rows, _ = _split_metadata(known, names, read.source, notes)
    notes.append(
        FRAME_SCORES(
            file=read.source,
            frames=len(frames),
            videos=len(scores),
            models=list(map(str, scores.columns)),
        )
    )
    if read.unused:
        notes.append(UNUSED(file=read.source, columns=read.unused))
    columns = [*read.columns, *models]
    return Piece(read.source, columns, rows, scores, dict.fromkeys(models, "logit")), frames


def read_label_piece(path: Path, names: ColumnNames, index: pd.Index, notes: list[Note]) -> Piece:
    """A table of labels and other metadata of the videos in `index`.

    Raises:
        InputError: as `read_scores`; no label column, or none of its ids is in `index`.
    """
    source = str(path)
    table, columns = _read_with_id(path, names, notes, of_labels=True)
    rows, rest = _split_metadata(table, names, source, notes)
    groupings = [str(name) for name in rest if may_be_groups(rest[name])]
    if "label" not in rows:
        raise InputError(
            f"has no label column {names.label or 'label'!r}; its columns are {', '.join(columns)}",
            file=source,
            remedy="name one of them",
        )
    spelled = spellings(rows.index, index, all_known=True)
    rows = respelled(rows, spelled)
    notes += note_spellings(source, spelled)
    unused = rows.index.difference(index, sort=False)
    if len(unused) == len(rows):
        raise InputError(
            f"none of its ids ({first_names(rows.index, 2)}) is among the scored videos "
            f"({first_names(index, 2)})",
            file=source,
            remedy=VideoNames(map(str, index)).zeros_hint(list(map(str, rows.index)))
            or "write the ids alike in both",
        )
    if len(unused):
        notes.append(LABELS_OF_OTHERS(file=source, videos=unused.tolist()))
    none = pd.DataFrame(index=rows.index)
    return Piece(source, columns, rows, none, groupings=groupings)


def _read_with_id(
    path: Path,
    names: ColumnNames,
    notes: list[Note],
    *,
    of_labels: bool = False,
    labels_apart: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """The table with the ids as its index `video`, dropped columns gone, known ones by their common
    names, and all column names as they are."""
    source = str(path)
    text = {*_ID_COLUMNS, *METADATA, *names.metadata, *([names.id] if names.id else [])}
    header = header_of(path)
    refuse_too_many(len(header) - len(matching(names.drop, header)), source)
    spelled = {name for name in header if plain_name(name) in {*_ID_COLUMNS, *METADATA}}
    table = read_table(path, text=text | spelled | id_names(header))
    columns = [str(name) for name in table.columns]
    gone = matching(names.drop, columns)
    needed = not of_labels and names.models is None
    if names.id is not None and names.id not in columns and needed:
        raise InputError(
            f"has no id column {names.id!r}; its columns are {', '.join(columns)}",
            file=source,
            remedy="name one of them",
        )
    table = table.drop(columns=list(gone - {names.id}))
    renamed = _other_spellings(table, names, labels_apart)
    for column, common in renamed.items():
        notes.append(READ_AS(file=source, column=column, name=common))
        if common == "label":  # its own name says what True means
            table[column] = to_labels(table[column])
    table = table.rename(columns=renamed)
    known = [name for name in (names.id, *_ID_COLUMNS) if name in table]
    taken = {*names.metadata, *METADATA}
    name = known[0] if known else id_column(table, taken)
    if name is None:
        raise InputError(
            f"has no id column: none is named video or filename and none of {', '.join(columns)} "
            "is text",
            file=source,
            remedy="name the column with the ids",
        )
    if not known and len(columns) > 1:
        words = [one for one in table if one not in taken and holds_words(table[one])]
        passed = words[: words.index(name)] if name in words else words
        first = FIRST_TEXT_IS_ID(file=source, column=name)
        notes.append(CHOSEN_ID(file=source, column=name, others=passed) if passed else first)
    framed = any(plain_name(column).startswith("frame") for column in columns)
    ids = parse_ids(table[name], source, _OF_FRAMES if framed else "")
    table = table.drop(columns=name).set_axis(pd.Index(ids.tolist(), name="video"), axis=0)
    label = names.label or "label"
    unmeant = no_videos(table, label if label in table else None)
    if unmeant.any() and not unmeant.all():
        notes.append(NO_VIDEOS(file=source, ids=table.index[unmeant].tolist()))
        table = table[~unmeant]
    small = table.index.str.lower()
    if not small.is_unique:
        alike = table.index[small.duplicated(keep=False)].tolist()
        notes.append(ALIKE(file=source, n=len(alike), ids=alike))
    return table, columns


def _other_spellings(table: pd.DataFrame, names: ColumnNames, labels_apart: bool) -> dict[str, str]:
    """Columns with a known name in other letters, or another name of labels -> the known name."""
    own = {name for name in (names.id, *names.metadata, *names.kind_columns) if name is not None}
    own |= names.models or frozenset()
    free = [name for name in map(str, table.columns) if name not in own]
    known = [name for name in (*_ID_COLUMNS, *METADATA) if name != "label"]
    renamed: dict[str, str] = {}
    for name in known:
        if name not in table and names.metadata.get(name, name) == name:
            renamed |= dict([(one, name) for one in free if plain_name(one) == name][:1])
    # Beside labels that come apart, a single column is a submission.
    alone = labels_apart and table.shape[1] == 2
    if names.models is None and names.label is None and "label" not in table and not alone:
        label = label_column(table, {*own, *renamed})
        renamed |= {} if label is None else {label: "label"}
    return renamed


def _is_submission(table: pd.DataFrame, file: str, names: ColumnNames, labels_apart: bool) -> bool:
    """Whether the only column is a detector that has the name of its `file`."""
    if table.shape[1] != 1:
        return False
    (column,) = table.columns
    if names.models is not None:  # the columns are known, and nothing is guessed from values
        return column not in names.models and file in names.models
    if not (column == names.label or is_label_name(column)) or column in names.kind_columns:
        return False
    if labels_apart:
        return True
    numbers = pd.to_numeric(table.iloc[:, 0], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    return bool(((numbers > 0) & (numbers < 1)).any())


def _split_metadata(
    table: pd.DataFrame, names: ColumnNames, source: str, notes: list[Note]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The known metadata, parsed, and the columns that may be models."""
    ids = table.index.to_series()
    rows = pd.DataFrame(index=table.index)
    for column, name in names.metadata.items():
        if column not in table.columns:
            continue
        if name == "label":
            if names.models is None:  # of videos to predict nobody needs it
                rows[name] = parse_labels(table[column], ids, source)
                # Words say themselves what they mean.
                if plain_name(column) in REAL_QUESTIONS and not holds_words(table[column]):
                    notes.append(ASKS_FOR_REAL(file=source, column=column))
        elif name == "fold":
            try:
                rows[name] = parse_folds(table[column], ids, source)
            except InputError:
                if names.fold is not None:
                    raise
                notes.append(NO_FOLD_NUMBERS(file=source))
        elif name in _TEXT_ROWS or name in names.keep:
            rows[name] = as_text(table[column])
    # A known `group` beside the one that was named, or a second id, is never a model either.
    taken = {*names.metadata, *METADATA, *_ID_COLUMNS} - (names.models or frozenset())
    scores = [name for name in table if name in taken - {"label"} and _has_fractions(table[name])]
    if scores:
        notes.append(METADATA_OF_NUMBERS(file=source, columns=scores))
    return rows, table[[column for column in table.columns if column not in taken]]


def _has_fractions(column: "pd.Series[Any]") -> bool:
    """Whether it holds numbers, some of them no whole ones, as scores are."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    return bool(len(known) and (known % 1 != 0).any())


def _parse_models(
    table: pd.DataFrame, names: ColumnNames, source: str, notes: list[Note]
) -> tuple[pd.DataFrame, list[str]]:
    """The columns of numbers, and those of words as `name ('first cell')`."""
    ids = table.index.to_series()
    models: dict[str, NDArray[np.float64]] = {}
    words, features = [], []
    if names.models is not None:
        others = [name for name in table.columns if name not in names.models]
        table = table.drop(columns=others)
        if others:
            notes.append(NOT_OF_THE_STACK(file=source, columns=others))
    for name in table.columns:
        if name == "" or name.startswith("Unnamed:"):
            notes.append(NAMELESS_COLUMN(file=source))
            continue
        model, colon, _ = name.partition(":")
        if colon and model in table.columns:
            features.append(name)
            continue
        values = parse_numbers(table[name], ids, source)
        if values is None:
            words.append(f"{name} ({str(table[name].dropna().iloc[0])!r})")
        elif colon:
            raise InputError(
                f"the model name {name!r} has a colon, which is kept for features of a model "
                "(MODEL:spread)",
                file=source,
                remedy="rename the column or drop it",
            )
        else:
            guessed = names.models is None and name not in names.kind_columns
            why = why_no_scores(table[name], values) if guessed else ""
            if why:
                notes.append(NO_DETECTOR(file=source, column=name, why=why))
                continue
            if guessed and (why := doubtful(table[name], values)):
                notes.append(DOUBTFUL(file=source, column=name, why=why))
            models[name] = values
    if words:
        notes.append(TEXT_COLUMNS(file=source, columns=words))
    if features:
        notes.append(FEATURE_COLUMNS(file=source, columns=features))
    return pd.DataFrame(models, index=table.index), words
