"""Comparing ensembles: each estimate is a nested run of its own, and the advice follows rules."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from calibration import (
    TemperatureCalibrator,
    log_loss_of_logits,
    mean_interval,
    standard_error,
)
from predictions.errors import InputError
from predictions.folds import assign_folds
from stacking.clipping import learned_clip
from stacking.ensembles import compare
from stacking.ensembles.compare import compare_subsets
from stacking.ensembles.costs import read_costs, subset_costs
from stacking.ensembles.differences import paired_differences, pareto_front
from stacking.ensembles.fits import subset_minima, subset_path
from stacking.ensembles.judge import ALPHAS, subset_probabilities
from stacking.ensembles.plot import plot_comparison, prepare_trade_off
from stacking.ensembles.subsets import all_subsets, greedy_path, random_subsets
from stacking.estimate.outer_folds import OuterFolds
from stacking.features import TamedScores
from stacking.inner_folds import inner_folds
from stacking.solvers import ridge_path


def table(n=600, k=4, seed=0):
    """k detectors, each weaker than the one before; every third value of the second missing."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    values = (2 * y - 1)[:, None] / np.arange(1, k + 1) + 1.2 * random.standard_normal((n, k))
    X = pd.DataFrame(values, columns=[f"m{j}" for j in range(k)])
    X.iloc[::3, 1] = np.nan
    return X, y, np.arange(n) // 3


@pytest.fixture(scope="module")
def compared():
    X, y, groups = table()
    folds = assign_folds(y, groups)
    costs = pd.DataFrame({"seconds": [4.0, 1, 2, 1], "mb": np.nan}, index=X.columns)
    return X, y, groups, folds, compare_subsets(X, y, groups, folds, costs=costs)


@pytest.mark.parametrize("k", [5, 40])
def test_all_fits_are_minima(k):
    random = np.random.default_rng(1)
    X = random.standard_normal((300, k))
    y = (random.random(300) < expit(X[:, 0] * 2 - X[:, 1])).astype(float)
    masks = random.random((12, k)) < 0.6
    X[:, 2] = 0.0
    whole = subset_minima(X, y, masks, ALPHAS)
    some = np.arange(300) % 5 > 0
    turned = np.where(some, 1 - y, y)
    for rows, labels, start in [
        (some | True, y, None),
        (some, y, whole),
        # So far from where they begin that the Hessian there leads astray.
        (some, turned, whole),
        (~some, turned, whole),
        # Fewer rows than columns.
        (np.arange(300) % 15 == 0, y, None),
    ]:
        path = subset_path(X[rows], labels[rows], masks, ALPHAS, start)
        for s, mask in enumerate(masks):
            assert not path[:, s, :-1][:, ~mask].any()
            exact = ridge_path(X[rows][:, mask], labels[rows], ALPHAS, tolerance=1e-12)
            for i, one in enumerate(exact):
                np.testing.assert_allclose(path[i, s, :-1][mask], one.coef, atol=2e-3)
                assert path[i, s, -1] == pytest.approx(one.intercept, abs=2e-3)


def test_separable_rows_and_one_class_have_an_answer():
    X = np.linspace(-1, 1, 50)[:, None] * [[1.0, 50.0]]
    y = (X[:, 0] > 0).astype(float)
    path = subset_path(X, y, all_subsets(2), (1.0, 1e-6))
    assert np.isfinite(path).all()
    assert np.isfinite(subset_path(X, np.ones(50), all_subsets(2), (1.0,))).all()


def direct_nested(X, y, groups, folds):
    """The same procedure for one subset, with nothing shared."""
    p = np.empty(len(y))
    for fold in np.unique(folds):
        held = folds == fold
        values, labels = X[~held], y[~held].astype(float)
        tamed = TamedScores().fit(values)
        design = tamed.transform(values)
        inner = inner_folds(labels, groups[~held], 5, 0)
        logits = np.empty((len(ALPHAS), len(labels)))
        for one in np.unique(inner):
            out = inner == one
            path = ridge_path(design[~out], labels[~out], ALPHAS, tolerance=1e-10)
            for i, linear in enumerate(path):
                logits[i, out] = linear(design[out])
        best = int(np.argmin(log_loss_of_logits(labels, logits).mean(axis=1)))
        linear = ridge_path(design, labels, (ALPHAS[best],), tolerance=1e-10)[0]
        hot = TemperatureCalibrator().fit_logits(logits[best], labels).temperature_
        clip = learned_clip(expit(logits[best] / hot), labels, groups[~held]) or (0.0, 1.0)
        p[held] = np.clip(expit(linear(tamed.transform(X[held])) / hot), *clip)
    return p


