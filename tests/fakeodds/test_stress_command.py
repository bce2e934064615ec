"""`fakeodds stress`: on videos that are altered here, and on tables of altered scores."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from base_models.stress.registry import ALTERATIONS
from calibration import Aim, cross_decide
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Table
from fakeodds.report.sections import operating
from fakeodds.report.sections import stress as section
from fakeodds.run.folder import RunFolder
from fakeodds.view.figures import draw
from fakeodds.workflows.altered import as_known, drawn_groups
from predictions.frame_rules import rule_table

Cli = Callable[..., Any]

FAST = (
    *("--meta", "logistic", "--take", "all", "--calibration", "none"),
    *("--jobs", "1", "--folds", "3"),
)


def altered(scores: pd.DataFrame, by: float) -> pd.DataFrame:
    """The same videos with `strong` drowned in noise."""
    rng = np.random.default_rng(3)
    logit = (
        np.log(scores["strong"] / (1 - scores["strong"])) - by + by * rng.normal(size=len(scores))
    )
    return scores.drop(columns=["label", "group"]).assign(strong=1 / (1 + np.exp(-logit)))


def tables(folder: Path) -> tuple[Path, ...]:
    return (folder / "jpeg_75.csv", folder / "jpeg_30.csv")


@pytest.fixture(scope="module")
def stacked(
    tmp_path_factory: pytest.TempPathFactory,
    prepare: Callable[..., None],
    make_scores: Callable[..., pd.DataFrame],
) -> Path:
    """A folder with `scores.csv`, two tables of altered scores and a run of the first, stressed."""
    folder = tmp_path_factory.mktemp("stacked")
    scores = make_scores(100)
    scores.to_csv(folder / "scores.csv", index=False)
    for strength, by in ((75, 0.1), (30, 3.0)):
        altered(scores, by).to_csv(folder / f"jpeg_{strength}.csv", index=False)
    prepare("stack", folder / "scores.csv", "--out", folder / "run", *FAST)
    asked = ("--stress", *tables(folder), "--harden", "--jobs", "1", "--no-report")
    prepare("stress", folder / "run", *asked)
    return folder


@pytest.fixture
def folder(stacked: Path, tmp_path: Path) -> Path:
    """A copy of its run beside the same tables."""
    shutil.copytree(stacked / "run", tmp_path / "run")
    for table in stacked.glob("*.csv"):
        shutil.copy(table, tmp_path)
    return tmp_path


def test_tables_of_altered_scores_are_judged_and_a_hardened_stack_answers(
    folder: Path, cli: Cli
) -> None:
    run = folder / "run"
    asked = ("stress", run, "--stress", *tables(folder), "--harden", "--jobs", "1")
    said = cli(*asked).output
    found = json.loads((run / "stress.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    clean = found["clean"]["stages"]["calibrated"]
    assert clean["log_loss"] == metrics["stages"]["calibrated"]["log_loss"]
    mild, strong = found["alterations"]
    assert (mild["alteration"], mild["strength"]) == ("jpeg", 75)
    assert strong["stages"]["calibrated"]["change"]["low"] > 0
    assert strong["moved"]["median"] > mild["moved"]["median"]
    firsts = [one for one in found["breaks"] if one["first"]]
    assert [(one["detector"], one["at"]) for one in firsts] == [("strong", "jpeg_30")]
    assert "jpeg: strong breaks first, at jpeg_30" in said
    flat = pd.read_csv(run / "stress.csv")
    assert len(flat) == 3 * len(clean and found["clean"]["stages"])
    hardened = json.loads((run / "hardened.json").read_text())
    assert hardened["known"]["copies"]["jpeg_30"]["change"]["high"] < 0
    assert hardened["unknown"] is None  # one kind: none can be left out
    assert all(len(line) <= 80 for line in said.splitlines() if line.startswith("jpeg_"))

    stack = (run / "stack" / "stack.json").read_bytes()
    cli("apply", run / "hardened", folder / "jpeg_30.csv", "--out", folder / "new.csv")
    cli("apply", run, folder / "jpeg_30.csv", "--out", folder / "plain.csv")
    assert (run / "stack" / "stack.json").read_bytes() == stack
    answers = [pd.read_csv(folder / name)["label"] for name in ("new.csv", "plain.csv")]
    assert not np.allclose(*answers)
    refused = cli(
        "apply", run / "hardened", folder / "jpeg_30.csv", "--out", run / "submission.csv", code=2
    )
    assert "run's own stack" in refused.output


def test_the_same_command_finds_it_there_and_other_tables_make_it_anew(
    folder: Path, cli: Cli
) -> None:
    run = folder / "run"
    mild, strong = tables(folder)
    before = (run / "stress.json").read_bytes()
    assert "already there" in cli("stress", run, "--stress", mild, strong, "--jobs", "1").output
    cli("stress", run, "--stress", mild, "--jobs", "1")
    assert (run / "stress.json").read_bytes() != before
    cli("stress", run, "--stress", mild, strong, "--jobs", "1")
    assert (run / "stress.json").read_bytes() == before


def test_a_hardened_stack_that_goes_is_told_of_and_is_no_run(folder: Path, cli: Cli) -> None:
    run, (mild, strong) = folder / "run", tables(folder)
    for command in (("decide", run / "hardened"), ("explain", run / "hardened", "v001")):
        refused = " ".join(cli(*command, code=2).output.split())
        assert (
            f"is a hardened stack, by which fakeodds apply answers and no other command; name {run}"
            in refused
        )
    said = " ".join(
        cli("stress", run, "--stress", mild, "--jobs", "1", "--no-report").output.split()
    )
    assert "The hardened stack was taught on other alterations" in said
    refused = " ".join(cli("apply", run / "hardened", strong, code=2).output.split())
    assert f"holds no hardened stack; fakeodds stress {run} --harden makes one" in refused


def test_what_the_rule_delivers_on_altered_videos(folder: Path, cli: Cli) -> None:
    run = folder / "run"
    asked = ("stress", run, "--stress", *tables(folder), "--jobs", "1", "--no-report")
    assert json.loads(cli(*asked, "--json", "-q").output)["decided"] == []
    said = cli("decide", run, "--false-alarms", "10%").output
    assert "on videos as they are and altered" in " ".join(said.split())
    rates = json.loads(cli("decide", run, "--json", "-q").output)["altered"]
    assert [one["name"] for one in rates] == ["clean", "jpeg_75", "jpeg_30"]
    # By hand: every copy by the rule that the other folds choose on videos as they are.
    oof = pd.read_csv(run / "oof.csv", index_col="video")
    chosen = cross_decide(
        Aim(false_alarms=0.1), oof["label"], oof["calibrated"], oof["group"], oof["fold"]
    )
    assert rates[0]["counts"] == dict(chosen.delivered.counts)
    answers = pd.read_csv(run / "stress_oof.csv", index_col="video")
    strong = answers[answers["altered"] == "jpeg_30"]["calibrated"]
    bounds = oof["fold"].map({fold: rule.high for fold, rule in chosen.rules.items()})
    wrong = (strong > bounds.loc[strong.index]) & (oof["label"].loc[strong.index] == 0)
    assert rates[2]["counts"]["REAL called FAKE"] == int(wrong.sum())
    assert json.loads(cli(*asked, "--json", "-q").output)["decided"] == rates
    built = operating.build(Contents(RunFolder.existing(run, reads=True)))
    assert built is not None
    (table,) = (part for part in built.parts if getattr(part, "title", "").startswith("The same"))
    assert [row[0] for row in table.rows] == ["clean", "jpeg_75", "jpeg_30"]


def test_a_report_that_goes_is_told_of(folder: Path, cli: Cli) -> None:
    run, (mild, _) = folder / "run", tables(folder)
    cli("report", run)
    said = cli("stress", run, "--stress", mild, "--jobs", "1", "--no-report").output
    assert "is removed: fakeodds report" in " ".join(said.split())
    assert not (run / "report.html").exists()


def test_what_is_refused_leaves_what_was_told_before(folder: Path, cli: Cli) -> None:
    run = folder / "run"
    before = (run / "stress.json").read_bytes()
    labelled = pd.read_csv(folder / "scores.csv")
    fakes = pd.read_csv(folder / "jpeg_30.csv")[(labelled["label"] == 1).to_numpy()]
    fakes.to_csv(folder / "fakes_30.csv", index=False)
    asked = ("stress", run, "--stress", *tables(folder), folder / "fakes_30.csv", "--jobs", "1")
    assert "fakes_30 are of one label only" in " ".join(cli(*asked, code=2).output.split())
    assert (run / "stress.json").read_bytes() == before
    assert (run / "hardened" / "stack.json").exists()


def test_few_groups_are_told_of(folder: Path, cli: Cli) -> None:
    few = pd.read_csv(folder / "jpeg_30.csv")[:40]
    few.to_csv(folder / "few_30.csv", index=False)
    asked = ("stress", folder / "run", "--stress", folder / "few_30.csv", "--jobs", "1")
    said = " ".join(cli(*asked, "--no-report").output.split())
    assert "groups: whether a detector breaks, so few cannot tell" in said


def test_another_stack_removes_what_was_told_of_the_first(folder: Path, cli: Cli) -> None:
    run = folder / "run"
    cli("stack", folder / "scores.csv", "--out", run, *FAST, "--drop", "blind")
    gone = ("stress.json", "stress.csv", "hardened.json", "hardened/stack.json")
    assert not any((run / name).exists() for name in gone)
    said = cli("apply", run / "hardened", folder / "jpeg_30.csv", code=2).output
    assert "hardened" in said


def test_a_report_tells_of_it(folder: Path) -> None:
    run = folder / "run"
    found = section.build(Contents(RunFolder.existing(run, reads=True)))
    assert found is not None
    assert "strong breaks first, at jpeg_30" in found.lead
    figures = [part for part in found.parts if isinstance(part, Figure)]
    strengths, areas = (figure.data for figure in figures)
    assert strengths["name"].tolist() == ["as they are", "jpeg_75", "jpeg_30"]
    assert strengths["step"].tolist() == [0, 1, 2]
    assert areas["altered"].unique().tolist() == ["as they are", "jpeg_30"]
    for figure in figures:
        assert draw(figure.name, figure.draw, figure.size).page.startswith("<svg")
    titles = [part.title for part in found.parts if isinstance(part, Table)]
    assert titles[1] == "Where each detector breaks"
    assert "--harden" in titles[2]
    RunFolder.existing(run).clear("stress")
    assert section.build(Contents(RunFolder.existing(run, reads=True))) is None


def test_labels_of_a_file_of_their_own_are_those_of_the_run(folder: Path, cli: Cli) -> None:
    scores = pd.read_csv(folder / "scores.csv")
    scores[["video", "label", "group"]].to_csv(folder / "labels.csv", index=False)
    scores.drop(columns=["label", "group"]).to_csv(folder / "bare.csv", index=False)
    run = folder / "other"
    labels = ("--labels", folder / "labels.csv")
    cli("stack", folder / "bare.csv", *labels, "--out", run, *FAST)
    cli("stress", run, "--stress", *tables(folder), "--jobs", "1")
    first = json.loads((run / "stress.json").read_text())
    assert first == json.loads((folder / "run" / "stress.json").read_text())


def test_what_cannot_be_judged_is_refused_in_a_sentence(folder: Path, cli: Cli) -> None:
    run = folder / "run"
    mild, _ = tables(folder)
    assert "--stress" in cli("stress", run, code=2).output
    said = cli("stress", run, "--stress", mild, "--alter", "jpeg", code=2).output
    assert "--alter: is of videos that are altered here" in said
    bare = folder / "few.csv"
    pd.read_csv(mild).drop(columns="bold").to_csv(bare, index=False)
    assert "no column bold" in cli("stress", run, "--stress", bare, code=2).output
    pd.read_csv(mild).assign(video=lambda t: "x" + t["video"]).to_csv(bare, index=False)
    assert "none of its 100 ids" in cli("stress", run, "--stress", bare, code=2).output
    pd.read_csv(mild).to_csv(folder / "clean.csv", index=False)
    said = cli("stress", run, "--stress", folder / "clean.csv", code=2).output
    assert "is called 'clean'" in said


def test_scores_that_are_not_those_of_the_run_are_refused(
    tmp_path: Path, scores: pd.DataFrame, cli: Cli
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    cli("stack", tmp_path / "scores.csv", "--out", tmp_path / "run", *FAST)
    altered(scores, 1.0).to_csv(tmp_path / "blur.csv", index=False)
    scores.assign(bold=scores["bold"] / 2).to_csv(tmp_path / "scores.csv", index=False)
    asked = ("stress", tmp_path / "run", "--stress", tmp_path / "blur.csv", "--jobs", "1")
    assert "not those that it was judged with" in cli(*asked, code=2).output
    (tmp_path / "scores.csv").unlink()
    assert "is not there any more" in cli(*asked, code=2).output


def test_videos_that_are_altered_by_nothing_get_the_scores_they_had(
    trained: Path, tmp_path: Path, cli: Cli
) -> None:
    """Found, cut and scored once more by the fold's own models: the same, to the last bits."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    said = cli("stress", run, "--alter", "brightness=1,0.4", "--alter", "frames=8,1", "--jobs", "1")
    assert "frames=8: not for these videos" in said.output
    found = json.loads((run / "stress.json").read_text())
    same, dark, *fewer = found["alterations"]
    assert same["moved"]["mean"]["value"] < 1e-6
    assert dark["name"] == "brightness=0.4"
    assert [one["name"] for one in fewer] == ["frames=1"]
    assert dark["stages"]["base/timm-test_efficientnet"]["change"]["value"] != 0
    assert not (run / "stress" / ".work").exists()
    # Other alterations leave what is there; the same scores are not made again.
    made = run / "stress" / "brightness=0.4" / "model=timm-test_efficientnet.parquet"
    before = made.stat().st_mtime_ns
    said = cli("stress", run, "--alter", "brightness=0.4", "--jobs", "1", "--json", "-q").output
    (only,) = json.loads(said)["alterations"]
    assert only["name"] == "brightness=0.4"
    assert made.stat().st_mtime_ns == before


