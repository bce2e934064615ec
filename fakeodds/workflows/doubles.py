"""The same video twice: rows with the very same scores, of several groups or unlike labels."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

#: Detectors that must agree to the last digit on values that no other video has.
_LEAST_DETECTORS = 2


def same_scores(scores: pd.DataFrame) -> list[list[str]]:
    """Sets of videos whose scores are the same, in the order of the table.

    Args:
        scores: a row a video, a column a detector; NaN where a score is missing. They are compared
            as single precision has them: exports differ in the last digits.

    Scores that are written coarsely, or lie at 0 and 1, are shared by many videos: what counts are
    values that nobody outside the set has, by two detectors at least. Of one detector nothing can
    be told.
    """
    if len(scores.columns) < _LEAST_DETECTORS or scores.empty:
        return []
    scores = scores.astype(np.float32)
    sets = scores.groupby(list(scores.columns), dropna=False, sort=False).ngroup().to_numpy()
    size = pd.Series(sets).map(pd.Series(sets).value_counts()).to_numpy()
    telling = sum(
        (column.map(column.value_counts()) == size).to_numpy(int) for _, column in scores.items()
    )
    videos = pd.Series(scores.index.astype(str))[(size > 1) & (telling >= _LEAST_DETECTORS)]
    return [list(one) for _, one in videos.groupby(sets[videos.index], sort=False)]


def of_several(sets: Sequence[list[str]], kinds: pd.Series) -> list[list[str]]:
    """Those of the sets whose videos are of several kinds; `kinds`: of each video, by its id."""
    kind = dict(zip(kinds.index.astype(str), kinds, strict=True))
    return [one for one in sets if len({kind[video] for video in one}) > 1]