def test_each_estimate_is_the_direct_nested_run(compared):
    X, y, groups, folds, found = compared
    assert len(found.table) == 15
    X, outer = OuterFolds.in_order(X, y, groups, folds)
    y, groups, folds = outer.labels, outer.groups, np.column_stack(outer.held).argmax(axis=1)
    for s in (0, 1, 5, 10, 14):
        row = found.table.iloc[s]
        p = direct_nested(X[list(row["models"])].to_numpy(), y, groups, folds)
        losses = -np.log(np.where(y == 1, p, 1 - p))
        assert row["log_loss"] == pytest.approx(losses.mean(), abs=2e-5)
        interval = mean_interval(losses, groups)
        assert row["low"] == pytest.approx(interval.low, abs=1e-4)
        assert row["high"] == pytest.approx(interval.high, abs=1e-4)


def test_no_row_teaches_its_own_fold(compared):
    X, y, groups, folds, _ = compared
    turned = np.where(folds == 2, 1 - y, y)
    held = folds == 2
    values = X.to_numpy()
    one, other = (
        subset_probabilities(
            values[~held], labels[~held], groups[~held], values[held], all_subsets(4)
        )
        for labels in (y, turned)
    )
    np.testing.assert_array_equal(one, other)


def test_the_table_holds_together(compared):
    *_, found = compared
    rows = found.table
    best = rows["log_loss"].idxmin()
    assert (rows["difference"] >= 0).all()
    assert rows.loc[best, ["difference", "standard_error"]].tolist() == [0, 0]
    assert ((rows["low"] <= rows["log_loss"]) & (rows["log_loss"] <= rows["high"])).all()
    assert rows["recommended"].sum() == 1
    taken, smallest = found.taken(), found.taken("smallest")
    assert smallest["size"] <= taken["size"]
    assert set(smallest["models"]) <= set(taken["models"])
    assert rows["mb"].isna().all()
    assert not rows["front_mb"].any()
    assert rows.loc[rows["size"] == 4, "seconds"].item() == 8
    assert found.best_by_size()["size"].tolist() == [1, 2, 3, 4]
    assert found.chosen_inside.low < found.chosen_inside.value < found.chosen_inside.high
    assert rows["log_loss"].min() - 0.01 < found.chosen_inside.value < rows["log_loss"].max()
    assert len(found.pairs) == 6
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert json.loads(text)["recommendation"]["models"] == list(taken["models"])
    without = found.left_out.set_index("detector")
    whole = rows["log_loss"].iloc[-1]
    for name, row in without.iterrows():
        others = tuple(other for other in found.left_out["detector"] if other != name)
        loss = rows.loc[rows["models"] == others, "log_loss"].item()
        assert row["without"] == pytest.approx(loss)
        assert row["saves"] == pytest.approx(row["without"] - whole)


def test_processes_change_nothing(compared):
    X, y, groups, folds, found = compared
    again = compare_subsets(X, y, groups, folds, n_jobs=2)
    np.testing.assert_array_equal(again.table["log_loss"], found.table["log_loss"])


def test_a_budget_is_kept(compared):
    X, y, groups, folds, _ = compared
    costs = pd.DataFrame({"seconds": [4.0, 1, 2, 1], "mb": np.nan}, index=X.columns)
    tight = compare_subsets(X, y, groups, folds, costs=costs, budget={"seconds": 3.5})
    taken = tight.table[tight.table["recommended"]].iloc[0]
    assert "m0" not in taken["models"]
    assert taken["seconds"] <= 3.5
    assert "within 3.5 seconds" in tight.reason
    with pytest.raises(InputError, match="not known"):
        compare_subsets(X, y, groups, folds, costs=costs, budget={"mb": 100.0})
    with pytest.raises(InputError, match="raise the budget"):
        compare_subsets(X, y, groups, folds, costs=costs, budget={"seconds": 0.5})


def test_shuffled_labels_promise_nothing():
    X, y, groups = table(800)
    shuffled = np.random.default_rng(5).permutation(y)
    found = compare_subsets(X, shuffled, groups, assign_folds(shuffled, groups))
    assert found.table["log_loss"].min() >= 0.68
    assert found.chosen_inside.value >= 0.685


def test_many_detectors_are_compared_along_paths(monkeypatch):
    monkeypatch.setattr(compare, "N_RANDOM", 20)
    X, y, groups = table(240, k=13)
    found = compare_subsets(X, y, groups, assign_folds(y, groups))
    sizes = found.table["size"]
    assert not found.complete
    assert (sizes == 1).sum() == 13
    assert set(sizes) == set(range(1, 14))
    assert not found.table["models"].duplicated().any()


