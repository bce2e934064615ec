"""Does the promise hold? Nested log loss on 70 % of the groups against what the other 30 % show.

    python benchmarks/honesty.py [TABLES] [--splits 50] [--meta auto] [--jobs 1]

Each split draws 70 % of the DFDC table's groups at random. Promised is the nested out-of-fold log
loss on those, delivered is the log loss of the shipped stack (fitted on all of them) on the
others. The difference is divided by the two group-bootstrap standard errors, combined as roots of
squares. Over many splits an honest promise has a mean near 0 (the target is within +-.3) and lies
within +-1.96 in 90 to 98 % of them. Splits share rows, so they are not independent draws.

Last, the labels are permuted over the whole table: then nothing can be learned, and the nested
log loss may not be better than .690. Exit code 1 where one of the three fails.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bench_tables import FILES, TABLES, Table, bootstrap_error, losses, read
from numpy.typing import NDArray

from predictions.folds import assign_folds
from predictions.parallel import side_by_side
from stacking import META_LEARNERS, Stack, nested_predictions

TRAIN_SHARE = 0.7


def judge_split(table: Table, meta: str, seed: int) -> tuple[float, float, float]:
    """Promised and delivered log loss, and their combined standard error."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(table.groups))
    taught = np.isin(table.groups, names[: round(TRAIN_SHARE * len(names))])
    X, y, groups = table.X[taught], table.y[taught], table.groups[taught]
    promised = losses(y, nested(X, y, groups, meta, seed))
    shipped = Stack(meta, seed=seed).fit(X, y, groups=groups)
    delivered = losses(table.y[~taught], shipped.predict_proba(table.X[~taught])[:, 1])
    error = np.hypot(
        bootstrap_error(promised, groups), bootstrap_error(delivered, table.groups[~taught])
    )
    return float(promised.mean()), float(delivered.mean()), float(error)


def nested(
    X: pd.DataFrame,
    y: NDArray[np.float64],
    groups: NDArray[np.int64],
    meta: str,
    seed: int,
) -> NDArray[np.float64]:
    """Nested out-of-fold probabilities (n,) of the calibrated stack."""
    folds = assign_folds(y, groups, seed=seed)
    return nested_predictions(Stack(meta, seed=seed), X, y, groups, folds)["calibrated"].to_numpy()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--table", choices=list(FILES), default="dfdc")
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--meta", choices=list(META_LEARNERS), default="auto")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()

    table = read(options.table, options.tables)
    start = time.perf_counter()
    work = [(table, options.meta, seed) for seed in range(options.splits)]
    results = []
    for result in side_by_side(judge_split, work, options.jobs):
        results.append(result)
        promised, delivered, error = result
        print(
            f"split {len(results) - 1:3}: promised {promised:.4f}, delivered {delivered:.4f}, "
            f"z {(promised - delivered) / error:+.2f}",
            flush=True,
        )
    promised, delivered, error = np.array(results).T
    z = (promised - delivered) / error
    mean, share = float(z.mean()), float((np.abs(z) <= 1.96).mean())
    seconds = time.perf_counter() - start
    print(f"{options.table}, {options.meta}, {options.splits} splits, {seconds:.0f} s")
    print(
        f"promised - delivered: mean {(promised - delivered).mean():+.5f}, in standard errors "
        f"mean {mean:+.3f} (target -.3 to .3), spread {z.std(ddof=1) if len(z) > 1 else 0:.2f}, "
        f"within +-1.96: {100 * share:.0f} % (target 90 to 98 %)"
    )

    shuffled = np.random.default_rng(0).permutation(table.y)
    p = nested(table.X, shuffled, table.groups, options.meta, 0)
    permuted = float(losses(shuffled, p).mean())
    print(f"permuted labels: nested log loss {permuted:.4f} (target .690 or more)")
    return 0 if abs(mean) <= 0.3 and 0.9 <= share <= 0.98 and permuted >= 0.69 else 1


if __name__ == "__main__":
    sys.exit(main())
