"""Does the promise hold? Nested log loss on some groups against what others show.

    python benchmarks/honesty.py [TABLES] [--table all] [--share .1 .3 1] [--splits 50]
        [--meta logistic] [--frame-rule auto] [--jobs 1]

Each split draws a share of a table's groups at random, and of those 70 %, which teach. Promised is
the nested out-of-fold log loss on them, delivered is the log loss of the shipped stack (fitted on
all of them) on the other 30 %. Counted are, over the splits:

- z: promised minus delivered in standard errors, those of the two group bootstraps combined as
  roots of squares. An honest promise has a mean near 0 (the target is within +-.3).
- within: the share of splits in which the two differ by no more than the ends of their printed
  95 % intervals that face each other, combined likewise: what `fakeodds score` says of a promise.
  With many groups that is |z| < 1.96. The target is 90 to 98 %; over 98 % an interval is wide.
- +-1.96: |z| below that, which forgets that few groups tell little of their own spread.
- truth: the promised interval alone holds what all groups cost that did not teach; only where they
  are many, at a share below 1. A stack of fewer groups is not the stack of more: that is of the
  promise's own stack.

Splits share rows, so they are not independent draws. Tables: `shipped` is what `fakeodds demo` has,
`frames` has made-up frames around two of its detectors, of which `--frame-rule` takes the rule;
`auto` chooses it, inside the folds. Splits that are refused are counted with the reason.

Last, the labels are permuted over the whole table: then nothing can be learned, and the nested
log loss may not be better than the entropy of the share of fakes, less .003. Exit code 1 where one
of the three fails.
"""

import argparse
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from bench_tables import FILES, FRAMES, SHIPPED, TABLES, Table, bootstrap_error, losses, read
from numpy.typing import NDArray

from calibration import Interval, mean_interval
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.scores import said_variance
from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.frame_rules import DEFAULT_RULE
from predictions.parallel import side_by_side
from stacking import META_LEARNERS, Procedure, Stack, nested_predictions

TRAIN_SHARE = 0.7
EVERY_TABLE = [*FILES, SHIPPED, FRAMES]
COLUMNS = (
    *("table", "share", "groups taught", "splits", "promised", "delivered"),
    *("z", "within", "+-1.96", "truth"),
)
#: Of a frame rule: chosen, or the default.
FRAME_RULES = {"auto": None, "default": DEFAULT_RULE}


@dataclass(frozen=True)
class Split:
    """What one split showed, in nats.

    Attributes:
        promised, delivered: with their printed intervals.
        error: the two standard errors combined.
        truth: log loss of all rows whose groups did not teach; NaN where those are the delivered.
    """

    promised: Interval
    delivered: Interval
    error: float
    truth: float

    @property
    def gap(self) -> float:
        return self.promised.value - self.delivered.value

    @property
    def within(self) -> bool:
        """Whether the two intervals allow for the gap, as `workflows.score.kept` says it."""
        if self.gap < 0:
            ends = (
                self.promised.high - self.promised.value,
                self.delivered.value - self.delivered.low,
            )
        else:
            ends = (
                self.promised.value - self.promised.low,
                self.delivered.high - self.delivered.value,
            )
        return abs(self.gap) <= np.hypot(*ends)


def judge_split(table: Table, procedure: Procedure, share: float, seed: int) -> Split | str:
    """What a split showed, or why it was refused."""
    random = np.random.default_rng(seed)
    names = random.permutation(np.unique(table.groups))
    kept = names[: round(share * len(names))]
    taught, judged = (
        np.isin(table.groups, some) for some in np.split(kept, [round(TRAIN_SHARE * len(kept))])
    )
    X, y, groups = table.X[taught], table.y[taught], table.groups[taught]
    try:
        own = losses(y, nested(X, y, groups, procedure, seed))
        shipped = procedure.fit(X, y, groups)
    except InputError as refusal:
        return str(refusal)
    new = np.full(len(table.y), np.nan)
    p = shipped.predict_stages(table.X[~taught])["calibrated"].to_numpy()
    new[~taught] = losses(table.y[~taught], p)
    others = table.groups[judged]
    error = np.hypot(bootstrap_error(own, groups), bootstrap_error(new[judged], others))
    promised, delivered = (
        mean_interval(some, of, bounds=LOG_LOSS, said=said_variance(some))
        for some, of in ((own, groups), (new[judged], others))
    )
    return Split(
        *(promised, delivered),
        float(error),
        float(new[~taught].mean()) if share < 1 else np.nan,
    )


