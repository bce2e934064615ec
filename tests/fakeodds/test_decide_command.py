"""`fakeodds decide`: a rule for the run, what it delivers, and who decides by it afterwards."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calibration import Aim, DecisionRule, choose_rule, shift_prior
from fakeodds.cli.group import fakeodds
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.decide import _one_call

Cli = Callable[..., Any]
MakeScores = Callable[..., pd.DataFrame]

FAST = ("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1", "--no-report")


@pytest.fixture(scope="module")
def stacked(make_scores: MakeScores, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 400 videos in 80 groups, and scores of 50 new ones beside it."""
    folder = tmp_path_factory.mktemp("decide")
    make_scores(400).to_csv(folder / "scores.csv", index=False)
    new = make_scores(50, seed=1).drop(columns=["label", "group"])
    new.assign(video="new " + new["video"].astype(str)).to_csv(folder / "new.csv", index=False)
    test = ("--test", folder / "new.csv")
    words = ["stack", folder / "scores.csv", *test, *FAST, "--out", folder / "run"]
    shared = {"began": time.monotonic(), "leave_at_once": False}
    fakeodds(list(map(str, words)), standalone_mode=False, obj=shared)
    return folder


@pytest.fixture
def run(stacked: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    return Path(shutil.copytree(stacked / "run", tmp_path / "run"))


def decided(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "decide.json").read_text())
    return found


def test_the_rule_is_that_of_all_answers_out_of_fold(run: Path, cli: Cli) -> None:
    printed = cli("decide", run, "--false-alarms", "5%").output
    oof = RunFolder(run).read_oof()
    choice = choose_rule(Aim(false_alarms=0.05), oof["label"], oof["calibrated"], oof["group"])
    found = decided(run)
    assert DecisionRule(**found["rule"]) == choice.rule
    assert found["aim"] == {"false_alarms": 0.05}
    assert "with a probability of at most 0.05" in printed
    delivered = found["delivered"]
    assert sum(delivered["counts"].values()) == 400
    assert delivered["false_alarms"]["low"] <= delivered["false_alarms"]["value"]
    assert {"eer", "min_dcf", "act_dcf", "cllr", "min_cllr", "aurc"} < set(found["measures"])


def test_decisions_stand_beside_the_submission(run: Path, cli: Cli) -> None:
    assert not (run / "decisions.csv").exists()
    printed = cli("decide", run, "--false-alarms", "5%", "--misses", "5%").output
    submission, table = pd.read_csv(run / "submission.csv"), pd.read_csv(run / "decisions.csv")
    assert table.columns.tolist() == ["filename", "label", "decision"]
    pd.testing.assert_frame_equal(table[["filename", "label"]], submission)
    rule = DecisionRule(**decided(run)["rule"])
    assert table["decision"].tolist() == rule.decide(submission["label"]).tolist()
    assert f"{(table['decision'] == 'FAKE').sum()} FAKE" in printed


def test_without_an_option_the_rule_stays(run: Path, cli: Cli) -> None:
    cli("decide", run)
    assert decided(run)["aim"] == {}
    assert decided(run)["rule"]["high"] == 0.5
    cli("decide", run, "--misses", "10%")
    before = (run / "decide.json").read_bytes()
    assert "already there" in cli("decide", run).output
    assert (run / "decide.json").read_bytes() == before


def test_apply_decides_too_and_at_the_share_it_answers_for(
    run: Path, stacked: Path, cli: Cli, tmp_path: Path
) -> None:
    cli("decide", run, "--false-alarms", "10%")
    rule = DecisionRule(**decided(run)["rule"])
    plain = cli("apply", run, stacked / "new.csv", "--out", tmp_path / "submission.csv")
    assert "-> " + str(tmp_path / "decisions.csv") in plain.output.replace("\n", "")
    moved = tmp_path / "rare.csv"
    cli("apply", run, stacked / "new.csv", "--out", moved, "--prior", ".05")
    calls = [
        pd.read_csv(tmp_path / name)["decision"].tolist()
        for name in ("decisions.csv", "rare_decisions.csv")
    ]
    assert calls[0] == calls[1]  # a rate of false alarms does not move with the share of fakes
    shifted = shift_prior(pd.read_csv(tmp_path / "submission.csv")["label"], rule.share, 0.05)
    np.testing.assert_allclose(pd.read_csv(moved)["label"], shifted)
    cli("decide", run, "--cost-miss", "3")
    cli("apply", run, stacked / "new.csv", "--out", moved, "--prior", ".05")
    table = pd.read_csv(tmp_path / "rare_decisions.csv")
    assert ((table["label"] > 0.25) == (table["decision"] == "FAKE")).all()


