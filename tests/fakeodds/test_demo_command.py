"""`fakeodds demo`: the scores that ship are in order, and its second part runs on them."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from fakeodds.commands import demo
from predictions.tables.scores import read_scores

Cli = Callable[..., Any]
PRETRAINED = ["efficientnet_lite0", "mobilenetv2"]
TRAINED = ["xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large"]


@pytest.fixture(scope="module")
def shipped() -> pd.DataFrame:
    """The table as it ships."""
    return pd.read_csv(str(demo.SCORES))


def test_the_shipped_scores_are_whole_and_no_group_is_split(shipped: pd.DataFrame) -> None:
    assert len(shipped) == 5428
    assert shipped["label"].value_counts().to_dict() == {1: 3623, 0: 1805}
    assert shipped["group"].nunique() == 825
    assert (shipped.groupby("group")["fold"].nunique() == 1).all()
    assert {*PRETRAINED, *TRAINED, "meso4_df", "mesoinception4_df"} <= set(shipped)
    table = read_scores([Path(str(demo.SCORES))], kind="logit")
    assert len(table.kinds) == 9
    assert not table.scores.isna().any(axis=None)


@pytest.mark.parametrize("name", TRAINED)
def test_every_trained_detector_learned_something(shipped: pd.DataFrame, name: str) -> None:
    assert roc_auc_score(shipped["label"], shipped[name]) > 0.55


@pytest.mark.parametrize("name", PRETRAINED)
def test_every_detector_that_knows_imagenet_learned_much(shipped: pd.DataFrame, name: str) -> None:
    assert roc_auc_score(shipped["label"], shipped[name]) > 0.86


def test_the_second_part_stacks_and_compares(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, shipped: pd.DataFrame
) -> None:
    # A sixth of the groups, so that it is quick.
    groups = sorted(shipped["group"].unique())[::6]
    part = tmp_path / "part.csv"
    keep = ["video", "label", "group", "method", "fold", *TRAINED[:2], "meso4_df"]
    shipped.loc[shipped["group"].isin(groups), keep].to_csv(part, index=False)
    monkeypatch.setattr(demo, "SCORES", part)
    out = tmp_path / "demo"
    said = cli("demo", "--part", "scores", "--out", out)
    stages = json.loads((out / "scores" / "metrics.json").read_text())["stages"]
    best = min(stages[f"base/{name}"]["log_loss"]["value"] for name in keep[5:])
    assert stages["calibrated"]["log_loss"]["value"] < best
    assert (out / "sizes" / "compare.png").is_file()
    assert "by method" in said.output
    assert "method left out" in said.output


def test_without_torch_the_part_with_videos_is_left_out_and_told(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(demo, "find_spec", lambda name: None if name == "torch" else found(name))
    said = cli("demo", "--part", "videos", "--out", tmp_path, code=2)
    assert "fakeodds[torch]" in said.output
