"""Do thresholds keep to their rate? Chosen on 70 % of the groups, counted on the other 30 %.

    python benchmarks/decide.py [TABLES] [--table dfdc] [--splits 50] [--meta logistic] [--jobs 1]

Each split fits a stack on 70 % of a table's groups, chooses thresholds for stated rates on its
out-of-fold answers (`calibration.choose_rule`), and counts on the other groups how many of their
videos the shipped stack then calls wrong. Printed is, for each rate and guarantee: how often it
could be promised, and the delivered rate, mean and spread over the splits, by videos and with every
group counting alike (what the promise on average is for); for rates with a confidence, in how many
splits the delivered rate, which has a spread of its own, was above the one asked for.
"""

import argparse
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from bench_tables import FILES, TABLES, Table, read

from calibration import Aim, choose_rule
from predictions.folds import assign_folds
from predictions.parallel import side_by_side
from stacking import META_LEARNERS, Stack, nested_predictions

AIMS = [
    Aim(**{rate: most}, confidence=confidence)
    for confidence in (None, 0.9)
    for rate in ("false_alarms", "misses")
    for most in (0.01, 0.05, 0.1)
]


def judge_split(table: Table, meta: str, seed: int) -> list[dict[str, object]]:
    """A row an aim."""
    names = np.random.default_rng(seed).permutation(np.unique(table.groups))
    taught = np.isin(table.groups, names[: round(0.7 * len(names))])
    X, y, groups = table.X[taught], table.y[taught], table.groups[taught]
    folds = assign_folds(y, groups, seed=seed)
    stack = Stack(meta, seed=seed)
    oof = nested_predictions(stack, X, y, groups, folds)["calibrated"]
    fitted = stack.fit(X, y, groups=groups)
    p = fitted.predict_proba(table.X[~taught])[:, 1]
    new, new_groups = table.y[~taught], table.groups[~taught]
    rows: list[dict[str, object]] = []
    for aim in AIMS:
        choice = choose_rule(aim, y, oof, groups)
        calls = choice.rule.decide(p)
        side = 0 if aim.false_alarms is not None else 1
        wrong = pd.Series(calls[new == side] == ("REAL" if side else "FAKE"))
        rows.append(
            {
                "rate": "misses" if side else "false alarms",
                "asked": aim.misses if side else aim.false_alarms,
                "confidence": aim.confidence or 0.0,
                "promised": choice.promises[0].guarantee != "none",
                "videos": wrong.mean(),
                "groups": wrong.groupby(new_groups[new == side]).mean().mean(),
            }
        )
    return rows


def main() -> None:
    """Split, judge, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--table", choices=list(FILES), default="dfdc")
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--rows", type=int, default=0, help="so many of the table, by chance")
    parser.add_argument("--meta", choices=list(META_LEARNERS), default="logistic")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    table = read(options.table, options.tables)
    if options.rows:
        kept = np.sort(np.random.default_rng(0).permutation(len(table.y))[: options.rows])
        table = Table(table.name, table.X.iloc[kept], table.y[kept], table.groups[kept])
    work = [(table, options.meta, seed) for seed in range(options.splits)]
    splits = side_by_side(judge_split, work, options.jobs)
    found = pd.DataFrame(list(chain.from_iterable(splits)))
    print(f"{options.table}, {options.meta}, {options.splits} splits, {len(table.y)} rows")
    for _, rows in found.groupby(["rate", "asked", "confidence"]):
        rate, asked, confidence = rows[["rate", "asked", "confidence"]].iloc[0].tolist()
        how = f"confidence {confidence:g}" if confidence else "on average    "
        percents = 100 * rows[["promised", "videos", "groups"]].astype(float)
        mean = percents.mean()
        above = (percents["videos"] > 100 * asked).mean()
        print(
            f"{rate:12} {100 * asked:4.0f} %  {how}  promised in {mean['promised']:3.0f} %, "
            f"delivered {mean['videos']:5.2f} % of videos (sd {percents['videos'].std():.2f}), "
            f"{mean['groups']:5.2f} % by groups" + (f", above in {above:.0%}" if confidence else "")
        )


if __name__ == "__main__":
    main()
