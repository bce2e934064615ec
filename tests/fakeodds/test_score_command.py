"""`fakeodds score`: a submission against the truth, with what was promised of it."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.view.scored import prior_in_words
from fakeodds.workflows.score import kept, prior_shifts, score_answers

Cli = Callable[..., Any]
MakeScores = Callable[..., pd.DataFrame]

FAST = ("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1")


def rows_of(label: list[int], probability: list[float]) -> pd.DataFrame:
    """Each video a group of its own."""
    index = pd.Index([f"v{i}" for i in range(len(label))], name="video")
    table = pd.DataFrame({"label": map(float, label), "probability": probability}, index=index)
    return table.assign(group=index.astype("string"))


@pytest.mark.parametrize(
    ("measure", "label", "probability", "published"),
    [
        # The examples in scikit-learn's documentation of log_loss, brier_score_loss and
        # roc_auc_score.
        ("log_loss", [1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65], 0.21616187468057912),
        ("brier", [0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3], 0.0375),
        ("auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
    ],
)
def test_measures_are_the_published_ones(
    measure: str, label: list[int], probability: list[float], published: float
) -> None:
    found = score_answers(rows_of(label, probability))
    assert found["measures"][measure]["value"] == pytest.approx(published, abs=1e-12)


def test_moving_to_the_true_share_is_elkans_formula() -> None:
    """Elkan 2001, theorem 2: from base rate b to b', p' = b' (p - pb) / (b - pb + b'p - bb')."""
    p, b, target = np.array([0.1, 0.5, 0.9, 0.7]), 0.5, 0.25
    y = np.array([0.0, 0.0, 1.0, 0.0])
    moved = target * (p - p * b) / (b - p * b + target * p - b * target)
    expected = -np.mean(y * np.log(moved) + (1 - y) * np.log(1 - moved))
    found = prior_shifts(y, p, np.arange(4), b, 0)
    assert found is not None
    assert found["known"]["log_loss"] == pytest.approx(expected, abs=1e-12)
    assert found["best"]["difference"] <= min(0.0, found["known"]["difference"]) + 1e-12


def test_a_shift_beyond_all_shares_is_no_advice() -> None:
    """Answers of 0 everywhere ask for a shift as far as log loss is cut off."""
    promise = {"run": "r", "log_loss": {"value": 0.3, "low": 0.2, "high": 0.4}, "prior": 0.5}
    known = {**promise, "own": True, "answered": None, "alerts": []}
    rows = rows_of([1, 0] * 20, [1e-15] * 40)
    found = score_answers(rows, known)
    assert found["prior"]["best"]["shift"] > 30
    assert not [said for said in prior_in_words(found) if "moving every logit" in said]
    found = score_answers(rows.assign(probability=0.1), known)
    assert [said for said in prior_in_words(found) if "moving every logit by +2.20" in said]


def test_of_one_group_there_is_no_interval() -> None:
    rows = rows_of([1, 0, 1, 0, 1], [0.9, 0.2, 0.8, 0.4, 0.6]).assign(part=["a"] * 3 + ["b"] * 2)
    rows["group"] = ["g", "g", "g", "h", "i"]
    found = score_answers(rows, by=["part"])
    loss = found["slices"]["part"]["a"]["stages"]["probability"]["log_loss"]
    assert loss["low"] is loss["high"] is None
    assert loss["value"] > 0
    assert found["slices"]["part"]["b"]["stages"]["probability"]["log_loss"]["low"] is not None
    promise = {"log_loss": {"value": 0.3, "low": 0.2, "high": 0.4}}
    whole = score_answers(rows.assign(group="g"))["measures"]["log_loss"]
    assert whole["low"] is None
    assert kept({**whole, "value": 0.5}, promise) == {"inside": False, "chance": None}


def test_a_promise_is_kept_inside_its_interval_or_by_chance() -> None:
    promise = {"log_loss": {"value": 0.3, "low": 0.2, "high": 0.4}}

    def came(value: float, low: float, high: float) -> dict[str, bool]:
        return kept({"value": value, "low": low, "high": high}, promise)

    assert came(0.35, 0.3, 0.4) == {"inside": True, "chance": True}
    assert came(0.45, 0.3, 0.6) == {"inside": False, "chance": True}
    assert came(0.9, 0.8, 1.0) == {"inside": False, "chance": False}
    assert came(0.1, 0.05, 0.3) == {"inside": False, "chance": True}


