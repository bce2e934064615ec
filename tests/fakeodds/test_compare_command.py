"""`fakeodds compare`, and `fakeodds stack --domain --robust`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.metrics import all_metrics

Cli = Callable[..., Any]

FAST = ("--meta", "logistic", "--calibration", "none", "--folds", "3", "--jobs", "1")
#: Where it is not asked which detectors are taken.
ALL = (*FAST, "--take", "all")


@pytest.fixture
def table(tmp_path: Path, scores: pd.DataFrame) -> Path:
    path = tmp_path / "scores.csv"
    scores.to_csv(path, index=False)
    return path


def test_from_scores_to_advice(tmp_path: Path, cli: Cli, table: Path) -> None:
    costs = tmp_path / "costs.csv"
    costs.write_text("model,seconds,mb\nstrong,2,10\nbold,1,20\nblind,.1,5\n")
    out = tmp_path / "out"
    arguments = ("compare", table, "--costs", costs, "--out", out, "--jobs", "1")
    said = cli(*arguments)
    found = json.loads((out / "compare.json").read_text())
    assert len(found["subsets"]) == 7
    assert found["complete"]
    assert "strong" in found["recommendation"]["models"]
    assert found["recommendation"]["reason"] in said.output.replace("\n", " ")
    assert found["subsets"][0]["q"] is None
    for command in ("decide", "stress"):
        refused = " ".join(cli(command, out, code=2).output.split())
        assert "fakeodds compare made this folder, and keeps no stack" in refused
    written = pd.read_csv(out / "compare.csv")
    assert written["models"].tolist()[-1] == "blind + bold + strong"
    assert written["recommended"].sum() == 1
    assert (out / "compare.png").read_bytes().startswith(b"\x89PNG")
    lines = said.output.splitlines()
    sizes = [line for line in lines if line.strip()[:2] in ("1 ", "2 ", "3 ") and "-" in line]
    assert len(sizes) == 3
    assert max(map(len, sizes)) <= 80
    assert "residual correlation  disagreement" in said.output

    again = cli(*arguments, "--json")
    assert "already there" in again.output
    document = json.JSONDecoder().raw_decode(again.output)[0]
    assert document.pop("files")["compare.csv"] == str(out / "compare.csv")
    advice = document.pop("advice")
    assert document == found
    # Each ends in the stack that keeps it, beside the folder of the comparison.
    keep = ",".join(found["smallest"]["models"])
    assert (
        advice[-1]["command"] == f"fakeodds stack {table} --jobs 1 --keep {keep} --out {out}-stack"
    )
    assert advice[-1]["command"] in said.output
    cli(*advice[-1]["command"].split()[1:], *FAST[:-2])
    cli("apply", f"{out}-stack", table, "--out", tmp_path / "new.csv")
    assert len(pd.read_csv(tmp_path / "new.csv")) == len(pd.read_csv(table))

    tight = cli(*arguments, "--max-seconds", "1.5")
    recommended = json.loads((out / "compare.json").read_text())["recommendation"]["models"]
    assert "strong" not in recommended  # it takes two seconds
    assert "already there" not in tight.output


def test_a_detector_with_a_comma_in_its_name_is_kept_by_the_advised_command(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    table = tmp_path / "scores.csv"
    scores.rename(columns={"strong": "strong, b4"}).to_csv(table, index=False)
    out = tmp_path / "out"
    found = json.loads(cli("compare", table, "--out", out, "--jobs", "1", "--json", "-q").output)
    (keeping,) = {one["command"] for one in found["advice"] if '"strong, b4"' in one["command"]}
    cli(*shlex.split(keeping)[1:], *FAST[:-2])
    stack = json.loads((tmp_path / "out-stack" / "stack" / "stack.json").read_text())
    assert "strong, b4" in stack["about"]["kinds"]
    assert f"{len(stack['about']['kinds'])}" == f"{keeping.count(',')}"


def test_a_backward_detector_is_pointed_out(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    scores.assign(strong=1 - scores["strong"]).to_csv(tmp_path / "scores.csv", index=False)
    asked = ("compare", tmp_path / "scores.csv", "--out", tmp_path / "out", "--jobs", "1")
    assert "--reverse strong" in cli(*asked).output
    assert "say --reverse" not in cli(*asked, "--reverse", "strong").output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--max-seconds", "2"), "--costs"),
        (("--costs", "nowhere.csv"), "nowhere.csv"),
        (("--label", "y"), "'y'"),
        (("--drop", "strong", "--drop", "bold", "--drop", "blind"), "no column of scores"),
        (("--max-mb", "-1"), "range"),
    ],
)
def test_bad_input_ends_in_one_sentence(
    arguments: tuple[str, ...], word: str, tmp_path: Path, cli: Cli, table: Path
) -> None:
    said = cli("compare", table, "--out", tmp_path / "out", "--jobs", "1", *arguments, code=2)
    assert word in said.output
    assert "Traceback" not in said.output
    assert not (tmp_path / "out" / "compare.json").exists()


def with_methods(scores: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    fake = scores["label"] == 1
    kinds = rng.choice(["swap", "mask", "lips"], len(scores))
    return scores.assign(kind=np.where(fake, kinds, "original"))


def metrics_of(out: Path) -> dict[str, Any]:
    """All that a run's judging says."""
    return all_metrics(RunFolder.existing(out, reads=True))


