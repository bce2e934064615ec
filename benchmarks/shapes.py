"""Every shape of table: `auto` against simple combiners on few rows and on many columns.

    python benchmarks/shapes.py [TABLES] [--only dfdc ...] [--rows 80 400 2000 0]
                                [--columns 0 30 120] [--seeds 16] [--jobs 1]

A cell is a table, a number of rows and a number of columns (0: all there are). Rows are drawn
without replacement; columns beyond the table's own are noisy copies of detectors drawn with
replacement, the noise between 0.3 and 3 times the detector's spread, the same for every row and
seed. Each seed draws rows and judges all sides on the same outer group folds (5, or fewer where
groups are fewer), nested.

The rivals: the mean of logits + Platt, the best single detector + Platt, logistic regression
and XGBoost, the last two both as this package tunes them inside the folds and as they come
(scikit-learn's with C = 1; XGBoost's with 100 trees of depth 3). A rival is judged without a
further calibrator or clip.

Printed for each cell: log loss of `auto`, the best rival (by its mean over the seeds, picked after
the fact, which favours the rivals), and the difference over its standard error (over seeds; with
fewer than three, over groups). Five draws of 80 rows can all be kind to one side: with so few rows,
ask for many seeds. Exit code 1 where it is over 1.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_tables import FILES, TABLES, Table, bootstrap_error, losses, read
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from xgboost import XGBClassifier

from predictions.folds import assign_folds
from predictions.parallel import side_by_side
from stacking import Stack
from stacking.features import TamedScores

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

AUTO = "auto"


def ours(meta: str, **settings: Any) -> Callable[..., Array]:
    """Fits a Stack on the training part and gives the probabilities (m,) of the other rows."""

    def predict(X: Array, y: Array, groups: Integers, new: Array) -> Array:
        return Stack(meta, **settings).fit(X, y, groups=groups).predict_proba(new)[:, 1]

    return predict


def plain_logistic(X: Array, y: Array, groups: Integers, new: Array) -> Array:
    tamed = TamedScores().fit(X)
    model = LogisticRegression(max_iter=1000).fit(tamed.transform(X), y)
    return model.predict_proba(tamed.transform(new))[:, 1]


def plain_xgboost(X: Array, y: Array, groups: Integers, new: Array) -> Array:
    model = XGBClassifier(n_estimators=100, max_depth=3, learning_rate=0.1, n_jobs=1)
    return np.asarray(model.fit(X, y).predict_proba(new)[:, 1], dtype=np.float64)


BARE: dict[str, Any] = {"calibration": "none", "clip": "none"}
SIDES: dict[str, Callable[..., Array]] = {
    AUTO: ours("auto"),
    "mean of logits": ours("mean_logit", **BARE),
    "best single": ours("best", **BARE),
    "logistic, tuned": ours("logistic", **BARE),
    "logistic": plain_logistic,
    "xgboost, tuned": ours("xgboost", **BARE),
    "xgboost": plain_xgboost,
}


def widen(X: pd.DataFrame, n_columns: int) -> Array:
    """Columns (n, n_columns): the table's own, then noisy copies; all own ones for 0."""
    own = X.to_numpy(np.float64)
    random = np.random.default_rng(n_columns)
    columns = [own]
    for _ in range(n_columns - own.shape[1]):
        source = own[:, random.integers(own.shape[1])]
        low, high = np.nanquantile(source, [0.05, 0.95])
        noise = random.uniform(0.3, 3.0) * (high - low) / 3.3
        columns.append((source + noise * random.standard_normal(len(own)))[:, None])
    return np.hstack(columns)


def draw_rows(table: Table, n_rows: int, seed: int) -> Integers:
    """Positions of `n_rows` rows at random, both labels there; all rows for 0."""
    if n_rows == 0 or n_rows >= len(table.y):
        return np.arange(len(table.y))
    random = np.random.default_rng(seed)
    while True:
        rows = np.sort(random.choice(len(table.y), n_rows, replace=False))
        # A label in too few groups could be missing from the training part of a fold.
        if min(len(np.unique(table.groups[rows][table.y[rows] == v])) for v in (0.0, 1.0)) >= 5:
            return rows


def judge(X: Array, y: Array, groups: Integers, seed: int) -> dict[str, Array]:
    """Held-out log loss of each row, (n,), a side."""
    folds = assign_folds(y, groups, n_splits=min(5, len(np.unique(groups))), seed=seed)
    held = {name: np.zeros(len(y)) for name in SIDES}
    for fold in np.unique(folds):
        out = folds == fold
        for name, predict in SIDES.items():
            held[name][out] = predict(X[~out], y[~out], groups[~out], X[out])
    return {name: losses(y, p) for name, p in held.items()}


def one_seed(
    table: Table, X: Array, n_rows: int, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Mean log loss a side, and the standard error over groups of what `auto` lies above it."""
    rows = draw_rows(table, n_rows, seed)
    loss = judge(X[rows], table.y[rows], table.groups[rows], seed)
    means = {name: float(values.mean()) for name, values in loss.items()}
    errors = {
        name: bootstrap_error(loss[AUTO] - values, table.groups[rows])
        for name, values in loss.items()
    }
    return means, errors


def cell(table: Table, n_rows: int, n_columns: int, n_seeds: int, jobs: int) -> bool:
    """Judge and print one cell; whether `auto` is behind by more than a standard error."""
    start = time.perf_counter()
    X = widen(table.X, n_columns)
    whole = n_rows == 0 or n_rows >= len(table.y)
    # All rows are the same rows for every seed.
    seeds = range(1 if whole else n_seeds)
    work = [(table, X, n_rows, seed) for seed in seeds]
    results = list(side_by_side(one_seed, work, jobs))
    means = pd.DataFrame([means for means, _ in results])
    rival = str(means.drop(columns=AUTO).mean().idxmin())
    gaps = means[AUTO] - means[rival]
    gap = float(gaps.mean())
    if len(gaps) >= 3:
        error = float(gaps.std(ddof=1) / np.sqrt(len(gaps)))
    else:
        error = float(np.mean([errors[rival] for _, errors in results]) / np.sqrt(len(gaps)))
    behind = gap > error
    print(
        f"{table.name:9}{len(table.y) if whole else n_rows:7,} x {X.shape[1]:3}  "
        f"auto {means[AUTO].mean():.4f}  {rival:16}{means[rival].mean():.4f}  "
        f"difference {gap:+.4f} = {gap / error:+6.2f} SE  "
        f"{time.perf_counter() - start:6.0f} s{'  BEHIND' if behind else ''}",
        flush=True,
    )
    return behind


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--only", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--rows", nargs="+", type=int, default=[80, 400, 2000, 0])
    parser.add_argument("--columns", nargs="+", type=int, default=[0, 30, 120])
    parser.add_argument("--seeds", type=int, default=16)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    behind = cells = 0
    tables = [read(name, options.tables) for name in options.only]
    # The cheap cells of all tables first.
    for n_rows in options.rows:
        for n_columns in options.columns:
            for table in tables:
                if 0 < n_columns <= table.X.shape[1] or n_rows >= len(table.y):
                    continue
                cells += 1
                behind += cell(table, n_rows, n_columns, options.seeds, options.jobs)
    print(f"behind the best rival by more than a standard error: {behind} of {cells} cells")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
