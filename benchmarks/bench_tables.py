"""What the benchmarks of stacking share: the real tables, and standard errors over groups."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.measures.bootstrap import group_sums, group_weights
from predictions.frame_rules import rule_table
from predictions.tables.scores import read_scores

#: Where the tables are unless said otherwise: beside the repository.
TABLES = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables"

#: Name -> file and the column of what may not be split over folds.
FILES = {
    "dfdc": ("dfdc_9detectors_dev.csv.gz", "group"),
    "ffpp": ("ffpp_test1200_4models.csv", "target"),
    "asvspoof": ("asvspoof2019la_eval_16systems.csv.gz", "speaker"),
}

#: The scores that ship (docs/demo_scores.md), and frames that are made up around two of them.
SHIPPED, FRAMES = "shipped", "frames"
_SHIPPED_FILE = (
    Path(__file__).resolve().parents[1] / "fakeodds" / "demo_scores" / "faceforensics_faces.csv.gz"
)
_FRAMES_A_VIDEO = 8
_FRAMES_OF = ["efficientnet_lite0", "mobilenetv2"]

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
    """One of FILES, SHIPPED or FRAMES, its labelled rows."""
    if name == FRAMES:
        return _with_frames(read(SHIPPED, folder))
    if name == SHIPPED:
        table = read_scores([_SHIPPED_FILE], kind="logit", group="group")
    else:
        file, group = FILES[name]
        table = read_scores([folder / file], group=group)
    known = table.rows["label"].notna().to_numpy()
    y = table.rows["label"].to_numpy(np.float64)[known]
    groups = pd.factorize(table.rows["group"])[0][known].astype(np.int64)
    return Table(name, table.logits[known], y, groups)


def _with_frames(table: Table) -> Table:
    """The same videos with made-up frames: noise of heavy tails around the logits of two detectors,
    as a `rule_table`, out of which a frame rule is chosen."""
    logits = table.X[_FRAMES_OF].to_numpy()
    random = np.random.default_rng(0)
    noise = random.standard_t(3, size=(*logits.shape, _FRAMES_A_VIDEO))
    frames = logits[..., None] + 0.5 * logits.std(axis=0)[:, None] * noise
    made = pd.DataFrame(
        {
            "video": np.repeat(table.X.index.astype(str), logits.shape[1] * _FRAMES_A_VIDEO),
            "model": np.tile(np.repeat(_FRAMES_OF, _FRAMES_A_VIDEO), len(logits)),
            "logit": frames.ravel(),
        }
    )
    X = rule_table(made).loc[table.X.index.astype(str)]
    return Table(FRAMES, X, table.y, table.groups)


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
