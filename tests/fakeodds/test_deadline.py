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

from fakeodds.deadline.alarm import OutOfTime, raising_at
from fakeodds.deadline.looks import few_frames
from fakeodds.deadline.members import Members, asked_in_time
from fakeodds.deadline.plot import draw_cost, prepare_cost
from fakeodds.deadline.workers import Crew
from fakeodds.demo.data import DemoSet
from predictions.errors import InputError

Cli = Callable[..., Any]


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def submission(run: Path) -> pd.Series:
    table = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    assert table.between(0, 1, inclusive="neither").all()
    return table.sort_index()


def test_with_time_enough_it_answers_as_predict_does(clips: DemoSet, run: Path, cli: Cli) -> None:
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
    kept = pd.read_csv(run / "test" / "looks.csv").set_index("video")
    whole = kept.index[kept["look"] == len(report["looks"]) - 1]
    np.testing.assert_allclose(found[whole], wanted[whole], atol=0.01)

    # Asked again, nothing is left to do but for what another look is not worth.
    again = cli("predict", run, clips.test, "--deadline", "5m")
    assert "they are taken up" in again.output
    pd.testing.assert_series_equal(submission(run), found)
    assert "broken.mp4: The file cannot be opened" in " ".join(again.output.split())


@pytest.mark.parametrize("options", [(), ("--max-weights", "60MB")])
def test_without_time_it_is_complete_all_the_same(
    clips: DemoSet, run: Path, cli: Cli, options: tuple[str, ...]
) -> None:
    began = time.monotonic()
    cli("predict", run, clips.test, "--deadline", "1s", *options)
    assert len(submission(run)) == len(list(clips.test.glob("*.mp4")))
    report = json.loads((run / "deadline.json").read_text())
    assert report["not_looked_at"] > 0  # opening the detectors takes longer
    assert time.monotonic() - began < 120


def test_work_is_broken_off_at_a_moment() -> None:
    began = time.monotonic()
    with pytest.raises(OutOfTime), raising_at(began + 0.05):
        time.sleep(20)
    assert 0.05 <= time.monotonic() - began < 10
    with raising_at(time.monotonic() + 0.05):
        pass
    time.sleep(0.1)  # the alarm is off


def test_killed_it_leaves_a_whole_submission_and_goes_on(
    clips: DemoSet, run: Path, cli: Cli
) -> None:
    command = [sys.executable, "-c", "from fakeodds.cli.main import main; main()"]
    arguments = ["predict", run, clips.test, "--deadline", "4m"]
    process = subprocess.Popen(
        [*command, *map(str, arguments)], stderr=subprocess.DEVNULL, start_new_session=True
    )
    (run / "submission.csv").unlink()
    end = time.monotonic() + 200
    while not (run / "submission.csv").exists() and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len(submission(run)) == len(list(clips.test.glob("*.mp4")))
    cli(*arguments)
    assert json.loads((run / "deadline.json").read_text())["not_looked_at"] == 0


def test_weights_that_are_too_large_are_left_out(clips: DemoSet, run: Path, cli: Cli) -> None:
    # In a process of its own, which leaves at once: nothing that it began may stay behind.
    command = [sys.executable, "-c", "from fakeodds.cli.main import main; main()", "predict", run]
    options = ["--deadline", "4m", "--max-weights", "60MB"]
    done = subprocess.run([*command, clips.test, *options], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "--max-weights" in done.stderr
    assert "leaked" not in done.stderr
    report = json.loads((run / "deadline.json").read_text())
    assert report["looks"][-1]["detectors"] == ["mobilenetv3_large"]
    assert len(submission(run)) == len(list(clips.test.glob("*.mp4")))
    said = cli("predict", run, clips.test, "--deadline", "4m", "--max-weights", "1MB", code=2)
    assert "mobilenetv3_large" in said.output


def test_imported_scores_are_not_asked() -> None:
    run, kinds = Path("run"), dict.fromkeys(("theirs", "resnet50"), "logit")
    assert asked_in_time(run, kinds, {}, {}) == Members(["theirs", "resnet50"], [])
    members = asked_in_time(run, kinds, {"theirs": "logit"}, {})
    assert members.names == ["resnet50"]
    assert "theirs" in members.notes[0]
    with pytest.raises(InputError, match="single faces"):
        asked_in_time(run, kinds, kinds, {})


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


def test_few_frames_are_evenly_spaced() -> None:
    scores = pd.DataFrame(
        {
            "video": ["a"] * 20 + ["b"] * 3,
            "frame": [*np.repeat(np.arange(10) * 7, 2), 1, 5, 9],
            "face": [0, 1] * 10 + [0] * 3,
            "logit": 0.0,
        }
    )
    kept = few_frames(scores, 4)
    assert kept[kept["video"] == "a"]["frame"].unique().tolist() == [0, 21, 42, 63]
    assert len(kept[kept["video"] == "a"]) == 8  # both faces
    assert len(kept[kept["video"] == "b"]) == 3
    one = few_frames(scores, 1)
    assert one.groupby("video")["frame"].nunique().tolist() == [1, 1]
    assert few_frames(scores, 100).shape == scores.shape


def test_a_crew_hands_out_and_takes_and_leaves_the_slow_behind() -> None:
    def work(seconds: float) -> float:
        time.sleep(seconds)
        if seconds == 0.02:
            raise ValueError("no")
        return seconds

    crew: Crew[float, float] = Crew(work, 2)
    crew.give(0.01)
    crew.give(30.0)
    assert crew.idle == 0
    assert crew.take(5) == (0.01, 0.01)
    assert crew.take(0.05) is None
    crew.give(0.02)
    with pytest.raises(ValueError, match="no"):
        crew.take(5)