def test_certain_and_wrong_is_told_and_stays_finite() -> None:
    found = score_answers(rows_of([1, 0, 1, 0], [0.0, 0.2, 0.9, 0.4]))
    assert math.isfinite(found["measures"]["log_loss"]["value"])
    assert found["worst"][0]["video"] == "v0"
    assert found["notes"][0]["code"] == "score.certain-and-wrong"


def test_one_label_alone_is_scored_where_a_measure_is_defined() -> None:
    found = json.loads(json.dumps(score_answers(rows_of([1, 1, 1], [0.7, 0.8, 0.9]))))
    assert found["measures"]["auc"]["value"] is None
    assert found["measures"]["log_loss"]["value"] == pytest.approx(-np.log([0.7, 0.8, 0.9]).mean())
    assert found["prior"] is None


@pytest.fixture(scope="module")
def made(
    tmp_path_factory: pytest.TempPathFactory, prepare: Callable[..., None], make_scores: MakeScores
) -> Path:
    """A run with a submission of new videos, and their truth beside it."""
    folder = tmp_path_factory.mktemp("made")
    new = make_scores(120, seed=1).assign(method=["swap", "reenact", "none"] * 40)
    make_scores().to_csv(folder / "train.csv", index=False)
    new.drop(columns=["label", "group", "method"]).to_csv(folder / "test.csv", index=False)
    new[["video", "label", "group", "method"]].to_csv(folder / "truth.csv", index=False)
    test = ("--test", folder / "test.csv")
    prepare("stack", folder / "train.csv", *test, "--out", folder / "run", *FAST)
    return folder


