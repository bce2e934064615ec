"""The manifest: one row a video, what is known of it, and what became of it."""

from typing import Any

import pandas as pd

from predictions.errors import InputError
from predictions.tables.columns import (
    as_text,
    parse_folds,
    parse_ids,
)
from predictions.tables.labels import parse_labels

#: Columns of the manifest; only `video` must be there.
VIDEO_COLUMNS = (
    "video",
    "label",
    "group",
    "original",
    "method",
    "dataset",
    "fold",
    "status",
    "reason",
)

_TEXT = ("video", "group", "original", "method", "dataset", "status", "reason")


def check_videos(frame: pd.DataFrame, source: str) -> pd.DataFrame:
    """A manifest with settled types, or one sentence about its first bad row.

    Args:
        frame: one row a video; `video` is its id, the other columns of `VIDEO_COLUMNS` may be
            there, and further ones are kept as they are.
        source: the name of the file or folder, for the message.

    Returns:
        A copy with a RangeIndex: `label` Int8 (1 = FAKE, 0 = REAL, missing = unknown), `fold`
        Int16, text columns `string` (empty = missing), the columns of `VIDEO_COLUMNS` first.

    Raises:
        InputError: no `video` column, no rows, an id missing or twice, a label other than 0, 1,
            FAKE, REAL or empty, a fold that is no whole number.

    Examples:
        >>> import pandas as pd
        >>> from predictions import check_videos
        >>> videos = pd.DataFrame({"video": ["a.mp4", "b.mp4"], "label": ["FAKE", "REAL"]})
        >>> check_videos(videos, "videos.csv")["label"].tolist()
        [1, 0]
    """
    if "video" not in frame.columns:
        raise InputError(
            f"has no column 'video'; its columns are {', '.join(map(str, frame.columns))}",
            file=source,
            remedy="name the one with the ids 'video'",
        )
    if frame.empty:
        raise InputError("lists no videos", file=source, remedy="give at least one")
    videos = frame.reset_index(drop=True)
    for column in _TEXT:
        if column in videos.columns:
            videos[column] = as_text(videos[column])
    ids = parse_ids(videos["video"], source)
    if "label" in videos.columns:
        labels: pd.Series[Any] = pd.Series(parse_labels(videos["label"], ids, source))
        videos["label"] = labels.astype("Int8")
    if "fold" in videos.columns:
        videos["fold"] = parse_folds(videos["fold"], ids, source)
    known = [column for column in VIDEO_COLUMNS if column in videos.columns]
    return videos[known + [column for column in videos.columns if column not in known]]


def with_known_labels(videos: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """A manifest whose labels are labels: other words are missing; and these words."""
    words = videos["label"].astype("string")
    odd = [word for word in words.dropna().unique() if not _is_label(word)]
    return videos.assign(label=words.mask(words.isin(odd))) if odd else videos, odd


def _is_label(word: str) -> bool:
    one = pd.Series([word], name="label", dtype="string")
    try:
        parse_labels(one, one, "")
    except InputError:
        return False
    return True


def require_labels(videos: pd.DataFrame, source: str) -> None:
    """Refuse a checked manifest that nothing can be learned from.

    Rows without a label are fine beside others: they can be predicted, not learned from.

    Raises:
        InputError: no label at all, or only one of the two.

    Examples:
        >>> import pandas as pd
        >>> from predictions import InputError, check_videos, require_labels
        >>> videos = pd.DataFrame({"video": ["a", "b"], "label": [1, 1]})
        >>> videos = check_videos(videos, "videos.csv")
        >>> try:
        ...     require_labels(videos, "videos.csv")
        ... except InputError as error:
        ...     print(error.problem)
        every label is FAKE
    """
    if "label" not in videos.columns or videos["label"].isna().all():
        raise InputError(
            "has no labels", file=source, remedy="give every video the label 1 (FAKE) or 0 (REAL)"
        )
    values = videos["label"].dropna().unique()
    if len(values) == 1:
        raise InputError(
            f"every label is {'FAKE' if values[0] else 'REAL'}",
            file=source,
            remedy="give some of both labels",
        )
