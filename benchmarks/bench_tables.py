"""What the benchmarks of stacking share: the three real tables, and standard errors over groups."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.measures.bootstrap import group_sums, group_weights
from predictions.tables.scores import read_scores

#: Where the tables are unless said otherwise: beside the repository.
TABLES = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables"

#: Name -> file and the column of what may not be split over folds.
FILES = {
    "dfdc": ("dfdc_9detectors_dev.csv.gz", "group"),
    "ffpp": ("ffpp_test1200_4models.csv", "target"),
    "asvspoof": ("asvspoof2019la_eval_16systems.csv.gz", "speaker"),
}

#: Probabilities are held this far from 0 and 1 before their log loss is taken, for every side.
EDGE = 1e-15


@dataclass(frozen=True)
class Table:
    """Scores X (n, k), logits or raw, NaN = missing; labels y (n,), 1.0 = FAKE; groups (n,)."""

    name: str
    X: pd.DataFrame
    y: NDArray[np.float64]
    groups: NDArray[np.int64]


def read(name: str, folder: Path) -> Table:
    """One of FILES, its labelled rows."""
    file, group = FILES[name]
    table = read_scores([folder / file], group=group)
    known = table.rows["label"].notna().to_numpy()
    y = table.rows["label"].to_numpy(np.float64)[known]
    groups = pd.factorize(table.rows["group"])[0][known].astype(np.int64)
    return Table(name, table.logits[known], y, groups)


def losses(y: NDArray[np.float64], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log loss of each row, (n,)."""
    right = np.where(y > 0.5, p, 1 - p)
    return np.asarray(-np.log(np.clip(right, EDGE, 1.0)))


def bootstrap_error(
    values: NDArray[np.float64], groups: NDArray[np.int64], n_boot: int = 1000
) -> float:
    """Standard error of the mean of per-row values (n,): spread of means over drawn groups."""
    codes = np.unique(groups, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    sums = group_sums(np.column_stack([values, np.ones_like(values)]), codes, n_groups)
    drawn = np.concatenate([block @ sums for block in group_weights(n_groups, n_boot)])
    return float(np.std(drawn[:, 0] / drawn[:, 1], ddof=1))