def test_greedy_path_takes_what_tells_most():
    X, y, _ = table(2000, k=6, seed=3)
    path = greedy_path(X.to_numpy(), y.astype(float), longest=4)
    assert path.sum(axis=1).tolist() == [1, 2, 3, 4]
    assert path[0, 0]
    assert (path[1:] >= path[:-1]).all()


def test_subsets_are_complete_and_in_order():
    masks = all_subsets(4)
    assert len(np.unique(masks, axis=0)) == 15
    assert (np.diff(masks.sum(axis=1)) >= 0).all()
    drawn = random_subsets(30, 50, seed=0)
    assert len(np.unique(drawn, axis=0)) == len(drawn)
    assert (drawn.sum(axis=1) == 1).sum() == 30
    assert drawn[-1].all()


def test_differences_are_paired_over_groups():
    random = np.random.default_rng(0)
    codes = random.integers(0, 40, 500)
    losses = random.random((500, 3))
    sums = np.array([np.bincount(codes, weights=column, minlength=40) for column in losses.T]).T
    difference, error = paired_differences(sums, np.bincount(codes, minlength=40).astype(float), 1)
    for s in range(3):
        gap = losses[:, s] - losses[:, 1]
        assert difference[s] == pytest.approx(gap.mean())
        assert error[s] == pytest.approx(standard_error(gap, codes))


def test_pareto_front():
    cost = np.array([1, 1, 2, 3, 3, np.nan, 4])
    loss = np.array([0.5, 0.4, 0.45, 0.3, 0.3, 0.1, 0.3])
    assert np.flatnonzero(pareto_front(cost, loss)).tolist() == [1, 3]


def test_figures_are_data_first(compared, tmp_path):
    *_, found = compared
    size = prepare_trade_off(found)
    assert len(size.points) == 15
    assert len(size.best) == 4
    seconds = prepare_trade_off(found, "seconds")
    for data in (size, seconds):
        front = data.front
        assert front["cost"].is_monotonic_increasing
        assert front["log_loss"].is_monotonic_decreasing
        for _, point in data.points.iterrows():
            cheaper = front[front["cost"] <= point["cost"]]
            assert cheaper["log_loss"].min() <= point["log_loss"]
        # What is not shown is counted.
        assert data.hidden == (data.points["log_loss"] > data.top).sum()
        assert data.bottom < size.best["low"].min()
        assert data.top > size.best["high"].max()
    figure = plot_comparison(found)
    assert len(figure.axes) == 2  # mb is not known
    figure.savefig(tmp_path / "compare.png")
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_costs_are_read_and_summed(tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text("model,seconds,mb\na,1,10\nb,2,\nother,5,5\n")
    costs = read_costs(path, ["a", "b", "c"])
    spent = subset_costs(costs, np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1]], bool))
    assert spent["seconds"].tolist()[:2] == [1, 3]
    assert np.isnan(spent["seconds"][2])
    assert spent["mb"].isna().tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,price\na,1\n", "expected model and one of"),
        ("model,seconds\na,1\na,2\n", "twice"),
        ("model,seconds\nz,1\n", "none of the compared"),
        ("model,seconds\na,-1\n", "at least 0"),
        ("model,seconds\na,much\n", "'much'"),
    ],
)
def test_bad_costs_end_in_one_sentence(text, message, tmp_path):
    path = tmp_path / "costs.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_costs(path, ["a", "b"])


def test_what_cannot_be_judged_is_refused():
    X, y, groups = table(60)
    folds = assign_folds(y, groups)
    with pytest.raises(InputError, match="one fold"):
        compare_subsets(X, y, groups, np.zeros(60))
    with pytest.raises(InputError, match="group"):
        compare_subsets(X, y, groups, np.arange(60) % 2)
    with pytest.raises(InputError, match="REAL"):
        compare_subsets(X, np.zeros(60), groups, folds)
    with pytest.raises(InputError, match="no column"):
        compare_subsets(X.rename(columns=lambda name: f"m:{name}"), y, groups, folds)


@pytest.mark.parametrize(
    "spoil", [lambda X: X * 0, lambda X: X * np.nan, lambda X: np.sign(X) * 104]
)
def test_strange_tables_get_an_answer(spoil):
    X, y, groups = table(60, k=3)
    found = compare_subsets(spoil(X), y, groups, assign_folds(y, groups))
    assert np.isfinite(found.table["log_loss"]).all()