def nested(
    X: pd.DataFrame,
    y: NDArray[np.float64],
    groups: NDArray[np.int64],
    procedure: Procedure,
    seed: int,
) -> NDArray[np.float64]:
    """Nested out-of-fold probabilities (n,) of the calibrated stack."""
    folds = assign_folds(y, groups, seed=seed)
    return nested_predictions(procedure, X, y, groups, folds)["calibrated"].to_numpy()


def judge_share(
    table: Table, procedure: Procedure, share: float, splits: int, jobs: int
) -> tuple[list[Split], Counter[str]]:
    """All splits of one share of a table's groups, and how many were refused with which reason."""
    work = [(table, procedure, share, seed) for seed in range(splits)]
    shown = list(side_by_side(judge_split, work, jobs))
    return (
        [one for one in shown if isinstance(one, Split)],
        Counter(one for one in shown if isinstance(one, str)),
    )


def say(table: str, share: float, groups: int, shown: list[Split]) -> bool:
    """Print one line of the table; whether it hit both targets."""
    z = np.array([one.gap / one.error for one in shown])
    percent = [
        100 * np.mean(some)
        for some in (
            [one.within for one in shown],
            np.abs(z) <= 1.96,
            [one.promised.low <= one.truth <= one.promised.high for one in shown],
        )
    ]
    promised, delivered = (
        np.mean([getattr(one, side).value for one in shown]) for side in ("promised", "delivered")
    )
    truth = f"{percent[2]:.0f} %" if share < 1 else "-"
    print(
        f"| {table} | {share:g} | {groups} | {len(shown)} | {promised:.4f} | {delivered:.4f} "
        f"| {z.mean():+.2f} | {percent[0]:.0f} % | {percent[1]:.0f} % | {truth} |",
        flush=True,
    )
    return abs(z.mean()) <= 0.3 and 90 <= percent[0] <= 98


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--table", nargs="+", choices=[*EVERY_TABLE, "all"], default=["dfdc"])
    parser.add_argument("--share", type=float, nargs="+", default=[1.0])
    parser.add_argument("--splits", type=int, default=50)
    parser.add_argument("--meta", choices=list(META_LEARNERS), default="auto")
    parser.add_argument("--frame-rule", nargs="+", choices=list(FRAME_RULES), default=["auto"])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--no-permuted", dest="permuted", action="store_false")
    options = parser.parse_args()

    start = time.perf_counter()
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{' --- |' * len(COLUMNS)}", flush=True)
    kept, refused, permuted = True, Counter[str](), []
    for name in EVERY_TABLE if "all" in options.table else options.table:
        table = read(name, options.tables)
        for rule in options.frame_rule if name == FRAMES else ["auto"]:
            procedure = Procedure(Stack(options.meta), frame_rule=FRAME_RULES[rule])
            title = f"{name}, rule {rule}" if name == FRAMES else name
            for share in options.share:
                shown, why = judge_share(table, procedure, share, options.splits, options.jobs)
                refused += Counter(
                    {f"{title}, {share:g}: {reason}": n for reason, n in why.items()}
                )
                taught = round(TRAIN_SHARE * round(share * len(np.unique(table.groups))))
                if shown:
                    kept &= say(title, share, taught, shown)
        if options.permuted:
            shuffled = np.random.default_rng(0).permutation(table.y)
            p = nested(table.X, shuffled, table.groups, procedure, 0)
            permuted.append((name, float(losses(shuffled, p).mean()), float(shuffled.mean())))
    for reason, n in refused.items():
        print(f"refused {n} times: {reason}")
    for name, loss, fakes in permuted:
        entropy = -fakes * np.log(fakes) - (1 - fakes) * np.log1p(-fakes)
        kept &= loss >= entropy - 0.003
        print(f"{name}, permuted labels: nested log loss {loss:.4f}, share of fakes {entropy:.4f}")
    print(f"{options.meta}: {time.perf_counter() - start:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
