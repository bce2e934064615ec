"""Whoever answers by exports that are there waits for no framework to be imported."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("openvino")

CODE = (
    "import sys\n"
    "from fakeodds.cli.group import fakeodds\n"
    "fakeodds(sys.argv[1:], standalone_mode=False, obj={'began': 0, 'leave_at_once': False})\n"
    "print({'torch', 'torchvision', 'timm', 'tensorflow', 'dask'} & set(sys.modules))"
)


def test_new_videos_are_answered_for(trained: Path, clips: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    video = next(clips.test.glob("*.mp4"))
    words = ["predict", str(run), str(video), "--jobs", "1", "-q"]
    done = subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "set()"
    assert len(pd.read_csv(run / "submission.csv")) == 1
