"""`fakeodds calibrate`: one detector's scores, good and bad."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Cli = Callable[..., Any]
MakeScores = Callable[..., pd.DataFrame]

PNG = b"\x89PNG"
#: How it is judged is not what these are about.
JUDGED = ("--folds", 3, "--jobs", 1)


def one_detector(table: pd.DataFrame, model: str = "bold") -> pd.DataFrame:
    return table[["video", "label", "group", model]]


def stages(out: Path) -> dict[str, float]:
    metrics = json.loads((out / "metrics.json").read_text())
    return {name: stage["log_loss"]["value"] for name, stage in metrics["stages"].items()}


def delivered(path: Path, table: pd.DataFrame) -> float:
    """Log loss of a submission on labels it has not seen."""
    p = pd.read_csv(path).set_index("filename")["label"].reindex(table["video"]).to_numpy()
    return float(-np.log(np.where(table["label"] == 1, p, 1 - p)).mean())


@pytest.fixture
def train(tmp_path: Path, make_scores: MakeScores) -> Path:
    """An overconfident detector on 800 videos."""
    one_detector(make_scores(800)).to_csv(tmp_path / "bold.csv", index=False)
    return tmp_path / "bold.csv"


def test_an_overconfident_detector_is_calmed_and_the_promise_kept(
    tmp_path: Path, train: Path, cli: Cli, make_scores: MakeScores
) -> None:
    out = tmp_path / "run"
    cli("calibrate", train, "--out", out, *JUDGED)
    losses = stages(out)
    assert list(losses) == ["base/bold", "calibrated"]
    assert losses["calibrated"] < 0.7 * losses["base/bold"]
    oof = pd.read_csv(out / "oof.csv")
    assert list(oof) == ["video", "label", "group", "fold", "base/bold", "calibrated"]
    assert oof.groupby("group")["fold"].nunique().max() == 1
    source = pd.read_csv(train)
    np.testing.assert_allclose(oof["base/bold"], source["bold"], atol=1e-12)
    for picture in ("reliability.png", "clip.png"):
        assert (out / picture).read_bytes().startswith(PNG)
    submission = pd.read_csv(out / "submission.csv")
    np.testing.assert_allclose(submission["label"], oof["calibrated"])

    new = make_scores(2000, seed=1)
    one_detector(new).drop(columns="label").to_csv(tmp_path / "new.csv", index=False)
    cli("apply", out, tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    assert delivered(tmp_path / "p.csv", new) == pytest.approx(losses["calibrated"], abs=0.04)


def test_apply_gives_what_calibrate_gave_and_the_same_call_is_skipped(
    tmp_path: Path, train: Path, cli: Cli, make_scores: MakeScores
) -> None:
    one_detector(make_scores(50, seed=2)).to_csv(tmp_path / "new.csv", index=False)
    call = ("calibrate", train, "--test", tmp_path / "new.csv", "--reverse", "bold", *JUDGED)
    cli(*call, "--out", tmp_path / "a")
    cli("apply", tmp_path / "a", tmp_path / "new.csv", "--out", tmp_path / "again.csv")
    written = (tmp_path / "a" / "submission.csv").read_bytes()
    assert (tmp_path / "again.csv").read_bytes() == written
    cli(*call, "--out", tmp_path / "b")
    for file in ("oof.csv", "submission.csv", "stack/stack.skops", "stack/stack.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    # Another prior moves the submission only; nothing is learned again.
    assert "already there" in cli(*call, "--out", tmp_path / "a", "--prior", 0.1).output
    assert (tmp_path / "a" / "submission.csv").read_bytes() != written


def test_every_measure_is_told_with_its_interval(tmp_path: Path, train: Path, cli: Cli) -> None:
    out = tmp_path / "run"
    said = cli("calibrate", train, "--out", out, *JUDGED).output
    measures = pd.read_csv(out / "measures.csv")
    assert measures["stage"].unique().tolist() == ["base/bold", "calibrated"]
    assert (measures["low"] <= measures["value"]).all()
    assert (measures["value"] <= measures["high"]).all()
    found = measures.set_index(["stage", "measure"])["value"]
    metrics = json.loads((out / "metrics.json").read_text())["stages"]
    for stage in ("base/bold", "calibrated"):
        for measure in ("log_loss", "brier", "auc", "accuracy", "ece", "ece_plain"):
            assert found[stage, measure] == pytest.approx(metrics[stage][measure]["value"])
        parts = found[stage, "calibration"] + found[stage, "refinement"]
        assert parts == pytest.approx(found[stage, "log_loss"])
        cells = [found[stage, f"{a}_{b}"] for a in ("true", "false") for b in ("fake", "real")]
        assert sum(cells) == pytest.approx(1)
    assert found["base/bold", "slope"] < 0.6  # overconfident
    assert found["calibrated", "slope"] == pytest.approx(1, abs=0.2)
    assert found["calibrated", "smooth_ece"] < found["base/bold", "smooth_ece"]
    assert f"{found['base/bold', 'slope']:.3f} (" in said
    table = [line for line in said.splitlines() if line.startswith(("slope", "smooth", "FAKE"))]
    assert len(table) == 4
    assert max(map(len, table)) <= 80


def test_nothing_is_changed_when_nothing_is_asked_for(
    tmp_path: Path, train: Path, cli: Cli
) -> None:
    out = tmp_path / "run"
    cli("calibrate", train, "--out", out, "--calibration", "none", "--clip", "none", *JUDGED)
    oof = pd.read_csv(out / "oof.csv")
    np.testing.assert_allclose(oof["calibrated"], oof["base/bold"], atol=1e-12)


def test_temperature_and_clip_do_what_they_are_named(tmp_path: Path, train: Path, cli: Cli) -> None:
    out = tmp_path / "run"
    cli(
        *("calibrate", train, "--out", out, "--calibration", "temperature"),
        *("--clip", "0.1,0.8", *JUDGED),
    )
    new = pd.read_csv(train)[["video", "bold"]]
    cli("apply", out, train, "--out", tmp_path / "p.csv")
    p = pd.read_csv(tmp_path / "p.csv")["label"].to_numpy()
    assert p.min() == pytest.approx(0.1)
    assert p.max() == pytest.approx(0.8)
    inside = (p > 0.1001) & (p < 0.7999)
    bold = new["bold"].to_numpy()[inside]
    ratio = np.log(p[inside] / (1 - p[inside])) / np.log(bold / (1 - bold))
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)
    assert ratio[0] < 0.5


def test_raw_scores_of_any_direction_and_gaps(
    tmp_path: Path, cli: Cli, make_scores: MakeScores
) -> None:
    table = one_detector(make_scores(800))
    bold = table["bold"].clip(1e-9, 1 - 1e-9)
    table["bold"] = 7 - 30 * np.log(bold / (1 - bold))
    table.loc[table.index[::11], "bold"] = np.nan
    table.to_csv(tmp_path / "raw.csv", index=False)
    out = tmp_path / "run"
    said = cli("calibrate", tmp_path / "raw.csv", "--out", out, *JUDGED)
    assert "Platt" in said.output
    assert stages(out)["calibrated"] < 0.67
    p = pd.read_csv(out / "oof.csv")["calibrated"]
    assert p[table["bold"].isna().to_numpy()].between(0.35, 0.65).all()


def few_speakers(people: int, kind: str, seed: int = 0) -> pd.DataFrame:
    """Many rows of few people: a posterior of REAL that is far too sure, or likelihood ratios."""
    rng = np.random.default_rng(seed)
    person = np.arange(60 * people) % people
    label = person % 2
    logit = 3 * (2 * label - 1) + rng.normal(size=people)[person] + 3 * rng.normal(size=len(label))
    return pd.DataFrame(
        {
            "video": [f"u{i}" for i in range(len(label))],
            "label": label,
            "group": [f"p{one}" for one in person],
            "cm": np.exp(-logit / 2) if kind == "raw" else 1 / (1 + np.exp(6 * logit - 3)),
        }
    )


@pytest.mark.parametrize("people", [8, 40])
@pytest.mark.parametrize("kind", ["raw", "probability"])
def test_few_groups_are_calibrated_too_and_new_ones_gain(
    people: int, kind: str, tmp_path: Path, cli: Cli
) -> None:
    few_speakers(people, kind).to_csv(tmp_path / "cm.csv", index=False)
    new = few_speakers(200, kind, seed=9)
    new.drop(columns="label").to_csv(tmp_path / "new.csv", index=False)
    found = {}
    for calibration in ("auto", "none"):
        out = tmp_path / calibration
        asked = ("calibrate", tmp_path / "cm.csv", "--kind", kind, "--reverse", "cm", "--jobs", 1)
        said = cli(*asked, "--calibration", calibration, "--clip", "none", "--out", out).output
        cli("apply", out, tmp_path / "new.csv", "--out", tmp_path / "s.csv")
        found[calibration] = delivered(tmp_path / "s.csv", new)
        if calibration == "auto":
            assert "cannot tell how sure" not in said
    assert found["auto"] < found["none"] - 0.01


def test_where_nothing_helps_raw_scores_stay_as_platts_map_makes_them(
    tmp_path: Path, cli: Cli, make_scores: MakeScores
) -> None:
    rng = np.random.default_rng(0)
    table = make_scores(600)
    table["bold"] = 5 * (2 * table["label"] - 1) + 9 * rng.normal(size=len(table))
    one_detector(table).to_csv(tmp_path / "raw.csv", index=False)
    out = tmp_path / "run"
    said = cli("calibrate", tmp_path / "raw.csv", "--out", out, "--clip", "none", *JUDGED)
    assert "Calibration: identity (every logit stays as it is)" in said.output
    assert "So what is called calibrated is the step before it; out of fold" in said.output
    oof = pd.read_csv(out / "oof.csv")
    same = np.isclose(oof["calibrated"], oof["base/bold"], atol=1e-9)
    assert same.mean() > 0.5  # folds that chose likewise


def test_shuffled_labels_gain_nothing(tmp_path: Path, cli: Cli, make_scores: MakeScores) -> None:
    table = one_detector(make_scores(1000))
    table["label"] = np.random.default_rng(5).permutation(table["label"].to_numpy())
    table.to_csv(tmp_path / "train.csv", index=False)
    cli("calibrate", tmp_path / "train.csv", "--out", tmp_path / "run", *JUDGED)
    assert 0.685 <= stages(tmp_path / "run")["calibrated"] < 0.70


def test_unlabelled_rows_and_labels_apart(
    tmp_path: Path, cli: Cli, make_scores: MakeScores
) -> None:
    table = make_scores(400)
    table[["video", "bold"]].to_csv(tmp_path / "bold.csv", index=False)
    table[["video", "label"]].iloc[:300].to_csv(tmp_path / "labels.csv", index=False)
    out = tmp_path / "run"
    cli(
        *("calibrate", tmp_path / "bold.csv", "--labels", tmp_path / "labels.csv"),
        *("--out", out, *JUDGED),
    )
    submission = pd.read_csv(out / "submission.csv")
    assert submission["filename"].tolist() == table["video"].tolist()[300:]


BAD = {
    "several detectors": (lambda t: t.assign(other=t["bold"]), ("fakeodds stack", "--drop")),
    "no label": (lambda t: t.drop(columns="label"), ("label",)),
    "one class": (lambda t: t.assign(label=0), ("REAL",)),
    "no scores": (lambda t: t.drop(columns="bold"), ("score",)),
    "two groups": (lambda t: t.assign(group=np.where(t.index < 9, "a", "b")), ("group",)),
    "infinite": (lambda t: t.assign(bold=t["bold"].where(t.index != 3, np.inf)), ("v0003.mp4",)),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_end_in_one_sentence(
    case: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    spoil, words = BAD[case]
    spoil(one_detector(scores)).to_csv(tmp_path / "train.csv", index=False)
    out = tmp_path / "run"
    said = cli(
        *("calibrate", tmp_path / "train.csv", "--label", "label", "--out", out, *JUDGED),
        code=2,
    )
    message = said.output.strip().splitlines()[-1]
    assert message.startswith("fakeodds: ")
    for word in words:
        assert word in message
    assert not (out / "submission.csv").exists()


def test_a_backward_detector_is_pointed_out(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    table = one_detector(scores.assign(bold=1 - scores["bold"]))
    table.to_csv(tmp_path / "train.csv", index=False)
    asked = ("calibrate", tmp_path / "train.csv", "--calibration", "temperature", *JUDGED)
    said = cli(*asked, "--out", tmp_path / "a").output
    assert "say --reverse bold" in said
    assert "plain mean" not in said  # there is none
    assert "ranks REAL" not in cli(*asked, "--out", tmp_path / "b", "--reverse", "bold").output
    assert stages(tmp_path / "b")["calibrated"] < stages(tmp_path / "a")["calibrated"] - 0.05


def test_a_test_table_without_the_column_is_refused_before_the_work(
    tmp_path: Path, train: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    one_detector(scores, "strong").to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "run"
    said = cli("calibrate", train, "--test", tmp_path / "new.csv", "--out", out, code=2)
    assert "bold" in said.output
    assert not out.exists()
