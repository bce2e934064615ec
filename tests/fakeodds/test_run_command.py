"""`fakeodds run` on real video files with real networks, at a small size."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from fakeodds.demo.data import DemoSet
from fakeodds.run.folder import RunFolder
from tests.forks import MAIN, Forked, run

Cli = Callable[..., Any]
SMALL = (
    *("--frames", "3", "--crop", "64", "--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "timm:test_efficientnet,timm:test_resnet"),
    *("--frames-per-video", "2", "--batch", "8"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature"),
)


@pytest.fixture(scope="module")
def clips(clips: DemoSet, tmp_path_factory: pytest.TempPathFactory) -> DemoSet:
    """Six people for training, one of them nobody, and a cut file; three to predict."""
    folder = tmp_path_factory.mktemp("demo") / "all"
    shutil.copytree(clips.train.parent, folder)
    made = DemoSet(folder / clips.train.name, folder / clips.test.name)
    (made.train / "cut.mp4").write_bytes((made.train / "sky.mp4").read_bytes()[:300])
    labels = pd.read_csv(made.train / "labels.csv")
    cut = pd.DataFrame([{"file": "cut.mp4", "label": 1, "group": "cut", "method": "face_swap"}])
    pd.concat([labels, cut]).to_csv(made.train / "labels.csv", index=False)
    return made


def results(run: Path) -> dict[str, bytes]:
    """Every result of a run but the seconds it took."""
    files = {
        str(path.relative_to(run)): path.read_bytes()
        for pattern in ("faces/**/*.parquet", "scores/**/*.parquet", "stack/*", "*.csv")
        for path in sorted(run.glob(pattern))
    }
    metrics = json.loads((run / "metrics.json").read_text())
    return files | {"metrics": json.dumps(metrics).encode()}


#: What shows that a run is among its faces, trainings, at its stack, its new videos, its report.
SIGNS = (
    *("faces/**/*.parquet", "scores/**/fold=*.parquet", "products/train.json"),
    *("test/faces/**/*.parquet", "submission.csv"),
)


def kill_at(sign: str, run: Path, words: list[object]) -> None:
    """Begin a command and kill it, with all its workers, as soon as a file matches `sign`."""
    process = Forked(MAIN, *words, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 240
    while not list(run.glob(sign)) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_again_and_again_it_ends_with_the_same_files(
    clips: DemoSet, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKEODDS_REPORT", "1")

    # Processes of their own, all of them: in this one other tests have left their traces, such as
    # threads of BLAS, and an optimiser's last digits depend on them.
    def command(out: Path, *more: str) -> list[object]:
        return ["run", clips.train, "--out", out, "--test", clips.test, *SMALL, *more]

    whole, broken = tmp_path / "whole", tmp_path / "broken"
    # The whole run is that of a fresh interpreter, with an order of sets of its own.
    alone = [sys.executable, "-c", MAIN, *map(str, command(whole, "--jobs", "1"))]
    said = subprocess.run(alone, check=True, capture_output=True, text=True)
    assert "calibrated" in said.stdout

    for sign in SIGNS:
        # How many look for faces changes no byte; where that is under way, two are killed.
        jobs = "2" if sign.startswith("faces") else "1"
        kill_at(sign, broken, command(broken, "--jobs", jobs))
        assert not RunFolder(broken).has("report")
    run(MAIN, *command(broken, "--jobs", "1"), check=True, capture_output=True)
    assert results(broken) == results(whole)
    assert RunFolder(broken).has("report")

    videos = pd.read_parquet(whole / "videos.parquet").set_index("video")
    assert videos.loc["sky.mp4", "status"] == "no_face"
    assert videos.loc["cut.mp4", "status"] == "unreadable"
    assert videos.loc["cut.mp4", "reason"]
    oof = pd.read_csv(whole / "oof.csv").set_index("video")
    assert set(oof.index) == set(videos.index)
    assert oof[["stacked", "calibrated"]].notna().all().all()
    fakes = videos.dropna(subset=["original"])
    assert (fakes["fold"] == videos.loc[fakes["original"], "fold"].to_numpy()).all()
    submission = pd.read_csv(whole / "submission.csv")
    assert set(submission["filename"]) == {path.name for path in clips.test.glob("*.mp4")}
    assert submission["label"].between(0, 1, inclusive="neither").all()

    # The stages one at a time, and `apply`, give the same answers.
    cli("predict", whole, clips.test, "--jobs", "1")
    cli("apply", whole, clips.test, "--out", tmp_path / "applied.csv", "--jobs", "1")
    assert (tmp_path / "applied.csv").read_bytes() == (whole / "submission.csv").read_bytes()
    assert pd.read_csv(tmp_path / "applied.csv").equals(submission)


def test_folders_without_what_is_needed(clips: DemoSet, tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    said = cli("run", tmp_path / "empty", "--out", tmp_path / "run", *SMALL, code=2)
    assert "empty" in said.output
    said = cli("run", clips.test, "--out", tmp_path / "run", *SMALL, code=2)
    assert "label" in said.output
    said = cli("run", tmp_path / "nowhere", "--out", tmp_path / "run", *SMALL, code=2)
    assert "nowhere" in said.output
    said = cli("predict", tmp_path, clips.test, code=2)
    assert "run.json" in said.output
    said = cli("run", clips.train, "--out", tmp_path / "run", "--detectors", "xceptoin", code=2)
    assert "xception" in said.output


def test_models_are_listed(cli: Cli) -> None:
    said = cli("models").output
    for name in ("xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large"):
        assert name in said