@pytest.fixture
def judged(made: Path, tmp_path: Path) -> Path:
    """A copy of them, to be written to."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def test_a_run_is_scored_beside_its_promise(judged: Path, cli: Cli) -> None:
    said = cli("score", judged / "run", judged / "truth.csv", "--out", judged / "out").output
    assert "Promised by" in said
    assert "by method" in said
    asked = ("score", judged / "run" / "submission.csv", judged / "truth.csv")
    found = json.loads(cli(*asked, "--run", judged / "run", "--json", "--quiet").output)
    promise = json.loads((judged / "run" / "metrics.json").read_text())
    assert found["promise"]["log_loss"] == promise["stages"]["calibrated"]["log_loss"]
    assert found["rows"] == 120

    rows = pd.read_csv(judged / "out" / "rows.csv")
    measures = pd.read_csv(judged / "out" / "measures.csv").set_index("measure")
    parts = pd.read_csv(judged / "out" / "slices.csv")
    loss = found["measures"]["log_loss"]["value"]
    assert rows["log_loss"].mean() == pytest.approx(loss)
    assert np.average(parts["log_loss"], weights=parts["rows"]) == pytest.approx(loss)
    assert measures.loc["log_loss", "value"] == pytest.approx(loss)
    split = measures.loc[["calibration", "refinement"], "value"].sum()
    assert split == pytest.approx(loss)
    costs = [row["log_loss"] for row in found["worst"]]
    assert costs == sorted(costs, reverse=True)
    assert costs == sorted(rows["log_loss"], reverse=True)[: len(costs)]


def test_of_a_few_answers_is_said_only_what_they_can_tell(judged: Path, cli: Cli) -> None:
    few = pd.read_csv(judged / "truth.csv").head(10)
    few.to_csv(judged / "few.csv", index=False)
    asked = ("score", judged / "run", judged / "few.csv")
    said = cli(*asked).output
    assert "How well the answers are calibrated cannot be told" in said
    for measure in ("recalibrat", "ECE", "slope"):
        assert measure not in said
    assert "Every answer, the dearest first:" in said
    assert "of the whole log loss" not in said
    assert "The 6 worst answers, the dearest first:" in cli(*asked, "--worst", "6").output
    # Who asks for numbers gets them all.
    found = json.loads(cli(*asked, "--json", "-q").output)
    assert {"calibration", "slope"} <= set(found["measures"])
    assert found["fewest"] < 10
    many = cli("score", judged / "run", judged / "truth.csv").output
    assert "cannot be told" not in many
    assert "recalibrated so, better than the share of fakes by" in many
    assert "The worst 10 of them are" in many


def test_groups_are_those_that_the_run_was_fitted_with(
    tmp_path: Path, cli: Cli, judged: Path
) -> None:
    asked = ("score", judged / "run", tmp_path / "people.csv", "--json", "-q")
    truth = pd.read_csv(judged / "truth.csv").rename(columns={"group": "who"})
    truth.to_csv(tmp_path / "people.csv", index=False)
    unnamed = json.loads(cli(*asked).output)
    assert unnamed["groups"] == len(truth)
    table = pd.read_csv(judged / "train.csv").rename(columns={"group": "who"})
    table.to_csv(tmp_path / "by_who.csv", index=False)
    cli("stack", tmp_path / "by_who.csv", "--group", "who", "--test", judged / "test.csv",
        "--out", judged / "run", *FAST)  # fmt: skip
    found = json.loads(cli(*asked).output)
    assert found["groups"] == truth["who"].nunique()
    codes = [note["code"] for note in found["notes"]]
    assert "score.groups-as-of-run" in codes
    assert "truth.no-groups" not in codes


def test_without_a_run_nothing_is_promised(judged: Path, cli: Cli) -> None:
    submission = judged / "run" / "submission.csv"
    said = cli("score", submission, judged / "truth.csv", "--by", "group", "--worst", "0").output
    assert "Promised" not in said
    assert "by group" in said
    assert "worst" not in said


def test_a_known_share_costs_what_apply_with_it_does(judged: Path, cli: Cli) -> None:
    truth = pd.read_csv(judged / "truth.csv")
    fewer = truth.drop(truth.index[truth["label"] == 1][::2])
    fewer.to_csv(judged / "fewer.csv", index=False)
    share = fewer["label"].mean()
    before = json.loads(cli("score", judged / "run", judged / "fewer.csv", "--json", "-q").output)
    moved = judged / "moved.csv"
    cli("apply", judged / "run", judged / "test.csv", "--prior", share, "--out", moved)
    after = json.loads(cli("score", moved, judged / "fewer.csv", "--json", "-q").output)
    assert after["measures"]["log_loss"]["value"] == pytest.approx(
        before["prior"]["known"]["log_loss"]
    )


def test_a_runs_own_files_are_not_spoiled(judged: Path, cli: Cli) -> None:
    said = cli("score", judged / "run", judged / "truth.csv", "--out", judged / "run", code=2)
    assert "spoiled" in said.output


def test_a_damaged_submission_is_refused_by_name(judged: Path, cli: Cli) -> None:
    submission = judged / "run" / "submission.csv"
    whole = submission.read_bytes()
    submission.write_bytes(whole.replace(b"0.", b"0.9", 1))
    for asked in (judged / "run", submission):
        said = cli("score", asked, judged / "truth.csv", code=2).output
        assert f"{submission}: is damaged; give fakeodds stack --test" in said
    submission.unlink()
    said = cli("score", judged / "run", judged / "truth.csv", code=2).output
    assert "submission.csv: is gone" in said


def test_a_run_that_was_stopped_is_told_of_with_what_goes_on(judged: Path, cli: Cli) -> None:
    run = judged / "run"
    (run / "products" / "submission.json").unlink()
    said = cli("score", run, judged / "truth.csv", code=2).output
    assert "this run is not finished: it has no submission; give fakeodds stack" in said
    (run / "products" / "stack.json").unlink()
    said = cli("score", run, judged / "truth.csv", code=2).output
    assert "this run is not finished: it has no stack; give fakeodds stack" in said
    assert "goes on" in said


def scored(cli: Cli, *asked: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cli("score", *asked, "--json", "-q").output)
    return found


def test_a_share_that_was_answered_for_is_not_moved_to_again(judged: Path, cli: Cli) -> None:
    """It is shifted from the answers' own share, whoever wrote them last."""
    run, new = judged / "run", judged / "test.csv"
    before = scored(cli, run, judged / "truth.csv")
    assert before["promise"]["answered"] is None
    cli("apply", run, new, "--prior", 0.1, "--out", run / "submission.csv")
    after = scored(cli, run, judged / "truth.csv")
    assert after["promise"]["answered"] == 0.1
    assert after["prior"]["known"]["log_loss"] == pytest.approx(
        before["prior"]["known"]["log_loss"]
    )
    said = cli("score", run, judged / "truth.csv").output
    assert "answered for 10.0 % (--prior)" in said
    # The estimated share is the one that was found, and a copy is the run's own.
    cli("apply", run, new, "--prior", "auto", "--out", run / "submission.csv")
    copy = judged / "copy.csv"
    copy.write_bytes((run / "submission.csv").read_bytes())
    found = scored(cli, copy, judged / "truth.csv", "--run", run)
    share = found["promise"]["answered"]
    assert 0.2 < share < 0.8
    assert found["prior"]["known"]["log_loss"] == pytest.approx(
        before["prior"]["known"]["log_loss"]
    )


