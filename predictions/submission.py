"""The submission: one probability a video, in the form that was asked for, or a refusal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.files import write_table
from predictions.notes import Note, NoteKind
from predictions.tables.columns import parse_ids
from predictions.tables.labels import FAKE_WORDS, REAL_WORDS, plain_name
from predictions.tables.names import VideoNames
from predictions.tables.reader import read_table
from predictions.tables.roles import holds_words, id_column, is_label_name
from predictions.words import count, first_names

LISTED_NOT_SCORED = NoteKind(
    "submission.listed-not-scored",
    "{file}: {videos:video} listed but not scored ({videos:quoted}); in the submission they get "
    "the mean probability of the others.",
)
SCORED_NOT_LISTED = NoteKind(
    "submission.scored-not-listed",
    "{file}: {videos:video} scored but not listed ({videos:quoted}); they are left out of the "
    "submission.",
)

#: What a column of probabilities is called beside the names of labels.
_PROBABILITIES = ("probability", "prob", "prediction", "predicted", "pred", "score", "p")


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample submission, whose header, columns, names and order the submission keeps.

    Attributes:
        table: as it was read, all text; rows in their order.
        id: its column of names, none missing or twice.
        probability: its column of probabilities; `label` where it has names alone.
        source: the name of the file.
    """

    table: pd.DataFrame
    id: str
    probability: str
    source: str

    @property
    def names(self) -> list[str]:
        """The videos that are asked for."""
        return self.table[self.id].astype(str).tolist()

    def match(self, videos: Sequence[str]) -> dict[str, str]:
        """Name -> video, for the names that are one of the videos (as `VideoNames` says).

        Raises:
            InputError: no name is, one fits several videos, or two are of one video.
        """
        matches = VideoNames(videos).match(self.names, self.source)
        named = pd.Series(matches)
        doubled = named.index[named.duplicated(keep=False)]
        _refuse(self.source, doubled, "{} listed under two names", "list every video once")
        return matches

    def check(self, videos: Sequence[str]) -> list[Note]:
        """What the sample and the videos to predict do not share, to be told before the work.

        Raises:
            InputError: as `match`.
        """
        matches = self.match(videos)
        missing = [name for name in self.names if name not in matches]
        listed = set(matches.values())
        extra = [video for video in videos if video not in listed]
        notes = [LISTED_NOT_SCORED(file=self.source, videos=missing)] if missing else []
        return notes + ([SCORED_NOT_LISTED(file=self.source, videos=extra)] if extra else [])

    def answers(self, submission: pd.DataFrame) -> pd.DataFrame:
        """The names and probabilities of a submission in this form, as `filename, label`."""
        answers = submission[[self.id, self.probability]]
        return answers.set_axis(["filename", "label"], axis=1)


def read_sample(path: Path) -> Sample:
    r"""A sample submission.

    The names are in `filename`, else `video`, else the first column of words that holds each once
    (a row number is passed over), else the first column. The probabilities are in the other column;
    of several in the one that is named like a label or a probability, else the only one of numbers.

    Args:
        path: CSV or Parquet.

    Raises:
        InputError: the file cannot be read, a name is missing or twice, or several columns may hold
            the probabilities.

    Examples:
        >>> from pathlib import Path
        >>> from predictions import read_sample
        >>> _ = Path("sample.csv").write_text("filename,label\na.mp4,0.5\nb.mp4,0.5\n")
        >>> sample = read_sample(Path("sample.csv"))
        >>> sample.id, sample.probability, sample.names
        ('filename', 'label', ['a.mp4', 'b.mp4'])
    """
    table = read_table(path, text="all")
    columns = [str(name) for name in table.columns]
    known = [
        name for plain in ("filename", "video") for name in columns if plain_name(name) == plain
    ]
    name = known[0] if known else id_column(table, ()) or columns[0]
    parse_ids(table[name], str(path))
    probability = _probability_column(table, name, str(path))
    words = set(plain_name(probability).split("_"))
    if words & _OF_REAL and not words & _OF_FAKE:
        raise InputError(
            f"its column {probability!r} asks for the probability of REAL, not that of FAKE",
            file=path,
            remedy="call the column label; where REAL is asked for all the same, give 1 minus ours",
        )
    return Sample(table, name, probability, str(path))