def test_domains_come_into_the_metrics(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    with_methods(scores).to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "out"
    arguments = ("stack", tmp_path / "scores.csv", "--out", out, "--domain", "kind", *FAST)
    said = cli(*arguments)
    metrics = metrics_of(out)
    domains = metrics["domains"]["kind"]
    assert sorted(domains) == ["lips", "mask", "swap"]
    assert domains["mask"]["calibrated"]["log_loss"]["value"] > 0
    assert list(domains["mask"]) == list(metrics["stages"])
    assert "kind left out" in said.output
    assert "domains" in metrics["timing"]
    again = cli(*arguments)
    assert "domains: already there" in again.output
    assert metrics_of(out) == metrics


def test_several_columns_of_domains_are_judged_each_for_itself(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = with_methods(scores[:150]).assign(camera=np.resize(["a", "b", "c"], 150))
    table.to_csv(tmp_path / "scores.csv", index=False)
    command = ("stack", tmp_path / "scores.csv", *ALL)
    both, alone = tmp_path / "both", tmp_path / "alone"
    monkeypatch.setenv("FAKEODDS_REPORT", "1")
    said = cli(*command, "--out", both, "--domain", "kind", "--domain", "camera").output
    assert "kind left out" in said
    assert "camera left out" in said
    monkeypatch.setenv("FAKEODDS_REPORT", "0")
    cli(*command, "--out", alone, "--domain", "camera")
    found = metrics_of(both)["domains"]
    assert sorted(found["kind"]) == ["lips", "mask", "swap"]
    assert found["camera"] == metrics_of(alone)["domains"]["camera"]
    page = (both / "report.html").read_text(encoding="utf-8")
    assert "Each kind left out" in page
    assert "Each camera left out" in page
    assert (both / "report" / "domains_2.png").exists()


def test_a_method_column_is_left_out_unasked(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    named = with_methods(scores).rename(columns={"kind": "method"}).assign(dataset="one")
    named.to_csv(tmp_path / "scores.csv", index=False)
    out = tmp_path / "out"
    arguments = ("stack", tmp_path / "scores.csv", "--out", out, *ALL)
    said = cli(*arguments)
    assert "method left out" in said.output
    assert "--domain none" in said.output
    assert sorted(metrics_of(out)["domains"]["method"]) == ["lips", "mask", "swap"]

    other = tmp_path / "other"
    skipped = cli("stack", tmp_path / "scores.csv", "--out", other, "--domain", "none", *ALL)
    assert "left out" not in skipped.output
    assert "domains" not in metrics_of(other)


@pytest.mark.parametrize(
    ("method", "word"),
    [
        (lambda label: np.where(label == 1, "swap", "original"), "names 1 domain"),
        (lambda label: [f"m{i % 30}" for i in range(len(label))], "--domain method"),
    ],
)
def test_a_method_column_of_no_use_is_passed_over(
    method: Any, word: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    scores.assign(method=method(scores["label"])).to_csv(tmp_path / "scores.csv", index=False)
    said = cli("stack", tmp_path / "scores.csv", "--out", tmp_path / "out", *ALL)
    assert word in said.output
    assert "domains" not in metrics_of(tmp_path / "out")


def framed(scores: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Each score as twelve frames, a few of which say much more than the others."""
    rng = np.random.default_rng(seed)
    parts = []
    for model in ("strong", "bold", "blind"):
        logits = np.log(scores[model] / (1 - scores[model])).to_numpy()
        shown = rng.random((len(scores), 12)) < 0.15
        values = np.where(shown, logits[:, None], 0.0) + rng.normal(0, 0.3, shown.shape)
        parts.append(
            pd.DataFrame(
                {
                    "video": np.repeat(scores["video"].to_numpy(), 12),
                    "frame": np.tile(np.arange(12), len(scores)),
                    "face": 0,
                    "model": model,
                    "logit": values.ravel(),
                }
            )
        )
    return pd.concat(parts)


def test_frame_scores_from_stack_to_apply(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, make_scores: Callable[..., pd.DataFrame]
) -> None:
    framed(scores).to_csv(tmp_path / "frames.csv", index=False)
    scores[["video", "label", "group"]].to_csv(tmp_path / "labels.csv", index=False)
    framed(make_scores(40, seed=1), 1).to_parquet(tmp_path / "new.parquet", index=False)
    out = tmp_path / "out"
    trained = (tmp_path / "frames.csv", "--labels", tmp_path / "labels.csv")
    said = cli("stack", *trained, "--test", tmp_path / "new.parquet", "--out", out, *FAST)
    assert "Frames: " in said.output
    table = said.output[said.output.index("frame rule") :]
    assert "distance_weighted" in table
    assert max(map(len, table.splitlines()[:9])) <= 80
    rules = json.loads((out / "frame_rules.json").read_text())["rules"]
    assert len(rules) == 8
    described = json.loads((out / "stack" / "stack.json").read_text())
    assert described["about"]["frames"]["over_tracks"] == "max"
    assert "strong:q90" in described["models"]
    cli("apply", out, tmp_path / "new.parquet", "--out", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (out / "submission.csv").read_bytes()

    named = cli("stack", *trained, "--frame-rule", "median", "--out", tmp_path / "median", *FAST)
    assert "stack: already" not in named.output
    described = json.loads((tmp_path / "median" / "stack" / "stack.json").read_text())
    assert described["about"]["frames"] == {"rule": "median", "over_tracks": "max"}
    wrong = cli("stack", *trained, "--frame-rule", "medium", "--out", out, *FAST, code=2)
    assert "'medium'" in wrong.output


def test_frame_scores_are_compared(tmp_path: Path, cli: Cli, scores: pd.DataFrame) -> None:
    framed(scores).merge(scores[["video", "label", "group"]], on="video").to_parquet(
        tmp_path / "frames.parquet", index=False
    )
    arguments = ("compare", tmp_path / "frames.parquet", "--jobs", "1", "--out", tmp_path / "out")
    said = cli(*arguments)
    assert "frame rule" in said.output
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["models"] == ["blind", "bold", "strong"]
    assert len(found["frame_rules"]["rules"]) == 8
    one = cli(*arguments, "--frame-rule", "top_mean")
    assert "frame rule" not in one.output


def test_robust_stack_is_shipped_and_applied(
    tmp_path: Path, cli: Cli, scores: pd.DataFrame, make_scores: Callable[..., pd.DataFrame]
) -> None:
    trapped = with_methods(scores)
    # Says FAKE of two methods and REAL of the third.
    signal = trapped["kind"].map({"swap": 0.95, "mask": 0.95, "lips": 0.02, "original": 0.4})
    trapped["trap"] = (signal + np.random.default_rng(1).normal(0, 0.01, len(trapped))).clip(0, 1)
    trapped.to_csv(tmp_path / "scores.csv", index=False)
    new = make_scores(30, seed=1).assign(trap=0.5).drop(columns=["label", "group"])
    new.to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "out"
    said = cli(
        *("stack", tmp_path / "scores.csv", "--test", tmp_path / "new.csv", "--out", out),
        *("--domain", "kind", "--robust", *FAST),
    )
    assert "Robust: " in said.output
    stack = json.loads((out / "stack" / "stack.json").read_text())
    assert "trap" not in stack["models"]
    chosen = json.loads((out / "robust.json").read_text())
    assert chosen["columns"] == stack["models"]
    assert chosen["worst"] == min(one["worst"] for one in chosen["candidates"])
    cli("apply", out, tmp_path / "new.csv", "--out", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (out / "submission.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--robust",), "--domain"),
        (("--domain", "one", "--domain", "none"), "none is said beside one"),
        (("--domain", "two", "--domain", "three", "--robust"), "--domain, two or three"),
        (("--domain", "nothing"), "nothing"),
        (("--domain", "label"), "at least 2"),
        (("--domain", "one"), "at least 2"),
    ],
)
def test_bad_domains_end_in_one_sentence(
    arguments: tuple[str, ...], word: str, tmp_path: Path, cli: Cli, scores: pd.DataFrame
) -> None:
    kinds = {"one": "x", "two": np.resize(["x", "y"], 300), "three": np.resize(["x", "y"], 300)}
    scores.assign(**kinds).to_csv(tmp_path / "scores.csv", index=False)
    said = cli(
        *("stack", tmp_path / "scores.csv", "--out", tmp_path / "out", *FAST, *arguments), code=2
    )
    assert word in said.output
    assert "Traceback" not in said.output
