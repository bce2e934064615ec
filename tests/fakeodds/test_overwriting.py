"""What a command reads, and a run's own files, are never written over."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Cli = Callable[..., Any]

FAST = (
    *("--meta", "mean_logit", "--take", "all", "--calibration", "none"),
    *("--jobs", "1", "--folds", "3"),
)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory,
    prepare: Callable[..., None],
    make_scores: Callable[..., pd.DataFrame],
) -> Path:
    """A stack, and beside it `scores.csv` and `new.csv`."""
    folder, scores = tmp_path_factory.mktemp("made"), make_scores()
    scores.to_csv(folder / "scores.csv", index=False)
    scores.drop(columns=["label"]).to_csv(folder / "new.csv", index=False)
    prepare("stack", folder / "scores.csv", "--out", folder / "run", *FAST)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it in the test's folder, with the files beside it."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True)) / "run"


def test_apply_spoils_nothing(run: Path, tmp_path: Path, cli: Cli) -> None:
    new, sample = tmp_path / "new.csv", tmp_path / "sample.csv"
    cli("apply", run, new, "--out", sample)
    read = (("--out", new), ("--sample", sample, "--out", sample))
    for options in read:
        before = options[-1].read_bytes()
        said = cli("apply", run, new, *options, code=2).output
        assert f"{options[-1]}: is read by this command" in said
        assert options[-1].read_bytes() == before
    said = cli("apply", run, new, "--out", run / "oof.csv", code=2).output
    assert "belongs to the run" in said
    cli("apply", run, new, "--out", run / "submission.csv")


@pytest.mark.parametrize("place", ["report", "report/deep/er", "stack", "models/m"])
def test_nothing_is_put_where_a_run_would_remove_it(
    place: str, run: Path, tmp_path: Path, cli: Cli
) -> None:
    scores, out = tmp_path / "scores.csv", run / place
    before = sorted(run.rglob("*"))
    pd.read_csv(scores)[["video", "label", "group"]].to_csv(tmp_path / "truth.csv", index=False)
    commands = [
        ("apply", run, tmp_path / "new.csv", "--out", out / "x.csv"),
        ("score", run, tmp_path / "truth.csv", "--out", out),
        ("stack", scores, "--out", out, *FAST),
        ("explore", tmp_path, "--out", out),
        ("bundle", run, "--out", out),
        ("demo", "--part", "scores", "--out", out),
    ]
    for command in commands:
        assert "belongs to the run" in cli(*command, code=2).output, command[0]
    said = cli("apply", run, tmp_path / "new.csv", "--out", run / "run.json", code=2).output
    assert "belongs to the run" in said
    assert sorted(run.rglob("*")) == before


@pytest.mark.parametrize("command", ["stack", "compare", "calibrate"])
def test_scores_in_the_folder_that_is_written(command: str, run: Path, cli: Cli) -> None:
    own = run / "oof.csv"
    before = own.read_bytes()
    assert f"{own}: is read" in cli(command, own, "--out", run, code=2).output
    assert own.read_bytes() == before


def test_what_was_read_of_new_scores_is_told(run: Path, tmp_path: Path, cli: Cli) -> None:
    new = pd.read_csv(tmp_path / "new.csv").assign(other=1.5)
    new.loc[:2, "strong"] = None
    new.to_csv(tmp_path / "gaps.csv", index=False)
    said = cli("apply", run, tmp_path / "gaps.csv", "--out", tmp_path / "out.csv").output
    assert "Missing scores" in said
    assert "no such column: other" in " ".join(said.split())
