"""The notebook of a bundle in an empty environment without a network; the same answers as here?

    fakeodds bundle RUN --out BUNDLE --wheels all
    python benchmarks/offline.py BUNDLE VIDEOS [--run RUN] [--sample CSV]

Makes an environment that holds nothing but pip, and runs the notebook's code cells in it below
`unshare --net` (Linux), with an empty home and a bundle that cannot be written to, so that whatever
is not in the bundle is missing. With --run, RUN predicts the same videos here and the answers are
compared; then once more without a deadline, when every detector looks at every video.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from fakeodds.bundle.notebook import NAME, code_of

_NO_NETWORK = ("unshare", "--map-root-user", "--net")
_ASK_FOR_NETWORK = "import socket; socket.create_connection(('1.1.1.1', 53), 5)"


def without_network(command: list[str], **rest: object) -> subprocess.CompletedProcess[str]:
    """Run a command where no network is, not even the machine's own address."""
    return subprocess.run([*_NO_NETWORK, *command], text=True, **rest)  # type: ignore[call-overload]


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("videos", type=Path)
    parser.add_argument("--run", type=Path, help="the run that the bundle was made of")
    parser.add_argument("--sample", type=Path)
    parser.add_argument("--hours", default="1", help="what the notebook may take")
    asked = parser.parse_args()
    # Some of what follows is run elsewhere.
    asked.bundle, asked.videos = asked.bundle.resolve(), asked.videos.resolve()
    asked.sample = asked.sample and asked.sample.resolve()
    with TemporaryDirectory() as folder:
        work = Path(folder)
        answers = answer_offline(asked, work)
        if asked.run is None:
            return
        run = work / "here"
        shutil.copytree(asked.run, run, ignore=shutil.ignore_patterns("test", "deadline.*"))
        here = [sys.executable]
        limit = ["--deadline", f"{asked.hours}h"]
        compare(answers, predict(run, asked, here, limit))
        packed = work / "packed"
        shutil.copytree(asked.bundle / "run", packed)
        offline = [*_NO_NETWORK, str(work / "empty" / "bin" / "python")]
        print("without a deadline:")
        compare(predict(packed, asked, offline, []), predict(run, asked, here, []))


def answer_offline(asked: argparse.Namespace, work: Path) -> pd.DataFrame:
    """submission.csv of the notebook."""
    subprocess.run([sys.executable, "-m", "venv", work / "empty"], check=True)
    python = str(work / "empty" / "bin" / "python")
    there = without_network([python, "-m", "pip", "list", "--format=freeze"], capture_output=True)
    print("in the environment:", ", ".join(there.stdout.split()))
    refused = without_network([python, "-c", _ASK_FOR_NETWORK], capture_output=True)
    if not refused.returncode:
        raise SystemExit("there is a network; nothing would be shown.")
    print("network:", refused.stderr.strip().splitlines()[-1])
    script = work / "notebook.py"
    script.write_text(code_of(asked.bundle / NAME), encoding="utf-8")
    (work / "home").mkdir()
    said = {
        "PATH": os.environ["PATH"],
        "HOME": str(work / "home"),
        "TMPDIR": str(work),
        "FAKEODDS_BUNDLE": str(asked.bundle),
        "FAKEODDS_VIDEOS": str(asked.videos),
        "FAKEODDS_SAMPLE": str(asked.sample or work / "none.csv"),
        "FAKEODDS_OUTPUT": str(work / "output"),
        "FAKEODDS_HOURS": asked.hours,
    }
    began = time.monotonic()
    without_network([python, "-u", str(script)], cwd=work, env=said, check=True)
    print(f"the notebook took {time.monotonic() - began:.0f} s")
    return pd.read_csv(work / "output" / "submission.csv")


def predict(
    run: Path, asked: argparse.Namespace, python: list[str], options: list[str]
) -> pd.DataFrame:
    """submission.csv of a run by a Python."""
    (run / "submission.csv").unlink(missing_ok=True)
    command = ["predict", str(run), str(asked.videos), *options]
    if asked.sample:
        command += ["--sample", str(asked.sample)]
    code = "from fakeodds.cli.main import main; main()"
    subprocess.run([*python, "-c", code, *command], cwd=run.parent, check=True)
    return pd.read_csv(run / "submission.csv")


def compare(offline: pd.DataFrame, here: pd.DataFrame) -> None:
    """Say how far apart they are; probabilities that differ by more than .0001 end in an error."""
    if list(offline["filename"]) != list(here["filename"]):
        raise SystemExit("the two submissions have other videos, or another order.")
    apart = np.abs(offline["label"] - here["label"])
    print(f"{len(here)} videos; probabilities differ by {apart.max():.2g} at most")
    if not apart.max() <= 1e-4:
        raise SystemExit("the answers are not the same.")


if __name__ == "__main__":
    main()
