"""Input nobody should trust, through every command: a right answer, or one clear sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

Cli = Callable[..., Any]
Spoil = Callable[[pd.DataFrame], pd.DataFrame]

COMMANDS = ("stack", "calibrate", "compare")
MODELS = ["strong", "bold"]


def logits(table: pd.DataFrame) -> pd.DataFrame:
    p = table[MODELS].clip(1e-9, 1 - 1e-9)
    return table.assign(**(np.log(p) - np.log1p(-p)))


def words(table: pd.DataFrame, model: str, pattern: str, scale: float = 1) -> pd.DataFrame:
    return table.assign(**{model: [pattern.format(p * scale) for p in table[model]]})


def at(table: pd.DataFrame, row: int, model: str, value: object) -> pd.DataFrame:
    return table.assign(**{model: table[model].astype(object).where(table.index != row, value)})


def folded(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(fold=table["group"].str[1:].astype(int) % 5)


#: Tables that have a right answer; options beside them; the most that the log loss may be.
ANSWERED: dict[str, tuple[Spoil, tuple[str, ...], float]] = {
    "constant scores": (lambda t: t.assign(strong=0.5, bold=0.5), (), 0.70),
    "constant 0": (lambda t: t.assign(strong=0.0, bold=0.0), (), 0.70),
    "constant raw scores": (lambda t: t.assign(strong=5.0, bold=-3), (), 0.70),
    "one class in a fold": (
        lambda t: folded(t).assign(label=t["label"].where(folded(t)["fold"] != 2, 1)),
        (),
        0.70,
    ),
    "a detector without any score": (lambda t: t.assign(bold=np.nan), (), 0.55),
    "infinite logits": (lambda t: at(logits(t), 5, "strong", -np.inf), ("--kind", "logit"), 0.60),
    "infinite logits as words": (
        lambda t: at(logits(t), 5, "strong", "-Infinity"),
        ("--kind", "logit"),
        0.60,
    ),
    "labels in words": (
        lambda t: t.assign(label=np.where(t["label"] == 1, "FAKE", " real")),
        (),
        0.55,
    ),
    "duplicated columns": (lambda t: t.assign(again=t["strong"], thrice=t["strong"]), (), 0.55),
    "p exactly 0 and 1": (
        lambda t: t.assign(strong=t["strong"].round(), bold=t["bold"].round()),
        (),
        0.60,
    ),
    "perfect": (lambda t: t.assign(strong=0.98 * t["label"] + 0.01 * t["strong"]), (), 0.05),
    "numbers as text": (
        lambda t: words(words(t, "strong", "  {:.9f} "), "bold", "{:.3e}"),
        (),
        0.55,
    ),
    "whole numbers": (lambda t: t.assign(strong=(t["strong"] * 9).astype(int)), (), 0.60),
    "four videos": (
        lambda t: t.iloc[:4].assign(label=[0, 1, 1, 0], group=list("wxyz")),
        ("--folds", "2"),
        0.75,
    ),
}

#: Tables that have none, and what the sentence must name.
REFUSED: dict[str, tuple[Spoil, tuple[str, ...]]] = {
    "one class": (lambda t: t.assign(label=1), ("'label'", "FAKE", "REAL")),
    "the label itself": (lambda t: t.assign(strong=t["label"]), ("'strong'", "is the label")),
    "one class outside a fold": (
        lambda t: folded(t).assign(label=(folded(t)["fold"] == 2).astype(int)),
        ("'fold'", "FAKE", "'2'"),
    ),
    "fakes in one group": (
        lambda t: t.assign(label=(t["group"] == "g3").astype(int)),
        ("'group'", "FAKE", "'g3'"),
    ),
    "one group": (lambda t: t.assign(group="g"), ("'group'", "'g'")),
    "three videos": (
        lambda t: t.iloc[:3].assign(label=[0, 1, 1], group=list("xyz")),
        ("'group'", "REAL"),
    ),
    "fewer groups than folds": (
        lambda t: t.iloc[:4].assign(label=[0, 1, 1, 0], group=list("wxyz")),
        ("4 groups", "5 folds"),
    ),
    "all scores missing": (lambda t: t.assign(strong=np.nan, bold=np.nan), ("missing", "'strong'")),
    "an infinite score": (lambda t: at(t, 5, "strong", np.inf), ("row 6", "'strong'", "inf")),
    "an enormous score": (lambda t: t.assign(strong=t["strong"] * 1e300), ("row 1", "e+299")),
    "a word among numbers": (lambda t: at(t, 7, "strong", "oops"), ("row 8", "'strong'", "'oops'")),
    "decimal commas": (
        lambda t: t.assign(strong=[f"{p:.4f}".replace(".", ",") for p in t["strong"]]),
        ("row 1", "'strong'", "decimal comma"),
    ),
    "percent signs": (lambda t: words(t, "strong", "{:.1f}%", 100), ("'strong'", "percent sign")),
    "words only": (lambda t: t.assign(strong="high", bold="low"), ("strong ('high')",)),
    "labels yes and no": (
        lambda t: t.assign(label=np.where(t["label"] == 1, "yes", "no")),
        ("row 1", "'label'", "1 or FAKE"),
    ),
    "labels in between": (lambda t: at(t, 4, "label", 0.5), ("row 5", "'label'", "'0.5'")),
    "no labels": (lambda t: t.assign(label=np.nan), ("label",)),
    "no rows": (lambda t: t.iloc[:0], ("no rows",)),
}


@pytest.fixture
def given(
    request: pytest.FixtureRequest, tmp_path: Path, scores: pd.DataFrame
) -> Callable[[str, Spoil], tuple[object, ...]]:
    """Writes a spoilt table and gives the command line for it."""

    def write(command: str, spoil: Spoil) -> tuple[object, ...]:
        table = spoil(scores.drop(columns="blind").iloc[:150])
        if command == "calibrate":
            table = table.drop(columns=[c for c in ("bold", "again", "thrice") if c in table])
        table.to_csv(tmp_path / "scores.csv", index=False)
        fast = ("--meta", "logistic") if command == "stack" else ()
        return (command, tmp_path / "scores.csv", "--out", tmp_path / "run", "--jobs", 1, *fast)

    return write


def promised(run: Path, command: str) -> float:
    if command == "compare":
        found = json.loads((run / "compare.json").read_text())
        return float(found["recommendation"]["chosen_inside"]["value"])
    metrics = json.loads((run / "metrics.json").read_text())
    return float(metrics["stages"]["calibrated"]["log_loss"]["value"])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", ANSWERED)
def test_a_right_answer(
    case: str, command: str, tmp_path: Path, cli: Cli, given: Callable[..., tuple[object, ...]]
) -> None:
    spoil, options, most = ANSWERED[case]
    folds = () if "--folds" in options else ("--folds", 3)
    said = cli(*given(command, spoil), *folds, *options)
    assert "Warning" not in said.output
    assert promised(tmp_path / "run", command) <= most
    if command != "compare":
        p = pd.read_csv(tmp_path / "run" / "submission.csv")["label"]
        assert p.between(0, 1, inclusive="neither").all()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", REFUSED)
def test_one_clear_sentence(
    case: str, command: str, tmp_path: Path, cli: Cli, given: Callable[..., tuple[object, ...]]
) -> None:
    spoil, named = REFUSED[case]
    said = cli(*given(command, spoil), code=2)
    lines = said.output.strip().splitlines()
    assert [line.startswith("fakeodds: ") for line in lines] == [False] * (len(lines) - 1) + [True]
    for word in (str(tmp_path / "scores.csv"), *named):
        assert word in lines[-1]
    assert not (tmp_path / "run" / "submission.csv").exists()
    assert not (tmp_path / "run" / "compare.json").exists()
