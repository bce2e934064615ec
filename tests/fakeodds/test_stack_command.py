"""`fakeodds stack` and `fakeodds apply` on score files, good and bad."""

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.report.contents import Contents
from fakeodds.run.folder import RunFolder

Cli = Callable[..., Any]
MakeScores = Callable[..., pd.DataFrame]

FAST = ("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1")


def stages(out: Path) -> dict[str, float]:
    metrics = json.loads((out / "metrics.json").read_text())
    return {name: stage["log_loss"]["value"] for name, stage in metrics["stages"].items()}


def test_from_scores_to_a_submission(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, make_scores: MakeScores
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    new = make_scores(60, seed=1)
    new.drop(columns=["label", "group"]).to_csv(tmp_path / "test.csv", index=False)
    sample = pd.DataFrame({"filename": new["video"][::-1], "label": 0.5})
    sample.to_csv(tmp_path / "sample.csv", index=False)
    out = tmp_path / "run"
    cli(
        *("stack", tmp_path / "train.csv", "--test", tmp_path / "test.csv"),
        *("--sample", tmp_path / "sample.csv", "--out", out, *FAST),
    )

    submission = pd.read_csv(out / "submission.csv")
    assert submission["filename"].tolist() == sample["filename"].tolist()
    p = submission.set_index("filename")["label"].reindex(new["video"]).to_numpy()
    assert ((p > 0) & (p < 1)).all()
    loss = -np.log(np.where(new["label"] == 1, p, 1 - p)).mean()
    promised = json.loads((out / "metrics.json").read_text())["stages"]["calibrated"]["log_loss"]
    assert loss < 0.5
    assert abs(loss - promised["value"]) < 0.15

    oof = pd.read_csv(out / "oof.csv")
    assert list(oof)[:4] == ["video", "label", "group", "fold"]
    assert oof["video"].tolist() == scores["video"].tolist()
    assert oof.groupby("group")["fold"].nunique().max() == 1
    losses = stages(out)
    assert list(losses)[-3:] == ["mean", "stacked", "calibrated"]
    assert losses["calibrated"] < min(losses["base/bold"], losses["base/blind"], losses["mean"])
    assert (out / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_call_gives_the_same_bytes_and_is_skipped(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    for name in ("a", "b", "b"):
        result = cli("stack", tmp_path / "train.csv", "--out", tmp_path / name, *FAST)
    assert "already there" in result.output
    for file in ("oof.csv", "submission.csv", "stack/stack.skops", "stack/stack.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_apply_gives_what_stack_gave(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, make_scores: MakeScores
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    make_scores(40, seed=2).to_csv(tmp_path / "test.csv", index=False)
    out = tmp_path / "run"
    cli(
        *("stack", tmp_path / "train.csv", "--test", tmp_path / "test.csv"),
        *("--reverse", "bold", "--out", out, *FAST),
    )
    cli("apply", out, tmp_path / "test.csv", "--out", tmp_path / "again.csv")
    assert (out / "submission.csv").read_bytes() == (tmp_path / "again.csv").read_bytes()


def test_a_backward_column_is_pointed_out_and_left_as_it_is(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores["strong"] = 1 - scores["strong"]
    scores.to_csv(tmp_path / "train.csv", index=False)
    said = cli("stack", tmp_path / "train.csv", "--out", tmp_path / "a", *FAST).output
    assert "--reverse strong" in said
    assert "--reverse bold" not in said
    assert stages(tmp_path / "a")["base/strong"] > 1
    turned = ("--out", tmp_path / "b", "--reverse", "strong", *FAST)
    assert "say --reverse" not in cli("stack", tmp_path / "train.csv", *turned).output
    assert stages(tmp_path / "b")["base/strong"] < 0.6


def test_prior_moves_probabilities(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "run"
    cli("stack", tmp_path / "train.csv", "--out", out, *FAST)
    shares = {}
    for prior in ("0.1", "0.5"):
        cli("apply", out, tmp_path / "train.csv", "--prior", prior, "--out", tmp_path / "p.csv")
        shares[prior] = pd.read_csv(tmp_path / "p.csv")["label"].mean()
    assert shares["0.1"] < shares["0.5"] - 0.1


def test_kaggle_submissions(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    for model in ("strong", "bold"):
        one = scores[["video", model]].set_axis(["filename", "label"], axis=1)
        one.to_csv(tmp_path / f"{model}.csv", index=False)
    scores[["video", "label", "group"]].to_csv(tmp_path / "labels.csv", index=False)
    out = tmp_path / "run"
    cli(
        *("stack", tmp_path / "strong.csv", tmp_path / "bold.csv"),
        *("--labels", tmp_path / "labels.csv", "--out", out, *FAST),
    )
    assert {"base/strong", "base/bold"} <= set(stages(out))


def test_shuffled_labels_gain_nothing(tmp_path: Path, cli: Cli, make_scores: MakeScores) -> None:
    table = make_scores(1000)
    table["label"] = np.random.default_rng(5).permutation(table["label"].to_numpy())
    table.to_csv(tmp_path / "train.csv", index=False)
    cli("stack", tmp_path / "train.csv", "--out", tmp_path / "run")
    assert stages(tmp_path / "run")["calibrated"] >= 0.69


BAD = {
    "no label": (lambda t: t.drop(columns="label"), ("label",)),
    "label column asked for is not there": (lambda t: t.rename(columns={"label": "y"}), ("label",)),
    "two rows for one video": (
        lambda t: pd.concat([t, t.iloc[[7]]]),
        ("v0007.mp4",),
    ),
    "text in a score": (
        lambda t: t.assign(bold=t["bold"].astype(object).where(t.index != 3, "high")),
        ("bold", "high", "v0003.mp4"),
    ),
    "label that is neither": (lambda t: t.assign(label=t["label"].where(t.index != 4, 7)), ("7",)),
    "one class": (lambda t: t.assign(label=1), ("FAKE",)),
    "two groups for five folds": (
        lambda t: t.assign(group=np.where(t.index < 150, "a", "b")),
        ("group",),
    ),
    "no scores": (lambda t: t[["video", "label", "group"]], ("score",)),
    "no rows": (lambda t: t.iloc[:0], ()),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_end_in_one_sentence(
    case: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    spoil, words = BAD[case]
    spoil(scores).to_csv(tmp_path / "train.csv", index=False)
    result = cli(
        *("stack", tmp_path / "train.csv", "--label", "label"),
        *("--out", tmp_path / "run", *FAST),
        code=2,
    )
    message = result.output.strip().splitlines()[-1]
    assert message.startswith("fakeodds: ")
    for word in words:
        assert word in message
    assert "Traceback" not in result.output
    assert not (tmp_path / "run" / "submission.csv").exists()


@pytest.mark.parametrize("command", ["stack", "compare", "calibrate"])
def test_scores_without_any_label_are_refused(
    command: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores[["video", "group", "bold"]].to_csv(tmp_path / "train.csv", index=False)
    said = cli(command, tmp_path / "train.csv", "--out", tmp_path / "run", code=2).output
    assert "train.csv: no video has a label" in said


def test_a_test_table_without_a_model_is_refused_before_the_work(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    scores.drop(columns="bold").to_csv(tmp_path / "test.csv", index=False)
    result = cli(
        *("stack", tmp_path / "train.csv", "--test", tmp_path / "test.csv"),
        *("--out", tmp_path / "run", *FAST),
        code=2,
    )
    assert "bold" in result.output
    assert "test.csv" in result.output
    assert not (tmp_path / "run").exists()


def test_a_sample_that_nobody_meets_is_refused_before_the_work(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"id": ["x", "y"], "target": 0.5}).to_csv(tmp_path / "s.csv", index=False)
    out = tmp_path / "run"
    result = cli(
        *("stack", tmp_path / "train.csv", "--sample", tmp_path / "s.csv"),
        *("--out", out, *FAST),
        code=2,
    )
    assert "s.csv: none of its 2 ids" in result.output
    assert not out.exists()


def test_a_name_that_nobody_meets_does_not_cost_the_submission(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    names = [*scores["video"][1:], "nobody.mp4"]
    sample = pd.DataFrame({"": range(len(names)), "target": 0, "note": "x", "id": names})
    sample.to_csv(tmp_path / "s.csv", index=False)
    arguments = ("--sample", tmp_path / "s.csv", "--out", tmp_path / "run", *FAST)
    result = cli("stack", tmp_path / "train.csv", *arguments)
    said = " ".join(result.output.split())
    assert "1 video listed but not scored ('nobody.mp4')" in said
    assert f"1 video scored but not listed ('{scores['video'].iloc[0]}')" in said
    written = pd.read_csv(tmp_path / "run" / "submission.csv")
    assert (tmp_path / "run" / "submission.csv").read_text().startswith(",target,note,id\n")
    assert written["id"].tolist() == names
    assert written["target"].iloc[-1] == pytest.approx(written["target"].iloc[:-1].mean())
    # The report reads it whatever its columns are called.
    read = Contents(RunFolder.existing(tmp_path / "run")).submission
    assert read is not None
    assert list(read) == ["filename", "label"]
    assert read["label"].tolist() == written["target"].tolist()


@pytest.mark.parametrize("command", ["stack", "calibrate", "compare"])
def test_the_order_of_rows_and_columns_changes_nothing(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, command: str
) -> None:
    scores = scores.iloc[:90]
    if command == "calibrate":
        scores = scores[["video", "label", "group", "bold"]]
    shuffled = scores.sample(frac=1, random_state=0)[scores.columns[::-1]]
    options = {
        "stack": FAST,
        "calibrate": ("--jobs", "1", "--calibration", "auto"),
        "compare": ("--jobs", "1"),
    }[command]
    found = []
    for name, table in (("one", scores), ("other", shuffled)):
        out = tmp_path / name
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        cli(command, tmp_path / f"{name}.csv", "--no-report", "--out", out, *options)
        if command == "compare":
            found.append((out / "compare.json").read_text())
            continue
        answers = pd.read_csv(out / "oof.csv", index_col="video")
        assert answers.index.tolist() == table["video"].tolist()
        stages = json.loads((out / "metrics.json").read_text())["stages"]
        submission = (out / "submission.csv").read_text().splitlines()
        assert submission[1].startswith(table["video"].iloc[0])
        ordered = answers.sort_index()[sorted(answers)].to_csv()
        found.append((ordered, json.dumps(stages, sort_keys=True), sorted(submission)))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--clip", "0.9,0.1"),
        ("--clip", "often"),
        ("--meta", "magic"),
        ("--kind", "odds"),
        ("--kind", "logit", "--kind", "bold=raw"),
        ("--prior", "1.5"),
        ("--drop", "nothing_like_it"),
    ],
)
def test_bad_options_exit_with_2(
    arguments: tuple[str, ...], tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "train.csv", index=False)
    cli("stack", tmp_path / "train.csv", "--out", tmp_path / "run", *arguments, code=2)


@pytest.mark.shared
def test_ffpp_table_as_it_stands(shared: Path, tmp_path: Path, cli: Cli) -> None:
    table = shared / "tables" / "ffpp_test1200_4models.csv"
    arguments = ("stack", table, "--group", "target", "--domain", "none", "--jobs", 1)
    cli(*arguments, "--out", tmp_path / "run")
    assert stages(tmp_path / "run")["calibrated"] <= 0.0895


def test_over_a_hundred_columns_are_taken_without_a_warning(tmp_path: Path, cli: Cli) -> None:
    """pandas warns of tables that grew column by column, in words that tell a user nothing."""
    draw = np.random.default_rng(0)
    label = np.arange(80) % 2
    columns = {f"d{i}": label + draw.normal(size=80) for i in range(102)}
    table = pd.DataFrame({"video": [f"v{i}.mp4" for i in range(80)], "label": label, **columns})
    table.to_csv(tmp_path / "wide.csv", index=False)
    words = ("stack", tmp_path / "wide.csv", "--out", tmp_path / "run", "--folds", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.PerformanceWarning)
        cli(*words, "--meta", "mean", "--calibration", "none", "--jobs", "1")
    assert (tmp_path / "run" / "submission.csv").is_file()
