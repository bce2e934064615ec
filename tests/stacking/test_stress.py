"""The stack under stress: judged by fits that knew neither the rows nor their altered copies."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from calibration import log_loss, row_log_loss
from predictions import assign_folds
from predictions.errors import InputError
from stacking import (
    Procedure,
    Stack,
    breaking_points,
    fit_hardened,
    hardened_rows,
    nested_predictions,
    report_hardened,
    report_stress,
    stressed_predictions,
)
from stacking.estimate.stress_report import movement

PLAIN = Stack(meta="logistic", calibration="none", clip="none")


def made(n: int = 160, seed: int = 0) -> dict[str, Any]:
    """`keen` is very good and breaks when blurred; `steady` is fair and never minds."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    index = pd.Index([f"v{i:03d}" for i in range(n)], name="video")
    X = pd.DataFrame(
        {"keen": 4 * y - 2 + rng.normal(size=n), "steady": 2 * y - 1 + rng.normal(size=n)}, index
    )
    group = pd.Series([f"g{i // 4}" for i in range(n)], index)
    blurred = X.assign(keen=-2 + rng.normal(size=n))
    soft = X.assign(keen=X["keen"] / 2)
    folds = assign_folds(y, group, 4)
    altered = {"blur=1": soft, "blur=2": blurred}
    return {"X": X, "altered": altered, "y": y, "groups": group, "folds": folds}


@pytest.fixture(scope="module")
def stressed() -> dict[str, pd.DataFrame]:
    return stressed_predictions(PLAIN, **made())


@pytest.mark.parametrize("procedure", [PLAIN, Procedure(PLAIN, take="recommended")])
def test_the_rows_as_they_are_are_judged_as_ever(procedure: Any) -> None:
    rows = made()
    stressed = stressed_predictions(procedure, **rows)
    nested = nested_predictions(procedure, rows["X"], rows["y"], rows["groups"], rows["folds"])
    pd.testing.assert_frame_equal(stressed["clean"][nested.columns], nested, check_exact=True)


def test_a_copy_that_is_alike_is_answered_alike_and_others_change_nothing(
    stressed: dict[str, pd.DataFrame],
) -> None:
    rows = made()
    alone = stressed_predictions(PLAIN, **{**rows, "altered": {"same": rows["X"].copy()}})
    pd.testing.assert_frame_equal(alone["same"], alone["clean"], check_exact=True)
    pd.testing.assert_frame_equal(alone["clean"], stressed["clean"], check_exact=True)


def test_neither_the_order_of_rows_nor_what_is_missing_changes_an_answer(
    stressed: dict[str, pd.DataFrame],
) -> None:
    rows = made()
    order = np.random.default_rng(1).permutation(len(rows["X"]))
    shuffled = {
        "X": rows["X"].iloc[order, ::-1],
        "altered": {"blur=2": rows["altered"]["blur=2"].iloc[order[:50], ::-1]},
        "y": rows["y"][order],
        "groups": rows["groups"].iloc[order],
        "folds": rows["folds"][order],
    }
    part = stressed_predictions(PLAIN, **shuffled)
    assert len(part["blur=2"]) == 50
    for name, table in part.items():
        same = stressed[name].loc[table.index, table.columns]
        np.testing.assert_allclose(table, same, rtol=1e-9, atol=1e-12)


def test_no_fit_has_seen_an_altered_copy_of_what_it_judges() -> None:
    """The copies of one fold's rows become absurd: nobody else's answers move."""
    rows = made()
    taught = list(rows["altered"])
    before = stressed_predictions(PLAIN, **rows, taught=taught)
    held = rows["folds"] == 0
    of_fold = np.tile(held[:, None], 2)
    absurd = {name: copy.mask(of_fold, 50.0) for name, copy in rows["altered"].items()}
    after = stressed_predictions(PLAIN, **{**rows, "altered": absurd}, taught=taught)
    clean = [table["clean"]["calibrated"].to_numpy() for table in (before, after)]
    assert np.array_equal(clean[0][held], clean[1][held])
    assert not np.allclose(clean[0][~held], clean[1][~held])  # those have learned from them


def test_each_row_has_one_altered_copy_and_each_alteration_its_share() -> None:
    rows = made()
    X, altered = rows["X"], {**rows["altered"], "noise": rows["X"] + 100}
    table, y, groups = hardened_rows(X, altered, rows["y"], rows["groups"])
    n = len(X)
    assert table.index.tolist() == 2 * X.index.tolist()
    assert np.array_equal(y[:n], y[n:])
    assert np.array_equal(groups[:n], groups[n:])
    pd.testing.assert_frame_equal(table.iloc[:n], X)
    copies = table.iloc[n:]
    for label in (0, 1):
        own = rows["y"] == label
        dealt = [int((copies[own] == copy[own]).all(axis=1).sum()) for copy in altered.values()]
        assert sum(dealt) == own.sum()
        assert max(dealt) - min(dealt) <= 1
    # Whatever the order of rows and alterations, a row gets the same copy.
    order = np.random.default_rng(2).permutation(n)
    backwards = dict(reversed(altered.items()))
    again, _, _ = hardened_rows(
        X.iloc[order], backwards, rows["y"][order], rows["groups"].iloc[order]
    )
    pd.testing.assert_frame_equal(again.iloc[n:].loc[X.index], copies)


