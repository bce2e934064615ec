"""`fakeodds predict --deadline`: always in time, always complete, and the same as without."""

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

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from fakeodds.deadline.eligible import IMPORTED, Eligible, eligible_detectors
from fakeodds.deadline.plot import draw_cost, prepare_cost
from fakeodds.demo.data import DemoSet
from predictions.errors import InputError
from tests.forks import MAIN, Forked

Cli = Callable[..., Any]


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def submission(run: Path) -> pd.Series:
    table = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    assert table.between(0, 1, inclusive="neither").all()
    return table.sort_index()


def listed(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.mp4"))


def test_with_time_enough_it_answers_as_predict_does(
    clips: DemoSet, run: Path, cli: Cli, tmp_path: Path
) -> None:
    cli("predict", run, clips.test, "--jobs", "1")
    wanted = submission(run)
    shutil.rmtree(run / "test")
    (run / "submission.csv").unlink()
    said = cli("predict", run, clips.test, "--deadline", "5m")
    report = json.loads((run / "deadline.json").read_text())
    assert report["seconds"] < 300
    assert report["not_looked_at"] == 0
    assert sum(look["videos"] for look in report["looks"]) == len(wanted)
    assert "log loss" in said.output
    assert list(report["without_scores"]) == ["broken.mp4"]
    assert "broken.mp4: The file cannot be opened" in " ".join(said.output.split())
    assert cv2.imread(str(run / "deadline.png")).std() > 0
    found = submission(run)
    assert set(found.index) == set(wanted.index)
    kept = pd.read_parquet(run / "test" / "looks.parquet")
    whole = kept.index[kept["look"] == len(report["looks"]) - 1]
    np.testing.assert_allclose(found[whole], wanted[whole], atol=0.01)
    assert found["broken.mp4"] == pytest.approx(wanted["broken.mp4"])

    # Asked again, nothing is left to do but for what another look is not worth.
    again = cli("predict", run, clips.test, "--deadline", "5m")
    assert f"{len(wanted)} videos looked at before, and taken up" in again.output
    pd.testing.assert_series_equal(submission(run), found)
    assert "broken.mp4: The file cannot be opened" in " ".join(again.output.split())

    # Another folder whose files have the same names; one of them is the same file, too.
    names = listed(clips.test)
    turned = [names[0], *names[2:], names[1]]
    other = tmp_path / "other"
    other.mkdir()
    for name, source in zip(names, turned, strict=True):
        shutil.copy(clips.test / source, other / name)
    again = cli("predict", run, other, "--deadline", "5m")
    assert "1 video looked at before, and taken up" in again.output
    assert submission(run)[names].tolist() == found[turned].tolist()


@pytest.mark.parametrize("options", [(), ("--max-weights", "2MB")])
def test_without_time_it_is_complete_all_the_same(
    clips: DemoSet, run: Path, cli: Cli, tmp_path: Path, options: tuple[str, ...]
) -> None:
    cli("predict", run, clips.test, "--deadline", "1s")
    (run / "deadline.png").write_bytes(b"of the first folder")
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(clips.test / listed(clips.test)[0], other / "new.mp4")
    cli("predict", run, other, "--deadline", "1s", *options)
    assert submission(run).index.tolist() == ["new.mp4"]
    report = json.loads((run / "deadline.json").read_text())
    # Opening the detectors takes longer.
    assert (report["videos"], report["not_looked_at"]) == (1, 1)
    assert not (run / "deadline.png").exists()


def test_where_the_detectors_do_not_open_it_is_told(clips: DemoSet, run: Path, cli: Cli) -> None:
    cli("predict", run, clips.test, "--deadline", "1s")
    (run / "deadline.json").unlink()
    weights = next((run / "models").rglob("weights.safetensors"))
    weights.write_bytes(weights.read_bytes()[:100])
    cli("predict", run, clips.test, "--deadline", "5m", "--backend", "reference", code=2)
    assert listed(clips.test) == submission(run).index.tolist()
    assert json.loads((run / "deadline.json").read_text())["not_looked_at"] > 0


def test_killed_it_leaves_a_whole_submission_and_goes_on_to_the_same_bytes(
    clips: DemoSet, run: Path, cli: Cli
) -> None:
    arguments = ["predict", run, clips.test, "--deadline", "4m", "--backend", "reference"]
    cli(*arguments)
    unbroken = (run / "submission.csv").read_bytes()
    # What detectors cost is known, what videos show is not.
    looks = run / "test" / "looks.parquet"
    pd.read_parquet(looks).iloc[:0].to_parquet(looks)
    process = Forked(MAIN, *arguments, stderr=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + 200
    while pd.read_parquet(looks).empty and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    if process.poll() is None:
        assert "at work" in cli(*arguments, code=2).output
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert listed(clips.test) == submission(run).index.tolist()
    assert "looked at before, and taken up" in cli(*arguments).output
    assert json.loads((run / "deadline.json").read_text())["not_looked_at"] == 0
    assert (run / "submission.csv").read_bytes() == unbroken


def test_weights_that_are_too_large_are_left_out(clips: DemoSet, run: Path, cli: Cli) -> None:
    # In a process of its own, which leaves at once: nothing that it began may stay behind.
    command = [sys.executable, "-c", MAIN, "predict", run]
    options = ["--deadline", "4m", "--max-weights", "2MB", "--prior", "auto"]
    done = subprocess.run([*command, clips.test, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--max-weights" in done.stderr
    assert "leaked" not in done.stderr
    # Told once, however often the submission was written.
    told = " ".join(done.stderr.split())
    assert told.count("videos are estimated") + told.count("probabilities stay at") == 1
    report = json.loads((run / "deadline.json").read_text())
    assert report["looks"][-1]["detectors"] == ["timm-test_efficientnet"]
    assert len(submission(run)) == len(list(clips.test.glob("*.mp4")))
    said = cli("predict", run, clips.test, "--deadline", "4m", "--max-weights", "0.1MB", code=2)
    assert "timm-test_efficientnet" in said.output


def test_imported_scores_are_not_asked() -> None:
    run, kinds = Path("run"), dict.fromkeys(("theirs", "timm-test_efficientnet"), "logit")
    assert eligible_detectors(run, kinds, {}, {}) == Eligible(
        ["theirs", "timm-test_efficientnet"], []
    )
    eligible = eligible_detectors(run, kinds, {"theirs": "logit"}, {})
    assert eligible.names == ["timm-test_efficientnet"]
    assert [note.facts["detector"] for note in IMPORTED.among(eligible.notes)] == ["theirs"]
    assert "imported" in str(eligible.notes[0])
    with pytest.raises(InputError, match="single faces"):
        eligible_detectors(run, kinds, kinds, {})


@pytest.mark.parametrize("said", ["soon", "0h", "", "5"])
def test_what_is_no_time_is_refused(clips: DemoSet, trained: Path, cli: Cli, said: str) -> None:
    assert "9h" in cli("predict", trained, clips.test, "--deadline", said, code=2).output


def test_the_cost_of_looks_is_a_table_of_those_measured(tmp_path: Path) -> None:
    loss = {"value": 0.5, "low": 0.4, "high": 0.7}
    look = {"frames": 4, "detectors": ["a"], "log_loss": loss, "videos": 3}
    looks = [{**look, "seconds_a_video": 3.0}, {**look, "seconds_a_video": None}]
    cost = prepare_cost({"threads": 2, "looks": looks})
    assert cost.to_dict("records") == [
        {"frames": 4, "detectors": 1, "videos": 3, "seconds": 1.5, "log_loss": 0.5}
        | {"low": 0.4, "high": 0.7}
    ]
    assert not draw_cost({"threads": 2, "looks": looks[1:]}, tmp_path / "a.png")
    assert not (tmp_path / "a.png").exists()


def test_max_weights_needs_a_deadline(clips: DemoSet, trained: Path, cli: Cli) -> None:
    assert (
        "--deadline" in cli("predict", trained, clips.test, "--max-weights", "1GB", code=2).output
    )
