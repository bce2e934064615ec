"""The submission: one probability a video, in the order that was asked for, or a refusal."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.files import write_table
from predictions.tables.columns import parse_ids
from predictions.tables.names import VideoNames
from predictions.tables.reader import read_table
from predictions.words import count, first_names


def read_sample(path: Path) -> pd.DataFrame:
    """A sample submission: the file names that are asked for, in their order.

    Args:
        path: CSV or Parquet with a column `filename` (else `video`, else the first column).

    Returns:
        DataFrame with the column `filename` (string).

    Raises:
        InputError: the file cannot be read, or a name is missing or twice.
    """
    table = read_table(path, text="all")
    name = next((name for name in ("filename", "video") if name in table), table.columns[0])
    return pd.DataFrame({"filename": parse_ids(table[name], str(path))})


def make_submission(
    probability: "pd.Series[float]",
    sample: pd.DataFrame | None = None,
    source: str = "the sample submission",
) -> pd.DataFrame:
    """The submission `filename,label` with every video exactly once.

    Args:
        probability: probability of FAKE by video id (the index).
        sample: what `read_sample` gives, or None: then the ids themselves, in their order. A name
            of the sample means a video as `VideoNames` says: by its id, else its file name, else
            that without its ending.
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
    there = VideoNames(ids)
    found = pd.Series([there.find(name, source) for name in names], dtype="string")
    _refuse(source, names[found.isna().to_numpy()], "{} listed but not scored", "score them too")
    position = pd.Index(ids).get_indexer(pd.Index(found))
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


def _refuse(source: str, names: Iterable[object], what: str, remedy: str) -> None:
    found = [str(name) for name in names]
    if found:
        raise InputError(
            f"{what.format(count(len(found), 'video'))} ({first_names(found)})",
            file=source,
            remedy=remedy,
        )
