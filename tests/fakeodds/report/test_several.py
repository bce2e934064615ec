"""Runs side by side: what they promise, and the difference on the videos that they share."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.report.several.differences import contradictions, paired_difference, verdict
from fakeodds.report.several.page import open_runs
from fakeodds.report.several.sections import build_sections, prepare_settings
from predictions.errors import InputError

Cli = Callable[..., Any]


def oof_of(label: list[int], p: list[float], group: list[str], first: int = 0) -> pd.DataFrame:
    index = pd.Index([f"v{first + i}" for i in range(len(label))], name="video")
    return pd.DataFrame({"label": label, "group": group, "calibrated": p}, index=index)


def test_the_difference_is_that_of_the_shared_videos() -> None:
    first = oof_of([1, 0, 1, 0], [0.9, 0.1, 0.8, 0.4], list("aabb"))
    second = oof_of([1, 0, 1], [0.5, 0.5, 0.5], list("cde"), first=1)  # v1, v2, v3
    second["label"] = [0, 1, 0]
    found = paired_difference(first, second)
    assert found["videos"] == 3
    assert found["first"] == pytest.approx(-np.log([0.9, 0.8, 0.6]).mean())
    assert found["second"] == pytest.approx(np.log(2))
    assert found["difference"] == pytest.approx(found["first"] - found["second"])
    # v2 and v3 are held together by the first run alone, and so stay together.
    assert found["groups"] == 2
    turned = paired_difference(second, first)
    assert turned["difference"] == pytest.approx(-found["difference"])
    assert turned["low"] == pytest.approx(-found["high"])


def test_a_video_with_two_labels_counts_for_neither() -> None:
    first = oof_of([1, 0], [0.9, 0.1], ["a", "b"])
    second = oof_of([0, 0], [0.9, 0.1], ["a", "b"])
    alone = paired_difference(first, second)
    assert alone["low"] is alone["high"] is None  # of one group
    assert "single group" in verdict({"of": ["x", "y"], **alone})
    (alert,) = contradictions([{"of": ["x", "y"], **alone}])
    assert "1 video of 2 with another label in x than in y ('v0')" in str(alert)
    assert paired_difference(first, second) | {"low": 0, "high": 0} == {
        **{"videos": 1, "contradicted": ["v0"], "groups": 1},
        **{"first": pytest.approx(-np.log(0.9)), "second": pytest.approx(-np.log(0.9))},
        **{"difference": 0.0, "low": 0, "high": 0},
    }
    apart = paired_difference(first, oof_of([1], [0.5], ["z"], first=9))
    assert apart == {"videos": 0, "contradicted": []}
    assert verdict({"of": ["x", "y"], **apart}) == "no video in common"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, make_scores: Callable[..., Any]) -> Path:
    """Three runs: a good and a poor one on the same videos, and one on others without groups."""
    from fakeodds.cli.group import fakeodds

    folder = tmp_path_factory.mktemp("several")
    table = make_scores(240)
    table.to_csv(folder / "all.csv", index=False)
    table.drop(columns=["strong"]).iloc[:200].to_csv(folder / "part.csv", index=False)
    other = make_scores(150, seed=5).drop(columns="group")
    other["video"] = "other_" + other["video"]
    other.to_csv(folder / "other.csv", index=False)
    for name, options in (("all", ()), ("part", ("--folds", "4")), ("other", ())):
        asked = ["stack", str(folder / f"{name}.csv"), "--out", str(folder / name), *options]
        fakeodds([*asked, "--meta", "logistic", "--no-report"], standalone_mode=False, obj={})
    return folder


def test_the_page_stands_alone_and_says_what_differs(runs: Path, tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "both.html"
    asked = ("report", runs / "all", runs / "part", runs / "other", "--out", out)
    found = json.loads(cli(*asked, "--title", "Mine <b>", "--json", "-q").output)
    page = out.read_text(encoding="utf-8")
    assert "Mine &lt;b&gt;" in page
    assert not re.search(r'(src|href)="(?!#|data:|")[^"]*//', page)
    assert (tmp_path / "both" / "promises.svg").is_file()
    for run, name in zip(found["runs"], ("all", "part", "other"), strict=True):
        metrics = json.loads((runs / name / "metrics.json").read_text())
        assert run["log_loss"] == metrics["stages"]["calibrated"]["log_loss"]["value"]
    one = next(one for one in found["differences"] if one["of"] == ["all", "part"])
    assert one["videos"] == 200
    assert one["high"] < 0  # the other lacks the strong detector
    assert "shown to cost less than part" in page
    # Without groups: no number of them, and the alert in red.
    assert found["runs"][2]["groups"] == 0
    assert "other: No groups are known" in page
    before = out.read_bytes()
    cli(*asked, "--title", "Mine <b>", "--pdf")
    assert out.read_bytes() == before
    drawn = {path.stem for path in (tmp_path / "both").glob("*.svg")}
    assert {path.stem for path in (tmp_path / "both").glob("*.pdf")} == drawn


def test_only_settings_that_differ_are_told(runs: Path) -> None:
    opened = open_runs([runs / "all", runs / "part"])
    told = prepare_settings(opened)
    assert told.loc["folds"].tolist() == ["5", "4"]
    assert "meta" not in told.index
    assert all(told.nunique(axis=1) > 1)
    titles = [section.title for section in build_sections(opened, [])]
    assert titles[0] == "What each promises"
    assert "On the videos they share" not in titles


def test_runs_of_one_name_are_told_apart(runs: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(runs / "all", tmp_path / "all")
    assert len(open_runs([runs / "all", tmp_path / "all"])) == 2
    with pytest.raises(InputError, match="named twice"):
        open_runs([runs / "all", runs / ".." / runs.name / "all"])


def test_what_cannot_be_compared_is_one_sentence(runs: Path, tmp_path: Path, cli: Cli) -> None:
    cli("compare", runs / "all.csv", "--out", tmp_path / "sizes", "--folds", 2)
    both = ("report", runs / "all", tmp_path / "sizes")
    refused = cli(*both, "--out", tmp_path / "x.html", code=2).output
    assert "made this folder, and keeps no stack" in " ".join(refused.split())
    two = ("report", runs / "all", runs / "part")
    assert "ends in .html" in cli(*two, "--out", tmp_path / "x", code=2).output
    spoiled = cli(*two, "--out", runs / "all" / "report.html", code=2)
    assert "spoiled" in spoiled.output
    assert "of several runs" in cli("report", runs / "all", "--out", "x.html", code=2).output


def test_a_title_of_ones_own(runs: Path, cli: Cli) -> None:
    cli("report", runs / "part", "--title", "For the paper")
    assert "<h1>For the paper</h1>" in (runs / "part" / "report.html").read_text(encoding="utf-8")
