"""The leaderboard: every stage and alternative on the same rows, compared by pairs."""

import numpy as np
import pandas as pd
import pytest

from calibration import log_loss, row_log_loss, standard_error
from predictions.folds import assign_folds
from stacking import (
    Procedure,
    Stack,
    compare_subsets,
    fit_and_estimate,
    leaderboard,
    nested_estimate,
    nested_predictions,
    report_metrics,
    save_stack,
)


@pytest.fixture(scope="module")
def judged():
    random = np.random.default_rng(0)
    n = 400
    y = random.integers(0, 2, n)
    X = pd.DataFrame(
        (2 * y - 1)[:, None] * [1.5, 0.8, 0.3] + random.standard_normal((n, 3)),
        columns=["a", "b", "c"],
        index=[f"v{i}" for i in random.permutation(n)],
    )
    X.iloc[::7, 2] = np.nan
    X.iloc[5] = np.nan
    groups, procedure = np.arange(n) // 4, Procedure(Stack(), take="recommended")
    folds = assign_folds(y, groups)
    kinds = {"a": "logit", "b": "logit", "c": "raw"}
    estimate = nested_estimate(procedure, X, y, groups, folds, kinds)
    return X, y, groups, folds, kinds, procedure, estimate


def test_the_stages_are_those_of_the_nested_run(judged):
    X, y, groups, folds, kinds, procedure, estimate = judged
    alone = nested_predictions(procedure, X, y, groups, folds, kinds)
    pd.testing.assert_frame_equal(estimate.stages, alone)
    assert estimate.alternatives.index.equals(X.index)
    assert estimate.alternatives.notna().all(axis=None)


def test_the_fit_beside_it_in_other_processes_changes_no_byte(judged, tmp_path):
    X, y, groups, folds, kinds, procedure, estimate = judged
    fitted, beside = fit_and_estimate(procedure.with_jobs(2), X, y, groups, folds, kinds)
    pd.testing.assert_frame_equal(beside.stages, estimate.stages, check_exact=True)
    pd.testing.assert_frame_equal(beside.alternatives, estimate.alternatives, check_exact=True)
    alone = procedure.fit(X, y, groups)
    for name, one in (("alone", alone), ("beside", fitted)):
        save_stack(one.stack, tmp_path / name)
    packed = "stack.skops"
    assert (tmp_path / "alone" / packed).read_bytes() == (tmp_path / "beside" / packed).read_bytes()
    assert fitted.notes == alone.notes
    assert fitted.stack.n_jobs == 2
    one, two = (report_metrics(estimate.stages, y, groups, n_boot=20, n_jobs=n) for n in (1, 2))
    assert one == two


def test_a_detector_alone_is_the_ensemble_of_one_that_is_compared(judged):
    X, y, groups, folds, *_, estimate = judged
    found = compare_subsets(X, y, groups, folds).table
    for name in X:
        alone = found.loc[found["models"] == (name,), "log_loss"].item()
        assert log_loss(y, estimate.alternatives[f"alone/{name}"]) == pytest.approx(alone, abs=1e-6)


def test_every_way_is_on_it_by_its_loss(judged):
    _, y, groups, *_, estimate = judged
    board = leaderboard(estimate, y, groups)
    assert board["log_loss"].is_monotonic_increasing
    assert board["shipped"].sum() == 1
    assert set(board["kind"]) == {
        *("detector", "calibrated detector", "ensemble"),
        *("meta-learner", "calibrator", "stack"),
    }
    assert board.loc[board["kind"] == "ensemble", "name"].sort_values().tolist() == ["1", "2", "3"]
    assert {"logistic", "splines", "xgboost"} <= set(board["name"])
    assert {"temperature", "isotonic", "venn_abers"} <= set(board["name"])
    table = pd.concat([estimate.stages, estimate.alternatives], axis=1)
    row = board[(board["kind"] == "meta-learner") & (board["name"] == "logistic")].iloc[0]
    assert row["log_loss"] == pytest.approx(log_loss(y, table["meta/logistic"]))
    gap = row_log_loss(y, table["meta/logistic"]) - row_log_loss(y, table["calibrated"])
    assert row["to_shipped"] == pytest.approx(gap.mean())
    assert row["to_shipped_error"] == pytest.approx(standard_error(gap, groups))
    assert board["difference"].iloc[0] == 0
    assert (board["difference"] >= 0).all()


def test_calibrating_the_right_way_round_helps_a_detector_that_is_too_sure(judged):
    X, y, groups, folds, *_ = judged
    sure = X[["a", "b"]] * [30.0, 1.0]
    estimate = nested_estimate(Stack("logistic"), sure, y, groups, folds, {"a": "logit"})
    board = leaderboard(estimate, y, groups).set_index(["kind", "name"])["log_loss"]
    assert board["calibrated detector", "a"] < board["detector", "a"] / 2


def test_one_group_knows_no_error():
    y = np.array([0, 1] * 30)
    X = pd.DataFrame({"a": y + 0.5 * np.sin(np.arange(60)), "b": np.cos(np.arange(60))})
    estimate = nested_estimate(Stack("logistic"), X, y, np.arange(60), np.arange(60) // 2 % 2)
    board = leaderboard(estimate, y, np.zeros(60))
    assert board["standard_error"].isna().all()