def test_rows_without_a_copy_are_there_once_and_without_alterations_nothing_is_added() -> None:
    rows = made()
    few = {"blur": rows["altered"]["blur=2"].iloc[:10]}
    table, y, _ = hardened_rows(rows["X"], few, rows["y"], None)
    assert len(table) == len(y) == len(rows["X"]) + 10
    assert len(hardened_rows(rows["X"], {}, rows["y"], None)[0]) == len(rows["X"])


def test_a_hardened_stack_leans_on_what_holds() -> None:
    rows = made(240)
    plain = stressed_predictions(PLAIN, **rows)
    hardened = stressed_predictions(PLAIN, **rows, taught=["blur=1", "blur=2"])
    label = pd.Series(rows["y"], rows["X"].index)
    found = report_hardened(plain, hardened, label, rows["groups"], n_boot=200)
    assert found["copies"]["blur=2"]["change"]["high"] < 0
    assert found["clean"]["change"]["value"] > 0  # as `keen` is believed less
    both = [found["copies"][name]["hardened"]["value"] for name in rows["altered"]]
    assert found["altered"]["hardened"]["value"] == pytest.approx(np.mean(both))
    fitted = fit_hardened(PLAIN, rows["X"], rows["altered"], rows["y"], rows["groups"])
    blurred = rows["altered"]["blur=2"]
    before = PLAIN.fit(rows["X"], rows["y"], groups=rows["groups"]).predict_proba(blurred)[:, 1]
    after = fitted.predict_stages(blurred)["calibrated"]
    assert log_loss(rows["y"], after) < log_loss(rows["y"], before)


def test_changes_are_paired_and_moves_are_counted(stressed: dict[str, pd.DataFrame]) -> None:
    rows = made()
    label = pd.Series(rows["y"], rows["X"].index)
    report = report_stress(stressed, label, rows["groups"], n_boot=200)
    assert list(report) == ["clean", "blur=1", "blur=2"]
    p, q = stressed["clean"]["calibrated"], stressed["blur=2"]["calibrated"]
    change = report["blur=2"]["stages"]["calibrated"]["change"]
    expected = (row_log_loss(label, q) - row_log_loss(label, p)).mean()
    assert change["value"] == pytest.approx(expected)
    assert change["low"] > 0
    moved = report["blur=2"]["moved"]
    assert moved["to_real"] == ((p > 0.5) & (q <= 0.5)).sum() > 10
    assert moved["mean"]["value"] == pytest.approx(np.abs(p - q).mean())
    assert moved["shift"]["high"] < 0
    assert moved["median"] <= moved["most"]
    assert report["blur=2"]["stages"]["calibrated"]["in_the_large"]["value"] > 0
    steady = report["blur=2"]["stages"]["base/steady"]
    assert steady["change"] == {"value": 0, "low": 0, "high": 0}
    points = breaking_points(report, {"blur": ["blur=1", "blur=2"]})
    found = {one["detector"]: one for one in points}
    assert found["steady"]["at"] is None
    assert not found["steady"]["first"]
    assert found["keen"]["first"]
    assert found["keen"]["at"] in ("blur=1", "blur=2")


def test_of_one_group_nothing_is_shown_to_break() -> None:
    change = {"value": 3.0, "low": None, "high": None}
    report = {"blur": {"stages": {"alone/a": {"change": change}, "mean": {"change": change}}}}
    (only,) = breaking_points(report, {"blur": ["blur"]})
    assert only["at"] is None
    assert movement([0.5], [0.9], ["a"])["mean"]["low"] is None


@pytest.mark.parametrize(
    ("altered", "taught", "told"),
    [
        ({"clean": made()["X"]}, [], "is called 'clean'"),
        ({"blur": made()["X"].rename(index={"v000": "w"})}, [], "'w' is not one of the rows"),
        ({"blur": pd.concat([made()["X"]] * 2)}, [], "is there twice"),
        ({"blur": made()["X"][["keen"]]}, [], "has no column 'steady'"),
        ({"blur": made()["X"]}, ["jpeg"], "no altered copies called 'jpeg'"),
    ],
)
def test_copies_of_other_rows_are_refused(altered: Any, taught: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        stressed_predictions(PLAIN, **{**made(), "altered": altered}, taught=taught)
