"""The labelled videos' scores as the stack takes them, kept to compare new ones with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.files import read_parquet, write_table
from predictions.groups import group_codes

#: Beside the stack; rows that are kept at most, and of how many groups if there are as many.
NAME, _MOST, _GROUPS = "labelled.parquet", 6000, 500


@dataclass(frozen=True, eq=False)
class Reference:
    """Labelled videos.

    Attributes:
        features: a column for each of the stack's, scores out of fold; index `video`.
        label: 1 = FAKE, 0 = REAL. group: what is drawn as a whole. Both on the same index.
    """

    features: pd.DataFrame
    label: "pd.Series[Any]"
    group: "pd.Series[Any]"

    @classmethod
    def of(cls, stack: Path) -> "Reference | None":
        """What lies beside a stack in its folder; None where nothing does.

        Raises:
            InputError: the file is damaged.
        """
        path = stack / NAME
        if not path.exists():
            return None
        table = read_parquet(path)
        return cls(table.drop(columns=["label", "group"]), table["label"], table["group"])

    def holds(self, new: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows (m,) of `new`, as the stack takes them, have the name and scores of one."""
        columns = list(self.features.columns)
        ids = new.index.astype(str)
        labelled = self.features.set_axis(self.features.index.astype(str))
        known = labelled.reindex(ids)[columns].to_numpy(np.float64)
        same = np.isclose(new[columns].to_numpy(np.float64), known, equal_nan=True).all(axis=1)
        return np.asarray(same & ids.isin(labelled.index))


def write_reference(features: pd.DataFrame, rows: pd.DataFrame, stack: Path, seed: int) -> None:
    """Keep labelled videos beside a stack; of many, some of as many groups as can be.

    Args:
        features: as the stack takes them, a row a labelled video. rows: their label and group.
        stack: its folder. seed: of which are kept where there are many.
    """
    codes = group_codes(rows["group"], len(rows), sort=True)
    draw = np.random.default_rng(seed)
    sizes = np.bincount(codes)
    # Of each group so many at most that the groups, or the first ones of them, go in.
    most = max(1, _MOST // min(len(sizes), _GROUPS))
    mixed = draw.permutation(len(rows))
    place = pd.Series(codes[mixed]).groupby(codes[mixed]).cumcount().to_numpy()
    taken = np.zeros(len(rows), dtype=bool)
    taken[mixed[place < most]] = True
    order = draw.permutation(len(sizes))
    kept = taken & np.isin(codes, order[np.cumsum(np.minimum(sizes, most)[order]) <= _MOST])
    about = [rows["label"][kept], rows["group"][kept].astype(str)]
    # At once: pandas warns of a table that grew by a hundred columns one by one.
    table = pd.concat([features[kept], *about], axis=1)
    write_table(table.rename_axis(index="video"), stack / NAME)
