"""Deadlines of a fifth, a half and the whole of the time that sixty clips take: kept, and worth it?

    python benchmarks/deadline.py [--out runs/deadline] [--repeats 3]

A made-up labelled set (that of `fakeodds demo`) is trained on; sixty other clips are predicted:
once with hours of time, which tells how long everything takes, then with deadlines of 20, 50 and
100 % of that. Printed for each: whether it ended in time, whether the submission is complete, how
many clips had which look, and the log loss against the labels. Exit code 1 where one was late or
incomplete.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from calibration import log_loss
from fakeodds.demo.data import make_demo_set

FAKEODDS = Path(sys.executable).with_name("fakeodds")
TRAINING = (
    *("--frames", "16", "--crop", "96", "--size", "64", "--weights", "scratch", "--epochs", "7"),
    *("--frames-per-video", "6", "--lr", "0.001", "--workers", "2", "--folds", "3"),
)
CLIPS = 60


def predict(run: Path, clips: Path, seconds: float) -> tuple[float, pd.Series, dict]:
    """Wall seconds, probabilities by clip, and deadline.json."""
    for left in (run / "test", run / "submission.csv", run / "deadline.json"):
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    began = time.perf_counter()
    command = [FAKEODDS, "predict", run, clips, "--deadline", f"{round(seconds)}s"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    table = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    return wall, table, json.loads((run / "deadline.json").read_text())


def main() -> None:
    """Train, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/deadline"))
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    taught = make_demo_set(asked.out / "taught", seed=0)
    judged = make_demo_set(asked.out / "judged", people=30, seed=1)
    labels = pd.read_csv(judged.train / "labels.csv").set_index("file")["label"].iloc[:CLIPS]
    clips = asked.out / "clips"
    shutil.rmtree(clips, ignore_errors=True)
    clips.mkdir(parents=True)
    for name in labels.index:
        shutil.copy(judged.train / name, clips / name)
    run = asked.out / "run"
    subprocess.run([FAKEODDS, "run", taught.train, "--out", run, *TRAINING], check=True)
    predict(run, clips, 3600)  # exports the networks
    whole, _, _ = predict(run, clips, 3600)
    print(f"{len(labels)} clips; without a deadline that matters: {whole:.1f} s")
    failed = False
    for share in (0.2, 0.5, 1.0):
        for _ in range(asked.repeats):
            limit = max(1, round(share * whole))
            wall, found, report = predict(run, clips, limit)
            complete = set(found.index) == set(labels.index) and bool(np.isfinite(found).all())
            looks = [look["videos"] for look in report["looks"]]
            failed |= wall > limit or not complete
            print(
                f"{share:4.0%} ({limit:3d} s): ended after {wall:5.1f} s, "
                f"{'complete' if complete else 'INCOMPLETE'}; looks {looks}, none "
                f"{report['not_looked_at']}; log loss {log_loss(labels, found[labels.index]):.4f}"
            )
    sys.exit(failed)


if __name__ == "__main__":
    main()
