"""How often is a doubted label wrong? On tables in which labels were turned round on purpose.

    python benchmarks/label_errors.py [TABLES] [--seeds 3] [--meta logistic]
    python benchmarks/label_errors.py --clean

Of each table 1, 2 and 5 % of the labels are turned round at random, or whole groups at once until
2 or 5 % are; the stack is judged out of fold on those labels (nested, by group), and its doubts
(`calibration.label_doubts`) are compared with what was planted. Labels that were wrong before count
as right, so that what is printed is the least.

- noise: the share of labels that can be wrong, as it is estimated.
- top 10, top 50: of the labels that are doubted most, the share that was planted.
- likely: how many are said to be rather wrong than right, how many of them should be (said), how
  many are (right), and what share of the planted ones they are (recall).
- doubted: the same of all that are contradicted (confident learning's thresholds).
- groups: whole groups that are doubted as one, how many of them were planted as one, of how many.

Of ASVspoof the first 20 speakers are taken. Two minutes a seed.

`--clean` draws 200 data sets whose labels are all right, with the exact probabilities, and prints
in what share of them so many labels or more are said to be wrong: how often somebody would be told.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from bench_tables import FILES, SHIPPED, TABLES, Table, read
from numpy.typing import NDArray
from scipy.special import expit

from calibration import LabelDoubts, auc, label_doubts
from predictions.folds import assign_folds
from stacking import META_LEARNERS, Stack, nested_predictions

PLANS = (
    ("rows", 0.0),
    *(("rows", share) for share in (0.01, 0.02, 0.05)),
    *(("groups", share) for share in (0.02, 0.05)),
)
COLUMNS = (
    *("table", "turned round", "labels", "noise", "top 10", "top 50"),
    *("likely", "said", "right", "recall", "doubted", "right", "recall", "groups"),
)
SPEAKERS = 20


def plant(table: Table, what: str, share: float, seed: int) -> NDArray[np.bool_]:
    """The labels to turn round, (n,)."""
    random = np.random.default_rng(seed)
    wrong = np.zeros(len(table.y), dtype=bool)
    if what == "rows":
        wrong[random.choice(len(wrong), round(share * len(wrong)), replace=False)] = True
        return wrong
    for name in random.permutation(np.unique(table.groups)):
        if wrong.sum() >= share * len(wrong):
            break
        wrong |= table.groups == name
    return wrong


def doubt(
    table: Table, wrong: NDArray[np.bool_], meta: str
) -> tuple[LabelDoubts, NDArray[np.intp]]:
    """The doubts of a stack that learned from those labels, and their order."""
    y = np.where(wrong, 1 - table.y, table.y)
    folds = assign_folds(y, table.groups, seed=0)
    stages = nested_predictions(Stack(meta), table.X, y, table.groups, folds)
    doubts = label_doubts(y, stages["calibrated"].to_numpy(), table.groups)
    before = stages["stacked"].to_numpy()
    return doubts, doubts.order(np.where(y == 1, before, 1 - before))


def row_of(table: Table, wrong: NDArray[np.bool_], meta: str) -> list[float]:
    """One table's numbers, as COLUMNS has them from `labels` on; three of the last."""
    doubts, order = doubt(table, wrong, meta)
    found = [float(wrong.sum()), 100 * doubts.noise]
    found += [100 * float(wrong[order[:n]].mean()) for n in (10, 50)]
    said = [float(doubts.wrong[doubts.real].sum())]
    for kind, more in ((doubts.real, said), (doubts.doubted, [])):
        right = float((wrong & kind).sum())
        found += [float(kind.sum()), *more, right, 100 * right / max(wrong.sum(), 1)]
    whole, planted = (
        {*np.unique(table.groups[rows])}
        for rows in (doubts.with_group, wrong & np.isin(table.groups, table.groups[wrong]))
    )
    return [*found, len(whole), len(whole & planted), len(planted)]


def clean_labels(draws: int = 200) -> None:
    """How many labels are said to be wrong where none is."""
    print("| AUC | videos | said, mean | 1 or more | 2 or more | 3 or more |")
    print("| --- | --- | --- | --- | --- | --- |", flush=True)
    for apart in (1.0, 1.5, 2.0, 3.0):
        for rows in (150, 1000, 5000):
            random, said, areas = np.random.default_rng(0), [], []
            for _ in range(draws):
                y = (random.random(rows) < 0.5).astype(np.float64)
                x = (2 * y - 1) * apart + 1.2 * random.normal(size=rows)
                p = expit(2 * apart * x / 1.2**2)
                found = label_doubts(y, p)
                said.append(found.wrong[found.real].sum())
                areas.append(auc(y, p))
            shares = " | ".join(f"{100 * np.mean(np.array(said) >= n):.0f} %" for n in (1, 2, 3))
            print(f"| {np.mean(areas):.2f} | {rows} | {np.mean(said):.2f} | {shares} |", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--meta", choices=list(META_LEARNERS), default="logistic")
    parser.add_argument("--clean", action="store_true", help="right labels, and no tables")
    options = parser.parse_args()
    if options.clean:
        clean_labels()
        return 0

    print(f"Means of {options.seeds} seeds, shares in %.")
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}", flush=True)
    for name in (*FILES, SHIPPED):
        table = read(name, options.tables)
        if name == "asvspoof":
            own = table.groups < SPEAKERS
            table = Table(name, table.X[own], table.y[own], table.groups[own])
        for what, share in PLANS:
            rows = [
                row_of(table, plant(table, what, share, seed), options.meta)
                for seed in range(options.seeds if share else 1)
            ]
            *cells, groups, right, planted = np.mean(rows, axis=0)
            shown = [f"{cell:.{2 if i == 1 else 0}f}" for i, cell in enumerate(cells)]
            whole = (
                f"{groups:.1f}, {right:.1f} of {planted:.0f}"
                if what == "groups"
                else f"{groups:.1f}"
            )
            title = f"{100 * share:.0f} %, {what}" if share else "none"
            print(f"| {' | '.join([name, title, *shown, whole])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
