"""Whoever answers by exports that are there waits for no framework to be imported."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests import forks

pytest.importorskip("torch")
pytest.importorskip("openvino")

CODE = (
    "import sys\n"
    "from fakeodds.cli.group import fakeodds\n"
    "fakeodds(sys.argv[1:], standalone_mode=False, obj={'began': 0, 'leave_at_once': False})\n"
    "print({'torch', 'torchvision', 'timm', 'tensorflow', 'dask'} & set(sys.modules))"
)


def test_new_videos_are_answered_for(
    small_run: tuple[str, ...], clips: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    # Of a detector of ours: timm itself is asked what a network of timm's is.
    at = small_run.index("--detectors") + 1
    options = (*small_run[:at], "mobilenetv2", *small_run[at + 1 :], "--no-report")
    forks.run(forks.MAIN, "run", clips.train, "--out", run, *options, check=True)
    video = next(clips.test.glob("*.mp4"))
    words = ["predict", str(run), str(video), "--jobs", "1", "-q"]
    # The exports are made.
    forks.run(forks.MAIN, *words, check=True)
    shutil.rmtree(run / "test")
    (run / "submission.csv").unlink()
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"
    assert len(pd.read_csv(run / "submission.csv")) == 1
