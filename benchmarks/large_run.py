"""A run folder of 100,000 videos: how long it takes to make from scores, and to open.

    python benchmarks/large_run.py [--videos 100000] [--detectors 5] [--engine local]

The scores are drawn (a video's truth, a shift of its identity, noise of each detector): time and
memory do not depend on where they came from. `fakeodds stack` makes the run (once: naming the
folder again goes on); then a fresh process opens it, three times: run.json, metrics.json, the
out-of-fold table and the stack. Printed: seconds of both, without and with the start of Python and
its imports, and the most memory held.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bench_memory import measure_command

OPEN = """
import json, resource, sys, time
from pathlib import Path
import pandas as pd
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.submission import out_of_fold
from stacking import load_stack
began = time.perf_counter()
run = RunFolder.existing(Path(sys.argv[1]))
json.loads(run.metrics.read_text())
rows = len(pd.read_csv(run.oof))
load_stack(run.stack)
seconds = time.perf_counter() - began
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": rows, "seconds": seconds, "mb": memory}))
"""


def draw_scores(videos: int, detectors: int, path: Path) -> None:
    """A wide CSV of probabilities with labels and identities."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, videos)
    group = rng.integers(0, max(1, videos // 20), videos)
    shift = rng.normal(0, 0.5, videos // 20 + 1)[group]
    table = {"video": [f"{i:06d}.mp4" for i in range(videos)], "label": label, "group": group}
    for number in range(detectors):
        logit = (2 * label - 1) * (0.5 + 0.2 * number) + shift + rng.normal(0, 1.5, videos)
        table[f"detector{number}"] = 1 / (1 + np.exp(-logit))
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(table).to_csv(path, index=False, float_format="%.6g")


def main() -> None:
    """Make, open, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--detectors", type=int, default=5)
    parser.add_argument("--engine", default="local", help="of `fakeodds stack`")
    parser.add_argument("--meta", default="auto", help="of `fakeodds stack`")
    parser.add_argument("--no-report", action="store_true", help="of `fakeodds stack`")
    parser.add_argument("--out", type=Path, default=Path("runs/large"))
    asked = parser.parse_args()
    scores, run = asked.out / "scores.csv", asked.out / "run"
    draw_scores(asked.videos, asked.detectors, scores)
    words = ["stack", scores, "--out", run, "--engine", asked.engine, "--meta", asked.meta]
    words += ["--no-report"] if asked.no_report else []
    seconds, mb = measure_command(*words)
    print(
        f"fakeodds stack --meta {asked.meta} of {asked.videos} videos by {asked.detectors} "
        f"detectors, engine {asked.engine}: {seconds:.1f} s, {mb:.0f} MB in all its processes"
    )
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", OPEN, run], check=True, capture_output=True, text=True
        )
        whole, found = time.perf_counter() - began, json.loads(done.stdout)
        print(
            f"opened ({found['rows']} rows): {found['seconds']:.2f} s, {whole:.2f} s with Python's "
            f"start and imports; {found['mb']:.0f} MB"
        )


if __name__ == "__main__":
    main()
