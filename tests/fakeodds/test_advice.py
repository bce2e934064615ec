"""What to do next: with the command where there is one, and nothing that was not shown."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.advice import advice_of, mean_instead
from fakeodds.workflows.chance import near_chance

Cli = Callable[..., Any]

FAST = ("--meta", "logistic", "--calibration", "none", "--folds", "3", "--jobs", "1")


def advised(run: Path) -> list[tuple[str, str]]:
    """What is advised, and by which command."""
    folder = RunFolder.existing(run, reads=True)
    board = folder.read_leaderboard()
    return [(one.text, one.command) for one in advice_of(folder, folder.read_metrics(), board, {})]


def test_a_detector_near_chance_is_advised_to_be_left_out_and_the_command_does_it(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    blind = np.random.default_rng(5).permutation(scores["strong"])
    scores.assign(blind=blind).to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "run"
    cli("stack", tmp_path / "scores.csv", "--out", out, *FAST)
    run = RunFolder.existing(out, reads=True)
    found = near_chance(run, run.read_metrics())
    assert found is not None
    assert (found.models, found.rest, found.how) == (
        ["blind"],
        ["strong", "bold"],
        "by their plain mean",
    )
    assert found.without <= found.whole
    (text, command) = next(one for one in advised(out) if "blind" in one[0])
    assert text.startswith("Not shown to tell FAKE from REAL: blind (AUC ")
    assert command.endswith(" --drop blind")
    cli(*shlex.split(command)[1:])
    after = RunFolder.existing(out, reads=True)
    assert after.read_metrics()["ensemble"]["models"] == ["strong", "bold"]
    assert near_chance(after, after.read_metrics()) is None


def test_where_ensembles_were_judged_those_numbers_count(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "run"
    cli("stack", tmp_path / "scores.csv", "--out", out, *FAST, "--report")
    run = RunFolder.existing(out, reads=True)
    found = near_chance(run, run.read_metrics())
    judged = {
        frozenset(one["models"]): one["log_loss"]
        for one in json.loads((out / "compare.json").read_text())["subsets"]
    }
    without, whole = judged[frozenset(["strong", "bold"])], judged[frozenset(scores.columns[3:])]
    assert (found is not None) == (without <= whole)
    if found is not None:
        assert (found.without, found.whole) == (without, whole)
        assert found.how == "combined by a plain regression"


def test_of_videos_what_was_trained_here_stays_and_the_rest_is_named_again(
    trained: Path, tmp_path: Path
) -> None:
    run = RunFolder.existing(trained, reads=True)
    metrics = run.read_metrics()
    # Two detectors after an epoch on six people: near chance, and more videos may help.
    assert near_chance(run, metrics) is None
    names = metrics["ensemble"]["models"]
    for name in names:
        metrics["stages"][f"base/{name}"]["auc"] = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert near_chance(run, metrics) is None
    own = Path(shutil.copytree(trained, tmp_path / "run"))
    (own / "compare.json").unlink()
    run, board = RunFolder.existing(own, reads=True), run.read_leaderboard()
    costs = {name: metrics["stages"][f"base/{name}"]["log_loss"]["value"] for name in names}
    rest, frozen = sorted(names, key=lambda name: costs[name])
    metrics["brought"] = {frozen: {}}
    (told,) = (one for one in advice_of(run, metrics, board, {}) if "Not shown" in one.text)
    assert f"{frozen} (AUC 0.500; 95 %: 0.400 to 0.600)" in told.text
    assert told.command == f"fakeodds train {own} --replace --detectors {rest}"


@pytest.mark.parametrize(
    ("gap", "error", "is_shown"), [(-0.03, 0.03, False), (-0.09, 0.03, True), (0.01, 0.03, None)]
)
def test_a_mean_that_did_better_is_shown_or_chance(
    gap: float, error: float, is_shown: bool | None
) -> None:
    row = {"kind": "stack", "name": "mean", "log_loss": 0.5}
    board = pd.DataFrame([{**row, "to_shipped": gap, "to_shipped_error": error}])
    found = mean_instead(board)
    if is_shown is None:
        assert found is None
        return
    assert found is not None
    assert found[1] == is_shown
    assert ("may be chance" in found[0]) != is_shown


def test_python_code_of_a_run_is_named_in_the_commands(trained: Path, tmp_path: Path) -> None:
    run = RunFolder.existing(Path(shutil.copytree(trained, tmp_path / "run")))
    begun = ["run", "videos", "--out", str(run.path), "--detectors=resnet50,nets/mynet.py:MyNet"]
    run.record["commands"] = [begun, ["train", str(run.path), "--detectors", "b.py:Detector"]]
    commands = [one.command for one in advice_of(run, run.read_metrics(), None, {})]
    joined = f"fakeodds train {run.path} --detectors DETECTOR"
    assert f"{joined} --code nets/mynet.py:MyNet --code b.py:Detector" in commands

    # What found the faces is kept when others are stacked; what came before it is not.
    run.record["commands"] = [["stack"], ["run", "old"], begun, ["train", "x"]]
    run.forget_commands()
    assert run.record["commands"] == [begun, ["train", "x"]]


def test_what_knows_nothing_is_looked_at_and_joined_by_commands(
    trained: Path, tmp_path: Path, cli: Cli
) -> None:
    told = dict(advised(trained))
    commands = [command for command in told.values() if command]
    dataset = RunFolder.existing(trained, reads=True).record["settings"]["dataset"]
    assert f"fakeodds explore {dataset}" in commands
    assert f"fakeodds train {trained} --detectors DETECTOR" in commands
    rng = np.random.default_rng(0)
    noise = {"video": range(60), "label": np.arange(60) % 2, "a": rng.random(60)}
    pd.DataFrame({**noise, "b": rng.random(60)}).to_csv(tmp_path / "noise.csv", index=False)
    cli("stack", tmp_path / "noise.csv", "--out", tmp_path / "run", *FAST)
    first, *others = advised(tmp_path / "run")
    assert "COLUMN stands for the one" in first[0]
    assert first[1].endswith(" --group COLUMN")
    assert any("docs/guide/bring_your_detector.md" in text for text, _ in others)
