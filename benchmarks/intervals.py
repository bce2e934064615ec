"""How often do 95 % intervals hold the truth? By the number of groups, and how even they are.

    python benchmarks/intervals.py [TABLES] [--draws 400] [--groups 5 10 20 50 200]

From a population whose log loss, accuracy and AUC are known, so many groups are drawn with all of
their rows, and measured as metrics.json is (`measure_all`), with 400 replicates. Populations:

- `even`, `uneven`: simulated, 10,000 groups; rows of a group resemble each other in score and in
  label. Even groups have 10 rows each, uneven ones 1 to 400 (lognormal: half have 4 or fewer, and
  the largest tenth has half of all rows).
- the real tables and the scores that ship: nested out-of-fold answers of a logistic stack; all of
  the table is the population, and its groups are drawn with replacement.

Printed: the share of draws whose interval holds the truth, for the percentiles of the bootstrap
alone and for what is printed by fakeodds (`few_groups`), and the median of the two widths'
ratio. Twenty minutes on one core.
"""

import argparse
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
from bench_tables import FILES, SHIPPED, TABLES, read
from numpy.typing import NDArray
from scipy.special import expit

from calibration import accuracy, auc, log_loss, measure_all
from calibration.measures.few_groups import NO_WIDENING
from predictions.folds import assign_folds
from stacking import Stack, nested_predictions

MEASURES = {"log_loss": log_loss, "accuracy": accuracy, "auc": auc}
REPLICATES = 400
SIMULATED = ("even", "uneven")
POPULATION = 10_000

Population = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]


def simulate(name: str) -> Population:
    """Labels, probabilities and groups (n,) of a large population."""
    random = np.random.default_rng(0)
    sizes = np.full(POPULATION, 10)
    if name == "uneven":
        sizes = np.clip(np.round(random.lognormal(1.5, 1.3, POPULATION)), 1, 400).astype(int)
    groups = np.repeat(np.arange(POPULATION), sizes)
    z = random.normal(size=POPULATION)[groups] + random.normal(0, 1.5, len(groups))
    unseen = random.normal(size=POPULATION)[groups]
    y = (random.random(len(groups)) < expit(z + unseen)).astype(np.float64)
    return y, expit(1.2 * z), groups


def answer(name: str, folder: Path) -> Population:
    """Labels, nested out-of-fold answers and groups (n,) of a real table."""
    table = read(name, folder)
    folds = assign_folds(table.y, table.groups, seed=0)
    stages = nested_predictions(Stack("logistic"), table.X, table.y, table.groups, folds)
    return table.y, stages["calibrated"].to_numpy(), np.unique(table.groups, return_inverse=True)[1]


def cover(population: Population, n_groups: int, draws: int) -> dict[str, NDArray[np.float64]]:
    """By measure (draws, 3): whether the percentiles and the printed interval hold the truth, and
    how wide the latter is in widths of the former."""
    y, p, groups = population
    truth = {name: measure(y, p) for name, measure in MEASURES.items()}
    rows_of = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    random = np.random.default_rng(n_groups)
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in MEASURES}
    for seed in range(draws):
        own = [rows_of[group] for group in random.integers(len(rows_of), size=n_groups)]
        rows = np.concatenate(own)
        drawn = np.repeat(np.arange(n_groups), [len(some) for some in own])
        if y[rows].min() == y[rows].max():
            continue
        printed = measure_all(y[rows], p[rows], drawn, REPLICATES, seed)
        with patch("calibration.measures.summary.widening_of", return_value=NO_WIDENING):
            plain = measure_all(y[rows], p[rows], drawn, REPLICATES, seed)
        for name, value in truth.items():
            holds = [one[name]["low"] <= value <= one[name]["high"] for one in (plain, printed)]
            widths = [one[name]["high"] - one[name]["low"] for one in (plain, printed)]
            found[name].append((*holds, widths[1] / widths[0] if widths[0] else np.nan))
    return {name: np.array(one, dtype=np.float64) for name, one in found.items()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--groups", type=int, nargs="+", default=[5, 10, 20, 50, 200])
    parser.add_argument("--only", nargs="+", default=[*SIMULATED, *FILES, SHIPPED])
    options = parser.parse_args()

    columns = ["population", "groups", *MEASURES]
    print("percentiles -> printed, in % of the draws (the second's width in widths of the first)")
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}", flush=True)
    for name in options.only:
        population = simulate(name) if name in SIMULATED else answer(name, options.tables)
        for n_groups in options.groups:
            cells = [
                f"{100 * one[:, 0].mean():.0f} -> {100 * one[:, 1].mean():.0f} "
                f"({np.nanmedian(one[:, 2]):.2f})"
                for one in cover(population, n_groups, options.draws).values()
            ]
            print(f"| {' | '.join([name, str(n_groups), *cells])} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
