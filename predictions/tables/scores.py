"""Scores of any detectors, from files that somebody else wrote, as one table with known kinds."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from predictions.errors import InputError
from predictions.folds import check_folds, connected_groups
from predictions.frame_rules import rule_table
from predictions.logits import to_logit
from predictions.notes import Note, NoteKind
from predictions.tables.frames import frame_files, note_folders
from predictions.tables.join import check_names, join_rows, join_scores, sources, spelled_alike
from predictions.tables.kinds import (
    Kind,
    Kinds,
    check_models,
    matching,
    settle_kinds,
    turn_round,
)
from predictions.tables.roles import refuse_the_label
from predictions.tables.score_files import (
    METADATA,
    ColumnNames,
    folded_notes,
    model_names,
    read_frame_piece,
    read_label_piece,
    read_piece,
    refuse_too_many,
)
from predictions.words import count, first_names

__all__ = ["METADATA", "Kind", "ScoreTable", "groups_of", "read_scores"]

MISSING_SCORES = NoteKind(
    "scores.missing",
    lambda missing, n: (
        f"Missing scores among {count(n, 'video')}: "
        + ", ".join(
            f"{model} {number}{' (all of them)' if number == n else ''}"
            for model, number in missing.items()
        )
        + "."
    ),
)
CONSTANT = NoteKind(
    "scores.constant", "The same score for every video, which tells nothing: {models}."
)
SAME = NoteKind(
    "scores.same",
    "{models} hold the same scores: one detector that a plain mean counts {models:number} times; "
    "drop all but one.",
)
UNLABELLED = NoteKind(
    "scores.unlabelled",
    "{videos:video} of {n} without a label: scored, not learned from ({videos:quoted}).",
)
WITHOUT_GROUP = NoteKind(
    "scores.without-group",
    "{n:video} without a group: each is a group of its own.",
)
LINKED_BY_ORIGINALS = NoteKind(
    "scores.linked-by-originals",
    "No group column: videos linked by their originals form {n:group}.",
)
NO_GROUPS = NoteKind(
    "scores.no-groups",
    lambda proposed: (
        "No group column: every video is a group of its own, so the estimate is too good if videos "
        "share a person or a source."
        + (f" It may be {' or '.join(map(repr, proposed))}: name it as group." if proposed else "")
    ),
)
#: Notes on the videos and their labels and groups; of no matter where those are known otherwise.
ON_VIDEOS = (MISSING_SCORES, UNLABELLED, WITHOUT_GROUP, LINKED_BY_ORIGINALS, NO_GROUPS)


@dataclass(frozen=True, eq=False)
class ScoreTable:
    r"""The scores of the same videos by several models.

    Attributes:
        rows: index `video` (text, unique); those columns that are known among `label` (float64:
            1 = FAKE, 0 = REAL, NaN = unknown), `group` (string, always there, never missing),
            `fold` (Int16), `original`, `method`, `dataset` and the columns of `keep` (string).
        scores: the same index in the same order; one float64 column a model on the scale of the
            file (turned round where `reverse` named it); NaN where a score is missing.
        kinds: what the numbers of each model are; the keys are the columns of `scores`.
        notes: what was decided while reading, to be shown to the user.
        frames: of the models that came as frame scores, `video`, `face`, `model` and `logit`
            (turned round alike); their `scores` are those of `aggregate(frames)`. None without any.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import read_scores
        >>> text = "video,label,group,xception\na.mp4,1,ann,0.9\nb.mp4,0,bob,0.2\n"
        >>> _ = Path("scores.csv").write_text(text)
        >>> table = read_scores([Path("scores.csv")])
        >>> table.rows["group"].tolist(), table.kinds
        (['ann', 'bob'], {'xception': 'probability'})
        >>> table.logits["xception"].round(2).tolist()
        [2.2, -1.39]
    """

    rows: pd.DataFrame
    scores: pd.DataFrame
    kinds: dict[str, Kind]
    notes: list[Note] = field(default_factory=list)
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


def read_scores(
    paths: Sequence[Path],
    *,
    labels: Path | None = None,
    id: str | None = None,
    label: str | None = None,
    group: str | None = None,
    fold: str | None = None,
    drop: Sequence[str] = (),
    only: Sequence[str] = (),
    kind: Kinds = None,
    reverse: Sequence[str] = (),
    keep: Sequence[str] = (),
    models: Collection[str] | None = None,
) -> ScoreTable:
    r"""Read scores of videos from wide tables, submissions or frame scores, joined on the id.

    **The id** is the column `id`, else `video`, else `filename`, else the first column of text that
    names every row once (dates name none).
    **Models** are all columns of numbers but the metadata (`METADATA`, also in other letters, and
    what `label`, `group`, `fold`, `keep` name) and those that no detector gave: what counts the
    rows, times, ids, and labels by their names (`tables.roles`) are left out, each with a note,
    unless `kind` names them; what equals the label is refused. Columns of text are left out too.
    **The label** is `label`, else a column with another name of labels whose cells are labels.
    **A Kaggle submission** is a file with an id and a `label` that is not 0 or 1 throughout (with
    `labels` given: any file with an id and a `label`): one model of probabilities named by its
    file. With `models`, any file of one column whose name is one of them.
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
        only: models to take, names or patterns; all others are left out.
        kind: of every model, or by model; names or patterns.
        reverse: models of which a high score means REAL, names or patterns: a probability p becomes
            1 - p, other scores change their sign.
        keep: columns of metadata to keep as text in `rows`, such as a domain.
        models: of videos to predict, the columns that a stack was fitted on: these are taken, by
            their names and never by their values; labels are not read; what is named above and not
            there is passed over.

    Returns:
        The table, rows in the order of the first file, then what further files add.

    Raises:
        InputError: a file cannot be read; a named column is not there; ids missing or twice; a
            cell that is no number, no label, no fold, infinite or outside the kind's range; files
            that contradict each other; no scores; a group split by the folds.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import read_scores
        >>> text = "video,label,actor,xception\na.mp4,1,ann,0.9\nb.mp4,0,bob,0.2\n"
        >>> _ = Path("scores.csv").write_text(text)
        >>> table = read_scores([Path("scores.csv")], group="actor")
        >>> table.rows["group"].tolist(), table.scores["xception"].tolist()
        (['ann', 'bob'], [0.9, 0.2])
    """
    if not paths:
        raise InputError("no score file was given", remedy="give at least one CSV or Parquet file")
    if any(isinstance(names, str) for names in (drop, only, reverse, keep)):
        raise TypeError("drop, only, reverse and keep are sequences of names")
    known = None if models is None else frozenset(models)
    named = frozenset() if kind is None or isinstance(kind, str) else frozenset(kind)
    names = ColumnNames(id, label, group, fold, drop, keep, known, named)
    framed = {path: frame_files(path, id) for path in map(Path, paths)}
    notes = note_folders(framed)
    wide = [path for path, files in framed.items() if not files]
    pieces = [
        read_piece(path, name, names, kind, labels is not None, notes)
        for path, name in zip(wide, model_names(wide), strict=True)
    ]
    frames = None
    if len(wide) < len(framed):
        files = [file for files in framed.values() for file in files]
        piece, frames = read_frame_piece(files, names, kind, reverse, notes)
        pieces.append(piece)
    pieces, spelled = spelled_alike(pieces, notes)
    if frames is not None and spelled:  # the last piece is theirs
        frames["video"] = frames["video"].map(lambda name: spelled.get(name, name))
    scores = join_scores(pieces)
    refuse_too_many(scores.shape[1], sources(pieces))
    if scores.empty and models is not None:
        there = dict.fromkeys(name for piece in pieces for name in piece.columns)
        raise InputError(
            f"has none of the columns {', '.join(models)}, which the stack was fitted on; it has "
            f"{', '.join(there)}",
            file=sources(pieces),
            remedy="add the missing scores, or fit a stack without them",
        )
    if scores.empty:
        words = ", ".join([word for piece in pieces for word in piece.words][:3])
        raise InputError(
            "no column of scores",
            file=sources(pieces),
            remedy="give at least one column of numbers beside the id and the label"
            + (f", not words as in {words}" if words else ""),
        )
    if not scores.notna().to_numpy().any():
        models = ", ".join(repr(str(model)) for model in scores)
        raise InputError(
            f"all scores are missing: no row has one by {models}",
            file=sources(pieces),
            remedy="fill the cells; where the rows have another separator than the header, write "
            "both alike",
        )
    all_pieces = list(pieces)
    if labels is not None:
        all_pieces.append(read_label_piece(Path(labels), names, scores.index, notes))
    check_names(all_pieces, names)
    rows = join_rows(all_pieces, scores.index)
    caller_kinds = {model: piece.kinds[model] for piece in pieces for model in piece.kinds}
    if models is None:
        check_models(scores.columns, kind, reverse, sources(pieces))
    if only:
        scores = _only(scores, only, drop, sources(pieces))
        caller_kinds = {model: caller_kinds[model] for model in caller_kinds if model in scores}
        frames = None if frames is None else frames[frames["model"].isin(scores.columns)]
        frames = None if frames is None or frames.empty else frames.reset_index(drop=True)
    kinds = settle_kinds(scores, caller_kinds, notes)
    turned = set() if frames is None else set(frames["model"])  # before they were aggregated
    for model in matching(reverse, scores.columns) - turned:
        scores[model] = turn_round(scores[model].to_numpy(), kinds[model])
    if models is None and "label" in rows:
        suspects = [model for model in scores if model not in named]
        refuse_the_label(scores[suspects], rows["label"], sources(pieces))
        still = scores.nunique() == 1
        if still.any() and len(scores) > 1:
            notes.append(CONSTANT(models=list(map(str, scores.columns[still.to_numpy()]))))
        _note_same(scores, notes)
    _note_missing(rows, scores, notes)
    proposed = [column for piece in all_pieces for column in piece.groupings]
    rows["group"] = groups_of(rows, list(dict.fromkeys(proposed)), notes)
    if "fold" in rows:
        _check_fold_column(rows)
    first = [name for name in ("label", "group", "fold") if name in rows]
    rows = rows[first + [name for name in rows if name not in first]]
    return ScoreTable(rows, scores, kinds, folded_notes(notes), frames)


def _only(
    scores: pd.DataFrame, only: Sequence[str], drop: Sequence[str], source: str
) -> pd.DataFrame:
    """The scores of some of the models.

    Raises:
        InputError: a name or pattern is that of none, or of one that was dropped, or none of their
            scores is there.
    """
    kept: set[str] = set()
    for pattern in only:
        of_pattern = matching([pattern], scores.columns)
        if not of_pattern and pattern in drop:
            raise InputError(
                f"{pattern!r} is both to be kept and to be dropped",
                file=source,
                remedy="say one of them",
            )
        if not of_pattern:
            raise InputError(
                f"there is no detector {pattern!r} to keep; there are "
                f"{first_names(scores.columns)}",
                file=source,
                remedy="write the name as it is there",
            )
        kept |= of_pattern
    scores = scores[[name for name in scores if name in kept]]
    if not scores.notna().to_numpy().any():
        raise InputError(
            f"every score of {first_names(scores.columns)} is missing",
            file=source,
            remedy="keep a detector that has scores",
        )
    return scores


def _note_same(scores: pd.DataFrame, notes: list[Note]) -> None:
    by_values: dict[bytes, list[str]] = {}
    for model in scores:
        by_values.setdefault(scores[model].to_numpy().tobytes(), []).append(str(model))
    notes += [SAME(models=models) for models in by_values.values() if len(models) > 1]


def _note_missing(rows: pd.DataFrame, scores: pd.DataFrame, notes: list[Note]) -> None:
    missing = scores.isna().sum()
    missing = missing[missing > 0]
    if len(missing):
        each = {str(model): int(number) for model, number in missing.items()}
        notes.append(MISSING_SCORES(missing=each, n=len(scores)))
    if "label" in rows and rows["label"].isna().any():
        unlabelled = rows.index[rows["label"].isna()].tolist()
        notes.append(UNLABELLED(videos=unlabelled, n=len(rows)))


def groups_of(rows: pd.DataFrame, proposed: list[str], notes: list[Note]) -> "pd.Series[str]":
    """The group of every row, none missing; notes only matter where there is something to learn.

    Args:
        proposed: columns that may name groups.
    """
    ids = rows.index.to_series().astype("string")
    learn = "label" in rows
    if "group" in rows:
        missing = int(rows["group"].isna().sum())
        if missing and learn:
            notes.append(WITHOUT_GROUP(n=missing))
        return rows["group"].fillna(ids)
    if "original" in rows and rows["original"].notna().any():
        groups = connected_groups(rows.reset_index()[["video", "original"]], links=())
        if learn:
            notes.append(LINKED_BY_ORIGINALS(n=int(groups.nunique())))
        return pd.Series(groups.to_numpy(), index=rows.index, dtype="string")
    if learn:
        notes.append(NO_GROUPS(proposed=proposed))
    return ids


def _check_fold_column(rows: pd.DataFrame) -> None:
    if "label" in rows:
        without = rows.index[rows["fold"].isna() & rows["label"].notna()]
        if len(without):
            raise InputError(
                f"the labelled videos {first_names(without)} have no fold ({len(without)} in all)",
                remedy="give each a fold, or drop the fold column",
            )
    check_folds(rows["fold"], rows["group"])