def test_groups_are_drawn_whole() -> None:
    groups = pd.Series(["a"] * 5 + ["b"] * 3 + ["c"] * 2, index=range(10))
    for seed in range(5):
        for most in (1, 4, 9):
            taken = groups[drawn_groups(groups, most, seed)]
            assert set(taken.index) == set(groups.index[groups.isin(taken.unique())])
            assert len(taken) <= most or taken.nunique() == 1
    assert drawn_groups(groups, None, 0).tolist() == list(range(10))


def test_a_table_with_fewer_frames_has_the_columns_that_are_known() -> None:
    frames = pd.DataFrame(
        {
            "video": ["a"] * 4 + ["b"] * 2,
            "face": [0, 0, 1, 1, 0, 0],
            "model": "net",
            "logit": [0.0, 1.0, 5.0, 7.0, -1.0, -3.0],
        }
    )
    known = rule_table(frames)
    pd.testing.assert_frame_equal(as_known(known, known), known)
    single = frames.groupby("video").head(1)
    few = as_known(rule_table(single).reindex(known.index), known)
    assert list(few) == list(known)
    ruled = [name for name in known if "/" in name]
    assert (few[ruled].to_numpy() == few[["net"]].to_numpy()).all()
    nothing = pd.DataFrame(index=known.index).assign(net=np.nan)
    empty = as_known(nothing, known)
    assert empty["net:count"].tolist() == [0, 0]
    assert empty.drop(columns="net:count").isna().all(axis=None)


def test_the_guide_names_every_alteration_with_its_strengths() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guide" / "stress.md"
    lines = guide.read_text(encoding="utf-8").splitlines()
    told = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    told.pop("--alter")
    assert list(told) == list(ALTERATIONS)
    for name, one in ALTERATIONS.items():
        strengths = ", ".join(f"{strength:g}".removeprefix("0") for strength in one.strengths)
        assert strengths in told[name]
