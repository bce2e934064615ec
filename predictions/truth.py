"""A submission beside the truth that came later: what was said of each video, and what it was."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.submission import read_sample
from predictions.tables.columns import bad_cell, parse_numbers
from predictions.tables.kinds import check_values
from predictions.tables.score_files import LABELS_OF_OTHERS, ColumnNames, read_label_piece
from predictions.tables.scores import NO_GROUPS, groups_of

NOT_ANSWERED = NoteKind(
    "truth.not-answered",
    "{file}: {videos:video} without an answer in the submission ({videos:quoted}), not counted.",
)
NOT_KNOWN = NoteKind(
    "truth.not-known",
    "{file}: {videos:video} whose truth is not known ({videos:quoted}), not counted.",
)

NO_GROUPS_KNOWN = NoteKind(
    "truth.no-groups",
    lambda file, proposed: (
        f"{file}: no group column, so intervals draw each video by itself: they are too narrow if "
        "videos share a person or a source."
        + (f" It may be {' or '.join(map(repr, proposed))}: name it as group." if proposed else "")
    ),
)


@dataclass(frozen=True, eq=False)
class JudgedAnswers:
    r"""The answers of a submission whose truth is known.

    Attributes:
        rows: index `video` (as the submission writes it); `label` (1. FAKE, 0. REAL), `group`
            (string), `probability` of FAKE, and those of `original`, `method`, `dataset` and the
            columns of `keep` that the truth has (string).
        notes: what was decided while reading.
        columns: all that the truth has.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import read_judged
        >>> _ = Path("submission.csv").write_text("filename,label\na.mp4,0.9\nb.mp4,0.2\n")
        >>> _ = Path("truth.csv").write_text("filename,label\na,FAKE\nc,REAL\n")
        >>> judged = read_judged(Path("submission.csv"), Path("truth.csv"))
        >>> len(judged.rows), [note.code for note in judged.notes]
        (1, ['scores.spelled', 'truth.not-answered', 'truth.not-known', 'truth.no-groups'])
    """

    rows: pd.DataFrame
    notes: list[Note]
    columns: tuple[str, ...] = ()


def read_judged(
    submission: Path,
    truth: Path,
    *,
    id: str | None = None,
    label: str | None = None,
    group: str | None = None,
    keep: Sequence[str] = (),
) -> JudgedAnswers:
    r"""Read a submission, and the labels of its videos from another table.

    Videos of one file alone are left out, and a note counts them.

    Args:
        submission: as `read_sample` takes it, with a probability in every row.
        truth: a table with the ids, their labels and perhaps groups; read as `read_scores` reads
            `labels`.
        id, label, group: columns of the truth.
        keep: further columns of it to keep as text.

    Raises:
        InputError: a file cannot be read; a probability is missing or none; as `read_scores`; none
            of the videos has a label.

    Examples:
        >>> from pathlib import Path
        >>> from calibration import log_loss
        >>> from predictions import read_judged
        >>> _ = Path("submission.csv").write_text("filename,label\na.mp4,0.9\nb.mp4,0.2\n")
        >>> _ = Path("truth.csv").write_text("filename,label,actor\na.mp4,1,ann\nb.mp4,0,bob\n")
        >>> rows = read_judged(Path("submission.csv"), Path("truth.csv"), group="actor").rows
        >>> round(log_loss(rows["label"], rows["probability"]), 4)
        0.1643
    """
    notes: list[Note] = []
    probability = _probabilities(submission, notes)
    names = ColumnNames(id, label, group, None, (), keep, None, frozenset())
    piece = read_label_piece(truth, names, probability.index, notes)
    lacking = [name for name in (group, *keep) if name is not None and name not in piece.columns]
    if lacking:
        raise InputError(
            f"has no column {lacking[0]!r}; its columns are {', '.join(piece.columns)}",
            file=truth,
            remedy="name one of them",
        )
    rows = piece.rows.reindex(probability.index).assign(probability=probability)
    known = rows["label"].notna()
    if not known.any():
        raise InputError(
            "no video of the submission has a label",
            file=truth,
            column=label or "label",
            expected="1 or FAKE, 0 or REAL",
        )
    if not known.all():
        notes.append(NOT_KNOWN(file=str(submission), videos=rows.index[~known].tolist()))
    rows = rows[known].copy()
    rows["group"] = groups_of(rows, piece.groupings, notes)
    notes = [_in_our_words(note, str(truth)) for note in notes]
    return JudgedAnswers(rows, notes, tuple(map(str, piece.columns)))


def _in_our_words(note: Note, truth: str) -> Note:
    """What the reader of labels says to those who learn from them, as it matters here."""
    if note.code == LABELS_OF_OTHERS.code:
        return NOT_ANSWERED(file=truth, videos=note.facts["videos"])
    if note.code == NO_GROUPS.code:
        return NO_GROUPS_KNOWN(file=truth, proposed=note.facts["proposed"])
    return note


def _probabilities(submission: Path, notes: list[Note]) -> "pd.Series[float]":
    """The probability of every row, by its name."""
    form = read_sample(submission)
    source = form.source
    ids = form.table[form.id].astype(str)
    cells = form.table.get(form.probability)
    values = None if cells is None else parse_numbers(cells, ids, source)
    if cells is None or values is None:
        raise InputError(
            f"has no probabilities in the column {form.probability!r}",
            file=source,
            expected="filename,label with a probability of FAKE a video",
        )
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        remedy = "give every video a probability"
        raise bad_cell("is no probability", cells, missing, ids, source, remedy)
    named = pd.Series(values, index=pd.Index(ids.tolist(), name="video"), name=form.probability)
    return pd.Series(check_values(named, "probability", source, notes), named.index)