def test_videos_that_taught_the_stack_are_told_of_and_leave_no_verdict(
    judged: Path, cli: Cli
) -> None:
    run = judged / "run"
    cli("apply", run, judged / "train.csv", "--out", judged / "own.csv")
    found = scored(cli, judged / "own.csv", judged / "train.csv", "--run", run)
    (taught,) = found["alerts"]
    assert taught["code"] == "score.taught"
    assert len(taught["facts"]["videos"]) == found["rows"]
    assert found["promise"]["inside"] is found["promise"]["chance"] is None

    alone = judged / "alone"
    cli("stack", judged / "train.csv", "--out", alone, *FAST)
    found = scored(cli, alone, judged / "train.csv")
    assert [one["code"] for one in found["alerts"]] == ["score.judged-already"]
    assert found["promise"]["inside"] is None
    said = cli("score", alone, judged / "train.csv").output
    assert "neither keeps nor breaks it" in said


def test_groups_that_taught_the_stack_are_counted(judged: Path, cli: Cli) -> None:
    truth = pd.read_csv(judged / "truth.csv")
    truth["video"] = truth["video"].str.replace("v", "new")
    submission = pd.read_csv(judged / "run" / "submission.csv")
    submission["filename"] = submission["filename"].str.replace("v", "new")
    submission.to_csv(judged / "new.csv", index=False)
    truth["group"] = ["g0", "g1"] * 10 + truth["group"].add("-new").tolist()[20:]
    truth.to_csv(judged / "new_truth.csv", index=False)
    asked = (judged / "new.csv", judged / "new_truth.csv", "--run", judged / "run")
    found = scored(cli, *asked)
    (shared,) = found["alerts"]
    assert shared["code"] == "score.shared-groups"
    assert shared["facts"]["groups"] == ["g0", "g1"]
    assert shared["facts"]["n"] == 20
    assert found["promise"]["inside"] is not None
    truth.assign(group="").to_csv(judged / "new_truth.csv", index=False)  # as if there were none
    found = scored(cli, *asked)
    assert found["alerts"] == []
    assert "truth.no-groups" in [note["code"] for note in found["notes"]]
    assert found["groups"] == len(truth)


def test_files_that_were_mixed_up(judged: Path, cli: Cli) -> None:
    truth = judged / "truth.csv"
    assert "as the submission and as the truth" in cli("score", truth, truth, code=2).output
    labels = pd.read_csv(truth).rename(columns={"video": "filename"})[["filename", "label"]]
    labels.to_csv(judged / "labels.csv", index=False)
    found = scored(cli, judged / "labels.csv", truth)
    assert [one["code"] for one in found["alerts"]] == ["score.labels-themselves"]


@pytest.mark.parametrize("column", ["video", "probability", "log_loss", "share"])
def test_columns_that_cannot_tell_parts_apart(column: str, judged: Path, cli: Cli) -> None:
    table = pd.read_csv(judged / "truth.csv")
    table.assign(**{column: table["video"]}).to_csv(judged / "wide.csv", index=False)
    said = cli("score", judged / "run", judged / "wide.csv", "--by", column, code=2).output
    assert f"--by {column}: " in said
