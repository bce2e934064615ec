"""Which detectors to take: rules of choice, judged on groups that chose nothing.

    python benchmarks/ensemble_choice.py [TABLES] [--repeats 10] [--seed 0]

Of a table some groups teach and the others judge. Each rule takes a subset by what the teaching
groups say, and pays what that subset costs on the others (combined as `compare` combines):

- ours       `choose_ensemble`, what `stack` and `run` do
- smallest   the fewest within one standard error of the best length (`--take smallest`)
- lowest     of all subsets (or 200 drawn ones) that with the lowest loss on inner folds
- one_error  of the same the smallest within one standard error of the lowest

`dfdc26` is the DFDC table with seventeen noisy copies of its detectors. Printed are log losses less
that of taking all detectors, means over the repeats: negative is a gain.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from bench_tables import TABLES, Table, losses, read

from calibration.measures.bootstrap import group_sums
from predictions.groups import group_codes
from stacking.choose.ensemble import choose_ensemble
from stacking.ensembles.differences import paired_differences
from stacking.ensembles.judge import subset_probabilities
from stacking.ensembles.subsets import MOST_FOR_ALL, all_subsets, random_subsets
from stacking.inner_folds import inner_folds

#: Table, groups that teach, rows a group and label.
SETTINGS = (
    ("ffpp", 15, 6),
    ("ffpp", 30, 6),
    ("ffpp", 80, 6),
    ("dfdc", 25, 8),
    ("dfdc", 80, 8),
    ("dfdc", 200, 6),
    ("dfdc26", 40, 8),
    ("dfdc26", 120, 6),
)
RULES = ("ours", "smallest", "lowest", "one_error")


def table_of(name: str, folder: Path) -> Table:
    """A real table, or one with noisy copies."""
    table = read(name.removesuffix("26"), folder)
    if name == "dfdc26":
        random = np.random.default_rng(1)
        X = table.X.copy()
        for copy in range(17):
            column = table.X.iloc[:, copy % table.X.shape[1]]
            spread = column.std() * random.uniform(0.5, 2)
            X[f"copy{copy}"] = column + spread * random.standard_normal(len(column))
        table = Table(name, X, table.y, table.groups)
    return table


def one_repeat(table: Table, n_groups: int, per_group: int, seed: int) -> dict[str, float]:
    """What each rule's subset costs less all detectors, for one draw of groups."""
    random = np.random.default_rng(seed)
    teaching = np.isin(table.groups, random.permutation(table.groups.max() + 1)[:n_groups])
    rows = np.flatnonzero(teaching)
    place = pd.Series(random.random(len(rows))).groupby([table.groups[rows], table.y[rows]]).rank()
    rows = rows[place.to_numpy() <= per_group]
    judging = np.flatnonzero(~teaching)
    judging = random.choice(judging, min(len(judging), 4000), replace=False)
    X, y = table.X.to_numpy(np.float64), table.y
    codes = group_codes(table.groups[rows], len(rows))
    k = X.shape[1]
    masks = all_subsets(k) if k <= MOST_FOR_ALL else random_subsets(k, 200, seed)
    inner = np.zeros((len(rows), len(masks)))
    folds = inner_folds(y[rows], codes, 5, 0)
    for fold in np.unique(folds):
        out = folds == fold
        own = group_codes(codes[~out], int((~out).sum()))
        p = subset_probabilities(X[rows[~out]], y[rows[~out]], own, X[rows[out]], masks)
        inner[out] = losses(y[rows[out], None], p)
    counts = np.bincount(codes).astype(np.float64)
    sums = group_sums(inner, codes, len(counts))
    lowest = int(np.argmin(sums.sum(axis=0)))
    difference, error = paired_differences(sums, counts, lowest)
    near = np.flatnonzero(difference <= error)
    one_error = min([*near, lowest], key=lambda s: (masks[s].sum(), difference[s]))
    taken = {"lowest": masks[lowest], "one_error": masks[one_error]}
    names = list(table.X)
    for rule, take in (("ours", "recommended"), ("smallest", "smallest")):
        chosen = choose_ensemble(table.X.iloc[rows], y[rows], codes, take=take)
        every = np.ones(k, dtype=bool)
        taken[rule] = every if chosen is None else np.isin(names, chosen.models)
    shown = np.vstack([np.ones((1, k), dtype=bool), *(taken[rule][None] for rule in RULES)])
    p = subset_probabilities(X[rows], y[rows], codes, X[judging], shown)
    costs = losses(y[judging, None], p).mean(axis=0)
    return dict(zip(RULES, costs[1:] - costs[0], strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="?", type=Path, default=TABLES)
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    print(f"{'table':8} {'groups':>6}  " + "  ".join(f"{rule:>9}" for rule in RULES))
    for name, n_groups, per_group in SETTINGS:
        table = table_of(name, asked.tables)
        found = pd.DataFrame(
            [
                one_repeat(table, n_groups, per_group, asked.seed + repeat)
                for repeat in range(asked.repeats)
            ]
        )
        means = "  ".join(f"{value:+9.4f}" for value in found[list(RULES)].mean())
        print(f"{name:8} {n_groups:6}  {means}", flush=True)


if __name__ == "__main__":
    main()
