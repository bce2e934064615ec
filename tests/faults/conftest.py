"""What the fast faults are tried on: a stack of a small table of scores."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

#: A command of seconds that writes most kinds of files.
FAST = (
    *("--out", "FOLDER", "--meta", "logistic", "--take", "all", "--calibration", "none"),
    *("--folds", "3", "--jobs", "2", "--no-report"),
)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three detectors on 300 videos."""
    rng = np.random.default_rng(0)
    label = np.arange(300) % 2
    logits = {f"net{i}": (2 * label - 1) * i / 2 + rng.normal(0, 2, 300) for i in (1, 2, 3)}
    table = {"video": [f"v{i:03}.mp4" for i in range(300)], "label": label}
    table |= {"group": [f"g{i // 4}" for i in range(300)]}
    table |= {name: 1 / (1 + np.exp(-z)) for name, z in logits.items()}
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    pd.DataFrame(table).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def stacking(scores: Path) -> tuple[object, ...]:
    """The words of a `stack` of it; FOLDER stands for the run's folder."""
    return ("stack", scores, *FAST)


@pytest.fixture
def own_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Detectors that are added are remembered in a folder of the test."""
    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
