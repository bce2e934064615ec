"""`stack --test`, `apply` and --shift: what is said of new videos, and what is done."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.reference import NAME, Reference

Cli = Callable[..., Any]
MakeScores = Callable[..., pd.DataFrame]

FAST = (
    *("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1"),
    *("--no-report", "--group", "group"),
)


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, prepare: Callable[..., None], make_scores: MakeScores
) -> Path:
    """A run of 300 videos in 60 groups, and their scores beside it."""
    folder = tmp_path_factory.mktemp("made")
    make_scores().to_csv(folder / "scores.csv", index=False)
    prepare("stack", folder / "scores.csv", *FAST, "--out", folder / "run")
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to, with the scores beside it."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True)) / "run"


def new_scores(make: MakeScores, folder: Path, *, moved: bool = False, share: float = 0.5) -> Path:
    """Scores of 200 other videos or fewer, in groups, without labels."""
    table = make(200, seed=7)
    table["video"], table["group"] = "new " + table["video"], "new " + table["group"]
    rare = (table["label"] == 1) & (np.arange(200) % 10 >= 10 * share)
    table = table[~rare]
    if moved:
        for name, by in (("strong", -2.5), ("bold", 4.0)):
            odds = np.log(table[name] / (1 - table[name])) + by
            table[name] = 1 / (1 + np.exp(-odds))
    path = folder / "new.csv"
    table.drop(columns="label").to_csv(path, index=False)
    return path


def said(output: str) -> str:
    return " ".join(output.split())


def test_labelled_scores_lie_beside_the_stack(run: Path) -> None:
    reference = Reference.of(run / "stack")
    assert reference is not None
    assert sorted(reference.features) == ["blind", "bold", "strong"]
    oof = RunFolder(run).read_oof()
    assert reference.label.astype(float).to_dict() == oof["label"].astype(float).to_dict()
    assert reference.group.to_dict() == oof["group"].astype(str).to_dict()


def test_videos_alike_keep_the_promise(run: Path, cli: Cli, make_scores: MakeScores) -> None:
    new = new_scores(make_scores, run.parent)
    out = ("--group", "group", "--out", run.parent / "out.csv")
    printed = said(cli("apply", run, new, *out).output)
    assert "cannot be told from those of the labelled ones" in printed
    plain = (run.parent / "out.csv").read_bytes()
    cli("apply", run, new, *out, "--shift", "auto")
    assert (run.parent / "out.csv").read_bytes() == plain


def test_videos_of_another_kind_do_not(run: Path, cli: Cli, make_scores: MakeScores) -> None:
    new = new_scores(make_scores, run.parent, moved=True)
    out = ("--group", "group", "--out", run.parent / "out.csv")
    printed = said(cli("apply", run, new, *out).output)
    assert "the promise was not made for them" in printed
    assert "furthest moved: " in printed
    plain = pd.read_csv(run.parent / "out.csv")["label"]
    printed = said(cli("apply", run, new, *out, "--shift", "auto").output)
    assert "The answers lean on the mean of all detectors" in printed
    leant = pd.read_csv(run.parent / "out.csv")["label"]
    assert not np.allclose(plain, leant)
    again = (run.parent / "out.csv").read_bytes()
    cli("apply", run, new, *out, "--shift", "auto")
    assert (run.parent / "out.csv").read_bytes() == again


def test_videos_that_taught_the_stack_keep_no_promise(run: Path, cli: Cli) -> None:
    scores = run.parent / "scores.csv"
    printed = said(cli("apply", run, scores, "--out", run.parent / "out.csv").output)
    assert "300 videos of 300" in printed
    assert "scores of videos that taught this stack" in printed
    assert "cannot be told from" not in printed
    table = pd.read_csv(scores).drop(columns="label")
    rest = table.assign(strong=table["strong"].where(table.index >= 40, 0.99))
    rest.to_csv(run.parent / "rest.csv", index=False)
    printed = said(cli("apply", run, run.parent / "rest.csv", "--out", run.parent / "o.csv").output)
    assert "260 videos of 300" in printed


def test_few_videos_are_not_compared(run: Path, cli: Cli, make_scores: MakeScores) -> None:
    new = new_scores(make_scores, run.parent)
    pd.read_csv(new).head(3).to_csv(new, index=False)
    out = ("--out", run.parent / "out.csv", "--shift", "auto")
    assert "too few groups of either" in said(cli("apply", run, new, *out).output)


def test_a_damaged_reference_is_refused_by_name(
    run: Path, cli: Cli, make_scores: MakeScores
) -> None:
    new = new_scores(make_scores, run.parent)
    path = run / "stack" / NAME
    path.write_bytes(path.read_bytes()[:100])
    printed = cli("apply", run, new, "--out", run.parent / "out.csv", code=2).output
    assert NAME in printed.replace("\n", "")


def test_stack_compares_its_test_scores(cli: Cli, make_scores: MakeScores, tmp_path: Path) -> None:
    make_scores().to_csv(tmp_path / "scores.csv", index=False)
    new = new_scores(make_scores, tmp_path, moved=True)
    words = ("stack", tmp_path / "scores.csv", *FAST, "--test", new, "--shift", "auto")
    printed = said(cli(*words, "--out", tmp_path / "run").output)
    assert "whatever the share of fakes among them" in printed
