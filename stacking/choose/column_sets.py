"""Which columns a robust choice tries: all, and those that hold in every domain."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration import auc
from stacking.inputs import Array, is_score_column, model_of


def column_sets(
    X: pd.DataFrame, y: Array, domains: NDArray[np.str_], names: list[str]
) -> Iterator[list[Any]]:
    """All columns; those of the detectors that point the same way in every domain; of the half that
    ranks best in its worst domain; the scores alone."""
    everything = list(X.columns)
    sets = [everything]
    scores = [column for column in everything if is_score_column(column)]
    own = {name: (y == 1) & (domains == name) for name in names}
    steady, worst = [], []
    for column in scores:
        values = X[column].to_numpy(np.float64)
        known = ~np.isnan(values)
        sides = []
        for fakes in own.values():
            reals = (y == 0) & (domains == domains[fakes][0])
            rows = (fakes | (reals if reals.any() else y == 0)) & known
            if 0 < y[rows].mean() < 1:
                ranks = pd.Series(values[rows]).rank(pct=True).to_numpy()
                sides.append(auc(y[rows], ranks))
        # A detector that ranks backwards everywhere is as good as one that never does.
        worst.append(max(min(sides), 1 - max(sides)) if sides else 0.5)
        if worst[-1] >= 0.5:
            steady.append(column)
    order = np.argsort(-np.array(worst), kind="stable")
    half = [scores[j] for j in sorted(order[: (len(scores) + 1) // 2])]
    for kept in (steady, half):
        names_kept = set(map(str, kept))
        sets.append([c for c in everything if model_of(c) in names_kept])
    sets.append(scores)
    seen: list[list[Any]] = []
    for columns in sets:
        if columns and columns not in seen:
            seen.append(columns)
            yield columns
