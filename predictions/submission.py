"""The submission: one probability a video, in the order that was asked for, or a refusal."""

from pathlib import Path

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.files import write_table
from predictions.tables.columns import count, first_names, parse_ids
from predictions.tables.reader import read_table

_ABSENT, _AMBIGUOUS = -1, -2


def read_sample(path: Path) -> pd.DataFrame:
    """A sample submission: the file names that are asked for, in their order.

    Args:
        path: CSV or Parquet with a column `filename` (else `video`, else the first column).

    Returns:
        DataFrame with the column `filename` (string).

    Raises:
        InputError: the file cannot be read, or a name is missing or twice.
    """
    columns = [str(name) for name in read_table(path).columns]
    name = next((name for name in ("filename", "video") if name in columns), columns[0])
    names = parse_ids(read_table(path, text=[name])[name], str(path))
    return pd.DataFrame({"filename": names.astype("string")})


def make_submission(
    probability: "pd.Series[float]",
    sample: pd.DataFrame | None = None,
    source: str = "the sample submission",
) -> pd.DataFrame:
    """The submission `filename,label` with every video exactly once.

    Args:
        probability: probability of FAKE by video id (the index).
        sample: what `read_sample` gives, or None: then the ids themselves, in their order. A name
            of the sample means the video with this id, else the only video with this file name
            (`part_1/a.mp4` for `a.mp4`), with or without its ending.
        source: the name of the sample's file, for messages.

    Returns:
        DataFrame with `filename` (string) and `label` (float64, strictly between 0 and 1).

    Raises:
        InputError: a probability that is missing, infinite or not strictly between 0 and 1; a video
            or name that is doubled, missing or extra. The message names the first five.
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
    names = sample["filename"].astype("string")
    _refuse(source, names[names.duplicated()].unique(), "{} listed more than once", "list it once")
    position = _positions(names, ids)
    _refuse(
        source,
        names[position == _AMBIGUOUS],
        "{} whose name fits several scored videos",
        "list the ids of the scores",
    )
    _refuse(source, names[position == _ABSENT], "{} listed but not scored", "score them too")
    doubled = pd.Series(position).duplicated(keep=False).to_numpy()
    _refuse(source, names[doubled], "{} listed under two names", "list every video once")
    extra = np.setdiff1d(np.arange(len(ids)), position)
    _refuse(
        source, ids.iloc[extra], "{} scored but not listed", "leave them out of the test videos"
    )
    return pd.DataFrame({"filename": names.to_numpy(), "label": values[position]}).astype(
        {"filename": "string"}
    )


def write_submission(submission: pd.DataFrame, path: Path) -> None:
    """Write a submission as CSV in one step, digits enough to read back the same doubles."""
    write_table(submission[["filename", "label"]], path)


def _positions(names: "pd.Series[str]", ids: "pd.Series[str]") -> np.ndarray:
    """Where in `ids` each name is; _ABSENT or _AMBIGUOUS where it means no one video."""
    exact = {name: i for i, name in enumerate(ids)}
    by_file: dict[str, int] = {}
    by_stem: dict[str, int] = {}
    for i, name in enumerate(ids):
        base = _base(name)
        for index, key in ((by_file, base), (by_stem, _stem(base))):
            index[key] = _AMBIGUOUS if key in index else i
    found = []
    for name in map(str, names):
        base = _base(name)
        position = exact.get(name, by_file.get(base))
        found.append(by_stem.get(_stem(base), _ABSENT) if position is None else position)
    return np.array(found, dtype=np.int64)


def _base(name: str) -> str:
    return name.replace("\\", "/").rsplit("/", 1)[-1]


def _stem(base: str) -> str:
    """`a.mp4` -> `a`; a dot within a name that has no ending is kept (`v1.25`)."""
    stem, dot, ending = base.rpartition(".")
    return stem if dot and ending.isalnum() and not ending.isdigit() and len(ending) <= 4 else base


def _refuse(source: str, names: object, what: str, remedy: str) -> None:
    found = [str(name) for name in names]  # type: ignore[attr-defined]
    if found:
        raise InputError(
            f"{source}: {what.format(count(len(found), 'video'))} ({first_names(found)}); {remedy}."
        )
