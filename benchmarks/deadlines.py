"""Deadlines of 5 to 60 s, on the machine as it is and on a quarter of a core: kept, and said?

    python benchmarks/deadlines.py [--out runs/deadlines] [--seconds 5 10 20] [--run RUN VIDEOS]

Without --run, a small run is made of made-up clips. The quarter of a core is made by stopping the
command and all its processes three quarters of the time, on one core. Printed for each deadline:
how long the command took, by the clock of whoever calls it; how many videos were looked at; whether
submission.csv is complete and its products whole; and what was said where it was late or broken
off. A late end that is said counts as kept only at a quarter of a core, below ten seconds: there
Python itself takes longer. Exit code 1 where one is not kept.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

from fakeodds.demo.data import make_demo_set
from fakeodds.run.folder import RunFolder

COMMAND = (sys.executable, "-c", "from fakeodds.cli.main import main; main()")
TRAINING = (
    *("--frames", "6", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "mobilenetv3_large,resnet50", "--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature", "--no-report"),
)
#: Seconds in which the command is stopped and let go once.
PERIOD = 0.1


def family(root: int) -> list[int]:
    """A process and all that it started."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_bytes().rpartition(b")")[2].split()[1])
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found


def signalled(processes: list[int], number: signal.Signals) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def timed(command: list[str], share: float) -> tuple[float, int, str]:
    """Seconds, exit code and standard error of a command that gets a share of one core."""
    began = time.monotonic()
    core = ["taskset", "-c", "0"] if share < 1 and shutil.which("taskset") else []
    with subprocess.Popen(
        [*core, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        while share < 1 and process.poll() is None:
            time.sleep(PERIOD * share)
            processes = family(process.pid)
            signalled(processes, signal.SIGSTOP)
            time.sleep(PERIOD * (1 - share))
            signalled(processes[::-1], signal.SIGCONT)
        said = process.communicate()[1]
    return time.monotonic() - began, process.returncode, " ".join(said.split())


def main() -> None:
    """Make a run, predict by each deadline, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/deadlines"))
    parser.add_argument("--run", type=Path, nargs=2, metavar=("RUN", "VIDEOS"))
    parser.add_argument("--seconds", type=int, nargs="+", default=[5, 10, 20, 40, 60])
    asked = parser.parse_args()
    if asked.run is None:
        made = make_demo_set(asked.out / "clips", people=6, test_people=12, seed=2)
        finished, videos = asked.out / "made", made.test
        given = [*COMMAND, "run", str(made.train), "--out", str(finished), *TRAINING]
        subprocess.run(given, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        finished, videos = asked.run
    names = sorted(path.relative_to(videos).as_posix() for path in videos.rglob("*.mp4"))
    print("machine          asked    took  looked at  complete  said")
    failed = 0
    for machine, share in (("as it is", 1.0), ("quarter of a core", 0.25)):
        for seconds in asked.seconds:
            run = asked.out / "run"
            shutil.rmtree(run, ignore_errors=True)
            shutil.copytree(finished, run, ignore=shutil.ignore_patterns("test", "deadline.*"))
            command = [*COMMAND, "predict", str(run), str(videos), "--deadline", f"{seconds}s"]
            took, code, said = timed(command, share)
            table = pd.read_csv(run / "submission.csv")
            report = json.loads((run / "deadline.json").read_text())
            folder = RunFolder.existing(run, reads=True)
            complete = sorted(table["filename"]) == names and bool(
                table["label"].between(0, 1).all()
            )
            complete &= folder.has("submission") and folder.has("deadline")
            told = (
                "late"
                if "after the deadline" in said
                else "broken off" * bool(report["broken_off"])
            )
            small = share < 1 and seconds < 10
            kept = took <= seconds or (small and told == "late")
            failed += code != 0 or not complete or not kept
            print(
                f"{machine:17} {seconds:4d} {took:7.1f} "
                f"{report['videos'] - report['not_looked_at']:4d} of {report['videos']:<4d}"
                f"{'yes' if complete else 'NO':>8}  {told}{'' if kept else '  NOT KEPT'}",
                flush=True,
            )
    print(f"{failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
