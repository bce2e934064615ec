"""New scores on another scale than those that a stack was fitted on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeodds.workflows.scales import (
    distribution_gap,
    distributions_of,
    other_scales,
    rarer,
    scales_of,
    shifted,
)

N = 60
RAW = np.random.default_rng(0).uniform(3, 97, N)


def _notes(fitted: np.ndarray, new: np.ndarray, kind: str = "raw") -> list[str]:
    scales = scales_of(pd.DataFrame({"a": fitted}), {"a": kind})
    return [note.facts["model"] for note in other_scales(pd.DataFrame({"a": new}), scales)]


@pytest.mark.parametrize("new", [RAW / 100, RAW * 100, RAW + 200, RAW - 100.5])
def test_another_scale_is_told(new: np.ndarray) -> None:
    assert _notes(RAW, new) == ["a"]
    assert not _notes(RAW, new[:5])  # too few to tell


@pytest.mark.parametrize("new", [RAW, RAW[:12], RAW + 20, np.where(RAW > 50, RAW, np.nan)])
def test_the_same_scale_is_not(new: np.ndarray) -> None:
    assert not _notes(RAW, new)
    assert not _notes(RAW, new, "probability")
    assert not _notes(np.full(N, np.nan), new)


def _gaps(fitted: np.ndarray, new: np.ndarray, groups: int | None = None) -> dict[str, float]:
    known = distributions_of(pd.DataFrame({"a": fitted}), {"a": "probability"}, len(fitted))
    notes = shifted(pd.DataFrame({"a": new}), known, groups)
    return notes[0].facts["models"] if notes else {}


@given(
    st.integers(0, 2**32 - 1),
    st.integers(40, 400),
    st.sampled_from([lambda x: x, lambda x: x.round(1), lambda x: x > 1, lambda x: 0 * x]),
)
def test_a_sample_of_the_same_videos_has_not_moved(seed: int, n: int, coarse: Any) -> None:
    rng = np.random.default_rng(seed)
    score = coarse(rng.normal(size=1000)).astype(float)
    assert distribution_gap(score, np.quantile(score, np.linspace(0, 1, 41))) < 0.03
    assert not _gaps(score, rng.choice(score, n))


def test_scores_that_moved_are_told_with_how_far() -> None:
    rng = np.random.default_rng(0)
    score = rng.normal(size=1000)
    assert _gaps(score, score[:300] + 1)["a"] == pytest.approx(0.38, abs=0.06)
    assert _gaps(score, np.ones(50))["a"] > 0.7
    assert not _gaps(score, score[:300] + 0.2)  # too little to matter
    # Of five people nothing can be told, however many videos they have.
    assert not _gaps(score, score[:300] + 1, groups=5)
    assert not _gaps(score, score[:9] + 9)


def test_apply_and_test_files_tell_of_it(cli: Callable[..., Any], tmp_path: Path) -> None:
    label = np.arange(N) % 2
    rows = pd.DataFrame({"video": np.arange(N), "label": label, "a": RAW + 9 * label})
    rows.to_csv(tmp_path / "fit.csv", index=False)
    rows.assign(a=rows["a"] / 100).to_csv(tmp_path / "new.csv", index=False)
    fast = ("--meta", "mean_logit", "--calibration", "none", "--jobs", "1", "--folds", "3")
    fit = ("stack", tmp_path / "fit.csv", *fast, "--out", tmp_path / "run")
    assert "another scale" not in cli(*fit).output
    assert "a: the new scores lie from 0.056" in cli(*fit, "--test", tmp_path / "new.csv").output
    again = ("apply", tmp_path / "run", tmp_path / "new.csv", "--out", tmp_path / "s.csv")
    assert "if it is another scale" in cli(*again).output
    said = cli(*again, "--reverse", "b", code=2).output
    assert "there is no model 'b'; the models are a" in said


def test_apply_tells_of_scores_that_moved(
    cli: Callable[..., Any], tmp_path: Path, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    fast = ("--meta", "mean_logit", "--calibration", "none", "--jobs", "1", "--folds", "3")
    cli("stack", tmp_path / "scores.csv", *fast, "--out", tmp_path / "run")
    new = scores.drop(columns="label").assign(video="new " + scores["video"].astype(str))
    for moved in (False, True):
        if moved:
            new = new.assign(strong=new["strong"] ** 0.2)
        new.to_csv(tmp_path / "new.csv", index=False)
        asked = ("apply", tmp_path / "run", tmp_path / "new.csv", "--out", tmp_path / "s.csv")
        assert ("of another kind than the labelled" in cli(*asked).output) == moved
        found, _ = json.JSONDecoder().raw_decode(cli(*asked, "--json").output.lstrip())
        told = found["alerts"]
        assert [list(one["facts"]["moved"]) for one in told] == ([["strong"]] if moved else [])


def test_a_folder_used_for_other_scores_says_what_becomes_of_it(
    cli: Callable[..., Any], tmp_path: Path, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    fast = ("--meta", "mean_logit", "--calibration", "none", "--jobs", "1", "--folds", "3")
    fit = ("stack", tmp_path / "scores.csv", *fast, "--out", tmp_path / "run")
    removed = "held what was made from other scores, which is removed"
    assert removed not in cli(*fit).output
    assert removed not in cli(*fit).output
    assert removed in cli(*fit, "--drop", "blind").output


def test_new_scores_to_beware_of_are_told_in_json(
    tmp_path: Path, cli: Any, scores: pd.DataFrame
) -> None:
    scores.to_csv(tmp_path / "scores.csv", index=False)
    new = scores.drop(columns=["label", "group"]).assign(bold=np.nan)
    new.to_csv(tmp_path / "new.csv", index=False)
    fast = ("--meta", "mean_logit", "--calibration", "none", "--jobs", "1", "--folds", "3")
    run, asked = tmp_path / "run", ("--json", "-q")
    tested = ("stack", tmp_path / "scores.csv", "--test", tmp_path / "new.csv", "--out", run)
    stacked = json.loads(cli(*tested, *fast, *asked).output)
    applied = json.loads(
        cli("apply", run, tmp_path / "new.csv", "--out", tmp_path / "sub.csv", *asked).output
    )
    assert [one["code"] for one in stacked["alerts_on_new"]] == ["shift.other", "scores.rarer"]
    assert applied["alerts"] == stacked["alerts_on_new"]
    without = json.loads(cli(*tested[:2], "--out", run, *fast, *asked).output)
    assert without["alerts_on_new"] == []


def test_gaps_that_the_fit_did_not_know_are_told() -> None:
    random = np.random.default_rng(0)
    new = pd.DataFrame(random.normal(size=(40, 3)), columns=["a", "b", "c"])
    new.loc[:35, "a"] = np.nan
    new.loc[:2, "b"] = np.nan
    fitted = {"a": 0.0, "b": 0.05, "c": 0.0, "gone": 0.1}
    (note,) = rarer(new, fitted)
    assert note.facts["models"] == {"a": (0.9, 0.0), "gone": (1.0, 0.1)}
    assert "a for 90 % of the new videos (0 % then)" in str(note)
    # Gaps that were there when it was fitted are what it was judged with.
    assert rarer(new, {"a": 0.85, "b": 0.05}) == []
    assert rarer(new.head(5), fitted) == []
