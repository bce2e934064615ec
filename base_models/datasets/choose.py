"""Part of a dataset: only some values of a column."""

from collections.abc import Mapping, Sequence

import pandas as pd

from predictions.errors import InputError

#: Columns in which a missing value means "does not apply": a real video has no method.
_KEPT_WHEN_MISSING = ("method",)


def choose_videos(
    videos: pd.DataFrame, only: Mapping[str, Sequence[str]], source: str
) -> pd.DataFrame:
    """The rows whose value is one of those named, for every column of `only`.

    Videos without a value are left out, except that real ones, which have no `method`, stay.

    Raises:
        InputError: there is no such column or value, or nothing is left.
    """
    kept = videos
    for column, values in only.items():
        if column not in videos.columns:
            raise InputError(
                f"--only {column}=... names no column",
                file=source,
                remedy=f"there are {', '.join(map(str, videos.columns))}",
            )
        text = kept[column].astype("string")
        there = sorted(videos[column].astype("string").dropna().unique())
        unknown = [value for value in values if value not in there]
        if unknown:
            raise InputError(
                f"no video has {column}={unknown[0]}",
                file=source,
                remedy=f"there are {', '.join(there[:20]) or 'no values'}",
            )
        wanted = text.isin(list(values))
        if column in _KEPT_WHEN_MISSING:
            wanted |= text.isna()
        kept = kept[wanted]
    if kept.empty:
        choice = " ".join(f"{column}={','.join(values)}" for column, values in only.items())
        raise InputError(
            f"no video is left by --only {choice}", file=source, remedy="choose less strictly"
        )
    return kept.reset_index(drop=True)