#: Words in the name of a column of probabilities that say of what.
_OF_REAL = {*REAL_WORDS, "bona"} - {"original"}  # `original_id` asks for nothing
_OF_FAKE = {*FAKE_WORDS}


def _probability_column(table: pd.DataFrame, id: str, source: str) -> str:
    columns = [str(name) for name in table.columns]
    others = [name for name in columns if name != id and not _numbers_rows(table, name)]
    if not others:
        return "label"
    labels = [column for column in others if is_label_name(column)]
    named = [column for column in others if plain_name(column) in _PROBABILITIES]
    numbers = [column for column in others if not holds_words(table[column])]
    for candidates in (labels, named, numbers):
        if len(candidates) == 1:
            return candidates[0]
    raise InputError(
        f"any of the columns {', '.join(others)} may hold the probabilities",
        file=source,
        remedy="call the one that does label, or remove the others",
    )


def _numbers_rows(table: pd.DataFrame, column: str) -> bool:
    """Whether the cells are 0, 1, 2, ... or 1, 2, 3, ... of several rows."""
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    nameless = column == "" or column.startswith("Unnamed:") or plain_name(column) == "index"
    counts = bool((np.diff(numbers) == 1).all()) and numbers[0] in (0, 1)
    return counts and (nameless or len(numbers) > 2)


def make_submission(
    probability: "pd.Series[float]",
    sample: Sample | None = None,
) -> pd.DataFrame:
    """The submission: `filename,label` with every video once, or the sample with its probabilities.

    Args:
        probability: probability of FAKE by video id (the index).
        sample: what is asked for, or None: the ids themselves, in their order. A name that is
            listed but not scored gets the mean of the other probabilities, the likeliest single
            guess; a video that is scored but not listed is left out (`Sample.check` tells both).

    Returns:
        DataFrame with `filename` (string) and `label` (float64, strictly between 0 and 1); with a
        sample its columns in their order, all as they are but that of the probabilities.

    Raises:
        InputError: a probability that is missing, infinite or not strictly between 0 and 1; a
            video that is doubled; as `Sample.match`. The message names the first five.

    Examples:
        >>> import pandas as pd
        >>> from predictions import make_submission
        >>> make_submission(pd.Series({"a.mp4": 0.9, "b.mp4": 0.2})).values.tolist()
        [['a.mp4', 0.9], ['b.mp4', 0.2]]
    """
    ids = pd.Series(probability.index.astype(str))
    _refuse("the scores", ids[ids.duplicated()].unique(), "{} there more than once", "keep one row")
    values = probability.to_numpy(dtype=np.float64, na_value=np.nan)
    _refuse(
        "the scores",
        ids[~np.isfinite(values)],
        "{} without a finite probability",
        "give the stack's answer for a video without scores",
    )
    with np.errstate(invalid="ignore"):
        outside = ~((values > 0) & (values < 1))
    _refuse(
        "the scores",
        ids[outside],
        "{} whose probability is not strictly between 0 and 1",
        "clip it, since log loss is infinite there",
    )
    if sample is None:
        return pd.DataFrame({"filename": ids.astype("string"), "label": values})
    matches = sample.match(ids.tolist())
    answers = pd.Series(sample.names).map(matches).map(dict(zip(ids, values, strict=True)))
    answers = answers.fillna(float(np.sort(answers.dropna()).mean()))
    return sample.table.assign(**{sample.probability: answers.to_numpy(np.float64)})


def write_submission(submission: pd.DataFrame, path: Path) -> None:
    """Write a submission as CSV in one step, digits enough to read back the same doubles.

    Examples:
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from predictions import make_submission, write_submission
        >>> submission = make_submission(pd.Series({"a.mp4": 0.9}))
        >>> write_submission(submission, Path("submission.csv"))
        >>> Path("submission.csv").read_text().split()
        ['filename,label', 'a.mp4,0.9']
    """
    write_table(submission, path)


def _refuse(source: str, names: Iterable[object], what: str, remedy: str) -> None:
    videos = [str(name) for name in names]
    if videos:
        raise InputError(
            f"{what.format(count(len(videos), 'video'))} ({first_names(videos)})",
            file=source,
            remedy=remedy,
        )