def test_another_submission_is_decided_anew_and_another_stack_decides_nothing(
    run: Path, stacked: Path, cli: Cli, make_scores: MakeScores, tmp_path: Path
) -> None:
    cli("decide", run, "--false-alarms", "10%")
    few = pd.read_csv(stacked / "new.csv").head(7)
    few.to_csv(tmp_path / "few.csv", index=False)
    cli("apply", run, tmp_path / "few.csv", "--out", run / "submission.csv")
    assert len(pd.read_csv(run / "decisions.csv")) == 7
    make_scores(300, seed=5).to_csv(tmp_path / "other.csv", index=False)
    printed = cli("stack", tmp_path / "other.csv", *FAST, "--out", run).output
    assert "is gone with its decisions: give it again" in " ".join(printed.split())
    assert not (run / "decide.json").exists()
    assert not (run / "decisions.csv").exists()


def test_a_damaged_rule_is_refused_by_name(run: Path, stacked: Path, cli: Cli) -> None:
    cli("decide", run, "--false-alarms", "10%")
    path = run / "decide.json"
    path.write_text(path.read_text().replace('"high"', '"higher"', 1))
    # Not by another rule than the one that was chosen, nor without a word by none.
    for command in (("decide", run), ("apply", run, stacked / "new.csv", "--out", run / "o.csv")):
        refused = " ".join(cli(*command, code=2).output.split())
        assert f"{path}: is damaged; give fakeodds decide {run} again" in refused
    cli("decide", run, "--false-alarms", "10%")  # makes it anew
    assert '"higher"' not in path.read_text()


def test_the_report_shows_what_was_decided(run: Path, cli: Cli) -> None:
    cli("report", run)
    page = (run / "report.html").read_text()
    assert "fakeodds decide" in page
    assert "With false alarms held to" in page
    cli("decide", run, "--misses", "5%")
    cli("report", run)
    page = (run / "report.html").read_text()
    assert "asked: misses at most" in page
    assert (run / "report" / "risk_coverage.svg").exists()


def test_too_few_groups_are_said(run: Path, cli: Cli) -> None:
    printed = cli("decide", run, "--false-alarms", ".1%").output
    assert "cannot promise a rate of 0.001 (999 are needed)" in " ".join(printed.split())


def test_what_nothing_shows_is_no_promise(run: Path, cli: Cli) -> None:
    printed = cli("decide", run, "--errors", ".1%", "--confidence", "99.9%").output
    printed = " ".join(printed.split())
    assert "80 groups cannot show that at most 0.001 of any videos are called wrong" in printed
    assert "with 99.9% confidence (6905 are needed): nothing is called" in printed
    assert "99.9 % confidence" in printed
    (promise,) = decided(run)["promises"]
    assert promise["code"] == "decide.not-promised"
    assert decided(run)["rule"]["high"] is None


def test_a_rule_beyond_the_bounds_of_the_stack_is_told_of(run: Path, cli: Cli) -> None:
    stack = RunFolder(run).stack / "stack.json"
    for low, call in ((0.4, "FAKE"), (None, "")):
        bounds = None if low is None else [low, 0.99]
        told = _one_call(DecisionRule(0.3, 0.3, share=0.5), bounds)
        assert [note.facts["call"] for note in told] == ([call] if call else [])
    assert (
        _one_call(DecisionRule(0.3, 0.995, share=0.5), (0.4, 0.99))[0].facts["call"] == "undecided"
    )
    assert _one_call(DecisionRule(0.3, 0.5, share=0.5), (0.1, 0.9)) == []
    clip = json.loads(stack.read_text())["clip"]
    printed = " ".join(cli("decide", run, "--misses", ".001%").output.split())
    assert ("every new video is FAKE" in printed) == (
        clip is not None and clip[0] > decided(run)["rule"]["high"]
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--false-alarms", "0"), "above 0"),
        (("--false-alarms", "5"), "above 0 and below 100%; was 5% meant?"),
        (("--false-alarms", "1%", "--errors", "1%"), "cannot be kept to at once"),
        (("--confidence", "90%"), "without a rate"),
        (("--cost-miss", "-1"), "not in the range 0<x<1000000000"),
        (("--cost-miss", "inf"), "not in the range 0<x<1000000000"),
        (("--cost-undecided", "1e400"), "not in the range 0<x<1000000000"),
    ],
)
def test_what_cannot_be_asked(options: tuple[str, ...], words: str, run: Path, cli: Cli) -> None:
    assert words in cli("decide", run, *options, code=2).output


def test_of_no_run_one_sentence(tmp_path: Path, cli: Cli) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no run" in cli("decide", tmp_path / "empty", code=2).output
