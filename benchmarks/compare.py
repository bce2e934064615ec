"""All subsets of a table's detectors, nested and honest: how long it takes.

    python benchmarks/compare.py TABLE [--label label] [--group group] [--jobs 2] [--at-most 60]

Prints the wall-clock and the processor seconds of `compare_subsets` with its intervals, and the
best subset of each size. Exit code 1 where the wall-clock is over --at-most.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from predictions.folds import assign_folds
from predictions.tables.scores import read_scores
from stacking.ensembles.compare import compare_subsets


def processor_seconds() -> float:
    """Of this process and of those it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("table", type=Path)
    parser.add_argument("--label", default="label")
    parser.add_argument("--group", default="group")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--at-most", type=float, default=60.0)
    options = parser.parse_args()

    table = read_scores([options.table], label=options.label, group=options.group)
    rows = table.rows
    folds = assign_folds(rows["label"], rows["group"], 5)
    wall, processor = time.perf_counter(), processor_seconds()
    found = compare_subsets(table.logits, rows["label"], rows["group"], folds, n_jobs=options.jobs)
    wall = time.perf_counter() - wall
    if options.jobs != 1:
        # Only processes that have ended are counted.
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True)
    processor = processor_seconds() - processor
    print(f"{len(found.table)} subsets of {table.scores.shape[1]} detectors on {len(rows):,} rows")
    print(f"  wall-clock {wall:.1f} s with {options.jobs} processes (target {options.at_most:g} s)")
    print(f"  processor  {processor:.1f} s, load of the machine {os.getloadavg()[0]:.1f}")
    for _, row in found.best_by_size().iterrows():
        print(f"  {row['size']:2d}  {row['log_loss']:.4f}  {', '.join(row['models'])}")
    print(f"  {found.reason}")
    inside = found.chosen_inside
    print(f"  the rule itself: {inside.value:.4f} ({inside.low:.4f} to {inside.high:.4f})")
    return 0 if wall <= options.at_most else 1


if __name__ == "__main__":
    sys.exit(main())
