"""Several files of scores as one table, or where they contradict each other."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.notes import Note
from predictions.tables.kinds import matching
from predictions.tables.names import VideoNames
from predictions.tables.score_files import ColumnNames, Piece
from predictions.tables.spelling import note_spellings, respelled, spellings
from predictions.words import count


def sources(pieces: Sequence[Piece]) -> str:
    """The names of the files."""
    return ", ".join(piece.source for piece in pieces)


def spelled_alike(pieces: Sequence[Piece], notes: list[Note]) -> tuple[list[Piece], dict[str, str]]:
    """The pieces with every id as the first of them spells it, and what the last one's were."""
    alike, spelled = [pieces[0]], dict[str, str]()
    known = pieces[0].scores.index
    for piece in pieces[1:]:
        spelled = spellings(piece.scores.index, known)
        notes += note_spellings(piece.source, spelled)
        rows, scores = respelled(piece.rows, spelled), respelled(piece.scores, spelled)
        if not scores.index.isin(known).any():
            _refuse_strangers(piece, alike, known)
        alike.append(replace(piece, rows=rows, scores=scores))
        known = known.union(scores.index, sort=False)
    return alike, spelled


def _refuse_strangers(piece: Piece, before: Sequence[Piece], known: pd.Index) -> None:
    """Refuse other models' scores of none of the videos `known` before: they would stand alone.

    Raises:
        InputError: none of its models is known either.
    """
    models = {model for one in before for model in one.scores}
    if not piece.scores.empty and models.isdisjoint(piece.scores):
        raise VideoNames(map(str, known)).none_of(
            list(map(str, piece.scores.index)),
            piece.source,
            of=sources(before),
            remedy="write the ids alike in both",
        )


def join_scores(pieces: Sequence[Piece]) -> pd.DataFrame:
    """All videos and all models; a model may be spread over files, but no video twice.

    Raises:
        InputError: a video has two scores by one model.
    """
    joined, owners = pieces[0].scores, [pieces[0].source] * pieces[0].scores.shape[1]
    for piece in pieces[1:]:
        for model in joined.columns.intersection(piece.scores.columns):
            both = joined[model].dropna().index.intersection(piece.scores[model].dropna().index)
            if len(both):
                owner = owners[joined.columns.get_loc(model)]
                raise InputError(
                    f"the video {str(both[0])!r} has a score of this model in {owner} already",
                    file=piece.source,
                    column=str(model),
                    remedy="rename one of the columns or drop it",
                )
        new = piece.scores.columns.difference(joined.columns, sort=False)
        owners += [piece.source] * len(new)
        columns = [*joined.columns, *new]
        added = piece.scores.index.difference(joined.index, sort=False)
        joined = joined.reindex(index=joined.index.append(added), columns=columns)
        joined = joined.fillna(piece.scores.reindex(index=joined.index, columns=columns))
    return joined.rename_axis(index="video")


def join_rows(pieces: Sequence[Piece], index: pd.Index) -> pd.DataFrame:
    """The metadata of all files on the index of the scores.

    Raises:
        InputError: two files say different things of a video.
    """
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
                    f"the {name} of the video {str(index[i])!r} is {column.iloc[i]}, but "
                    f"{here.iloc[i]} in {owners[name]} ({count(len(other), 'such video')})",
                    file=piece.source,
                    remedy="make them agree or leave one out",
                )
            rows[name] = here.fillna(column)
    return rows


def check_names(pieces: Sequence[Piece], names: ColumnNames) -> None:
    """Every column that the caller named is in some file.

    Raises:
        InputError: one is not.
    """
    if names.models is not None:
        return
    columns = list(dict.fromkeys(name for piece in pieces for name in piece.columns))
    named = [
        (f"{what} column", name)
        for what, name in (("label", names.label), ("group", names.group), ("fold", names.fold))
        if name is not None and name not in columns
    ]
    for what, patterns in (("column to keep", names.keep), ("column to drop", names.drop)):
        named += [(what, name) for name in patterns if not matching([name], columns)]
    for what, name in named[:1]:
        raise InputError(
            f"there is no {what} {name!r}; the columns are {', '.join(columns)}",
            file=sources(pieces),
            remedy="name one of them",
        )
