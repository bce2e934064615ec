"""A network of one's own from the command line: named in run, and again wherever it scores."""

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from base_models import named_code
from base_models.frozen import catalogue

NET = """
from torch import nn


class Net(nn.Module):
    size = 32

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.head = nn.Linear(4, 1)

    def forward(self, x):
        return self.head(self.body(x).flatten(1)).squeeze(1)
"""
OPTIONS = (
    *("--epochs", "2", "--folds", "2", "--batch", "8", "--lr", "0.02", "--meta", "mean"),
    *("--calibration", "none", "--jobs", "1", "--no-report"),
)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_opened", {})
    monkeypatch.setattr(catalogue, "_networks", {})
    monkeypatch.setattr(named_code, "_named", {})


def _pictures(folder: Path, people: int, seed: int) -> Path:
    """Faces of 64 pixels; the fakes are redder."""
    rng = np.random.default_rng(seed)
    for label, red in (("real", 100), ("fake", 150)):
        (folder / label).mkdir(parents=True)
        for i in range(people):
            image = np.array([120, 120, red]) + rng.normal(0, 20, (64, 64, 3))
            cv2.imwrite(
                str(folder / label / f"{label}{i}.png"), np.clip(image, 0, 255).astype(np.uint8)
            )
    return folder


def _forget() -> None:
    """What was named to this process."""
    catalogue._networks.clear()
    named_code._named.clear()


def test_it_goes_all_the_way(tmp_path: Path, cli: Any) -> None:
    faces, new = _pictures(tmp_path / "faces", 8, 0), _pictures(tmp_path / "new", 3, 1)
    file, run = tmp_path / "redness.py", tmp_path / "run"
    file.write_text(NET)
    named = f"{file}:Net"
    cli("run", faces, "--out", run, "--detectors", named, *OPTIONS)
    assert set(json.loads((run / "models/trained.json").read_text())["detectors"]) == {"redness"}
    records = sorted(run.glob("models/model=redness/fold=*/fold.json"))
    before = [path.read_bytes() for path in records]

    _forget()
    said = cli("predict", run, new, code=2)
    assert "redness is Python code (redness.py:Net), which is run only where it is named" in _flat(
        said
    )
    cli("predict", run, new, "--code", named)
    answers = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    fake = answers.index.str.contains("fake")
    assert answers[fake].min() > answers[~fake].max()

    _forget()
    more = ("--detectors", "timm:test_resnet", "--size", "64", "--no-report")
    assert "add --code redness.py:Net" in _flat(cli("train", run, *more, code=2))
    # Another of its name and source is trained anew, and says so; the same is kept.
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    said = _flat(cli("train", run, "--code", named, "--no-report"))
    assert "2 of 2 trainings were finished before" in said
    assert [path.read_bytes() for path in records] == before
    _forget()
    file.write_text(NET.replace("ReLU", "GELU"))
    said = _flat(cli("train", tmp_path / "other", "--code", named, "--no-report"))
    assert "redness fold 1 is trained anew, since its settings or input changed: other code" in said


def _flat(said: Any) -> str:
    return " ".join(said.output.split())
