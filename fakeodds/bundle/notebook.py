"""`submission.ipynb`: from a bundle and a folder of videos to submission.csv, without a network."""

import json
from pathlib import Path
from typing import Any

from predictions.files import write_text

NAME = "submission.ipynb"

_CELLS: tuple[tuple[str, str], ...] = (
    (
        "markdown",
        """
# One calibrated probability per video, offline

Made by `fakeodds bundle`. Installs fakeodds from the bundle's wheels, predicts every video within a
deadline, and writes `submission.csv`. No cell needs the internet.

1. Upload the bundle's folder as a dataset, and attach it to this notebook together with the
   competition's data.
2. Say below where things are. Every path can also be given as an environment variable.
3. Run all cells, and submit.
""",
    ),
    (
        "code",
        """
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BEGAN = time.monotonic()

# The bundle; where it is not, every attached dataset is looked through.
BUNDLE = Path(os.environ.get("FAKEODDS_BUNDLE", "/kaggle/input/@SLUG@"))
# The videos to predict.
VIDEOS = Path(
    os.environ.get(
        "FAKEODDS_VIDEOS", "/kaggle/input/deepfake-detection-challenge/test_videos"
    )
)
# The sample submission, whose names and order are kept; without such a file, all videos are listed.
SAMPLE = Path(
    os.environ.get(
        "FAKEODDS_SAMPLE", "/kaggle/input/deepfake-detection-challenge/sample_submission.csv"
    )
)
# Where submission.csv goes.
OUTPUT = Path(os.environ.get("FAKEODDS_OUTPUT", "/kaggle/working"))
# For this whole notebook, in hours: below the nine that are allowed.
HOURS = float(os.environ.get("FAKEODDS_HOURS", "8.5"))
# The share of fakes among the new videos, where it differs from training: "0.1", or "auto".
PRIOR = os.environ.get("FAKEODDS_PRIOR", "")
""",
    ),
    (
        "code",
        """
def is_bundle(folder):
    listing = folder / "MANIFEST.json"
    return listing.is_file() and '"fakeodds_bundle"' in listing.read_text()


if not is_bundle(BUNDLE):
    attached = Path("/kaggle/input")
    there = [
        listing.parent
        for depth in ("*", "*/*", "*/*/*", "*/*/*/*")
        for listing in attached.glob(f"{depth}/MANIFEST.json")
        if is_bundle(listing.parent)
    ]
    if not there:
        raise SystemExit(f"{BUNDLE}: no bundle is here; attach the dataset, or set BUNDLE above.")
    BUNDLE = there[0]
if not VIDEOS.is_dir():
    raise SystemExit(f"{VIDEOS}: no such folder; set VIDEOS above.")

MANIFEST = json.loads((BUNDLE / "MANIFEST.json").read_text())
for file in MANIFEST["files"]:
    path = BUNDLE / file["path"]
    if not path.is_file():
        raise SystemExit(f"{path} is missing: upload the whole folder again.")
    with path.open("rb") as opened:
        if hashlib.file_digest(opened, "sha256").hexdigest() != file["sha256"]:
            raise SystemExit(f"{path} has arrived damaged: upload it again.")
print(f"{BUNDLE}: {len(MANIFEST['files'])} files, all as they were made")
""",
    ),
    (
        "markdown",
        """
## Install

What is installed here already and recent enough is kept; the rest comes from the bundle.
""",
    ),
    (
        "code",
        """
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
if MANIFEST["versions"] and MANIFEST["python"] != HERE:
    print(
        f"The wheels are for Python {MANIFEST['python']}, and this is {HERE}. If installing fails: "
        f"fakeodds bundle RUN --out FOLDER --python-version {HERE} --platform linux_x86_64"
    )
# Settings of pip that name other sources would only make it wait.
quiet = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
install = [sys.executable, "-m", "pip", "install", "--no-index", "--quiet", "--isolated"]
install += ["--find-links", BUNDLE / "wheels", "-r", BUNDLE / "wheels" / "requirements.txt"]
subprocess.run([str(part) for part in install], check=True, env=quiet)
print(f"installed after {time.monotonic() - BEGAN:.0f} s")
""",
    ),
    (
        "markdown",
        """
## Predict

The bundle is read-only, so the run is copied first. A complete `submission.csv` is there after the
first seconds: every video has the answer for "nothing seen", then a cheap look, then closer ones
where they are expected to lower log loss most, until all is done or time is up.
""",
    ),
    (
        "code",
        """
WORK = Path(tempfile.mkdtemp(prefix="fakeodds-"))
for file in MANIFEST["files"]:
    if file["path"].startswith("run/"):
        target = WORK / file["path"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(BUNDLE / file["path"], target)

left = max(int(HOURS * 3600 - (time.monotonic() - BEGAN)), 1)
command = ["predict", "run", VIDEOS.resolve(), "--deadline", f"{left}s"]
if SAMPLE.is_file():
    command += ["--sample", SAMPLE.resolve()]
if PRIOR:
    command += ["--prior", PRIOR]
for named in MANIFEST["code"]:
    print(f"runs the Python code that came with the run: {named}")
    command += ["--code", named]
code = "from fakeodds.cli.main import main; main()"
ended = subprocess.run(
    [sys.executable, "-c", code, *map(str, command)],
    cwd=WORK,
    env={**os.environ, "HF_HUB_OFFLINE": "1"},
)
made = WORK / "run" / "submission.csv"
if not made.is_file():
    raise SystemExit("No submission was made; what fakeodds says above tells why.")
if ended.returncode:
    print("Predicting ended early; the submission is complete, with what was known by then.")
OUTPUT.mkdir(parents=True, exist_ok=True)
shutil.copyfile(made, OUTPUT / "submission.csv")
print(f"{OUTPUT / 'submission.csv'} after {time.monotonic() - BEGAN:.0f} s")
""",
    ),
    (
        "code",
        """
lines = (OUTPUT / "submission.csv").read_text().splitlines()
report = WORK / "run" / "deadline.json"
if report.is_file():
    told = json.loads(report.read_text())
    print(f"{told['videos']} videos, {told['not_looked_at']} of them not looked at")
    for video, reason in list(told["without_scores"].items())[:10]:
        print(f"  {video}: {reason}")
print(f"{len(lines) - 1} rows")
print(*lines[:6], sep="\\n")
shutil.rmtree(WORK)
""",
    ),
)


def write_notebook(folder: Path, slug: str) -> None:
    """Write the notebook into `folder`; `slug` is what the dataset will probably be called."""
    cells: list[dict[str, Any]] = []
    for number, (kind, text) in enumerate(_CELLS):
        lines = text.strip("\n").replace("@SLUG@", slug).splitlines(keepends=True)
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        cells.append({**cell, "source": lines})
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    book = {
        "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n", folder / NAME)


def code_of(notebook: Path) -> str:
    """The code cells of a notebook as one script."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code") + "\n"
