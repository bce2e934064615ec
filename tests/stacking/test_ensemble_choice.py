"""Which detectors are taken: a length of forward selection, judged on rows it has not seen."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions.folds import assign_folds
from stacking import Procedure, Stack, choose_ensemble, nested_predictions
from stacking.choose import ensemble
from stacking.ensembles.compare import compare_subsets
from stacking.ensembles.subsets import greedy_path


def rows(n=1200, signals=(1.5, 1.0), noise=10, per_group=3, seed=0):
    """Detectors that know something, and many that know nothing."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n).astype(float)
    told = (2 * y - 1)[:, None] * np.array(signals) + random.standard_normal((n, len(signals)))
    X = np.column_stack([told, random.standard_normal((n, noise))])
    names = [f"good{j}" for j in range(len(signals))] + [f"noise{j}" for j in range(noise)]
    return pd.DataFrame(X, columns=names), y, np.arange(n) // per_group


def test_noise_is_left_out_where_it_is_shown_to_harm():
    X, y, groups = rows(noise=25)
    choice = choose_ensemble(X, y, groups)
    assert choice is not None
    assert {"good0", "good1"} <= set(choice.models)
    assert len(choice.models) < X.shape[1] / 2
    assert "better on the inner folds than all" in str(choice.note)
    gain = -choice.table["difference"].iloc[choice.chosen]
    assert gain > choice.table["standard_error"].iloc[choice.chosen]


def test_all_are_taken_where_fewer_are_no_better():
    X, y, groups = rows(signals=(1.0, 1.0, 1.0, 1.0), noise=0)
    choice = choose_ensemble(X, y, groups)
    assert choice is not None
    assert sorted(choice.models) == sorted(X.columns)
    assert str(choice.note).startswith("Ensemble: all 4 detectors")


def test_the_smallest_is_within_one_error_of_the_best():
    X, y, groups = rows(signals=(2.0, 0.1, 0.1), noise=3)
    choice = choose_ensemble(X, y, groups, take="smallest")
    assert choice is not None
    assert choice.models == choice.table["models"].iloc[choice.smallest]
    assert choice.models[0] == "good0"
    assert len(choice.models) <= 3


def test_a_handful_of_groups_chooses_nothing():
    X, y, groups = rows(n=87, per_group=3)
    assert choose_ensemble(X, y, groups) is None
    fitted = Procedure(Stack("logistic"), take="recommended").fit(X, y, groups)
    assert fitted.ensemble is None
    assert list(fitted.stack.feature_names_in_) == sorted(X.columns)
    assert "groups of a label cannot tell" in str(fitted.notes[0])


def test_one_detector_is_no_choice():
    X, y, groups = rows()
    assert choose_ensemble(X[["good0"]], y, groups) is None


def test_the_names_of_columns_change_no_choice():
    X, y, groups = rows(noise=6)
    one = choose_ensemble(X, y, groups)
    other = choose_ensemble(X[X.columns[::-1]], y, groups)
    assert one is not None
    assert other is not None
    assert one.table["models"].tolist() == other.table["models"].tolist()
    np.testing.assert_allclose(one.table["log_loss"], other.table["log_loss"], atol=1e-6)


def test_rows_that_judge_do_not_select(monkeypatch):
    """Each inner fold's own selection is made without its rows."""
    X, y, groups = rows(n=300, noise=4)
    sizes = []
    real = greedy_path

    def recorded(values, labels, **more):
        sizes.append(len(values))
        return real(values, labels, **more)

    monkeypatch.setattr(ensemble, "greedy_path", recorded)
    choose_ensemble(X, y, groups)
    assert sizes[0] == 300
    assert len(sizes) == 6
    assert sum(300 - size for size in sizes[1:]) == 300


@given(seed=st.integers(0, 1000), groups=st.integers(60, 250))
def test_fewer_are_taken_only_when_better_by_the_rule(seed, groups):
    X, y, owner = rows(n=2 * groups, signals=(0.6, 0.4), noise=2, per_group=2, seed=seed)
    choice = choose_ensemble(X, y, owner)
    assert choice is not None
    table = choice.table
    best = int(table["log_loss"].argmin())
    gain, error = -table["difference"].iloc[best], table["standard_error"].iloc[best]
    rarer = min(len(np.unique(owner[y == label])) for label in (0, 1))
    shown = rarer >= 100 and gain > 2 * error
    assert choice.chosen == (best if shown else len(table) - 1)


def test_a_budget_bounds_every_length():
    X, y, groups = rows(noise=4)
    costs = pd.DataFrame({"seconds": [3.0, 1, 1, 1, 1, 1], "mb": np.nan}, index=X.columns)
    choice = choose_ensemble(X, y, groups, costs=costs, budget={"seconds": 3.5})
    assert choice is not None
    for models in choice.table["models"]:
        assert costs.loc[list(models), "seconds"].sum() <= 3.5
    assert "seconds a video" in str(choice.note)


def test_the_stack_is_fitted_on_what_is_taken_and_judged_with_the_choice():
    X, y, groups = rows(n=400, noise=18)
    procedure = Procedure(Stack("logistic"), take="recommended")
    fitted = procedure.fit(X, y, groups)
    assert fitted.ensemble is not None
    assert set(fitted.stack.feature_names_in_) == set(fitted.ensemble.models) < set(X.columns)
    folds = assign_folds(y, groups, n_splits=3)
    before = nested_predictions(procedure, X, y, groups, folds)
    held = folds == 1
    after = nested_predictions(procedure, X, np.where(held, 1 - y, y), groups, folds)
    # The labels of the rows that judge decide nothing, neither the fit nor the choice.
    columns = ["stacked", "calibrated"]
    np.testing.assert_array_equal(before.loc[held, columns], after.loc[held, columns])


def test_all_are_shipped_where_the_stack_itself_is_no_better_with_fewer(monkeypatch):
    X, y, groups = rows(n=400, noise=18)
    procedure = Procedure(Stack("logistic"), take="recommended")
    fewer = procedure.fit(X, y, groups)
    assert fewer.stack.n_features_in_ < X.shape[1]
    real = Stack.fit

    def better_with_more(self, values, *rest, **more):
        fitted = real(self, values, *rest, **more)
        fitted.inner_log_loss_ = 1.0 / values.shape[1]
        return fitted

    monkeypatch.setattr(Stack, "fit", better_with_more)
    fitted = procedure.fit(X, y, groups)
    assert fitted.stack.n_features_in_ == X.shape[1]
    assert fitted.ensemble is not None
    assert len(fitted.ensemble.models) == X.shape[1]
    assert "but not this stack" in str(fitted.notes[0])
    # Whoever asks for few gets them.
    asked = Procedure(Stack("logistic"), take="smallest").fit(X, y, groups)
    assert asked.stack.n_features_in_ < X.shape[1]


@pytest.mark.parametrize("noise", [2, 18])
def test_what_is_compared_recommends_as_a_stack_chooses(noise):
    X, y, groups = rows(n=400, noise=noise)
    found = compare_subsets(X, y, groups, assign_folds(y, groups, n_splits=3))
    smallest = Procedure(Stack("mean"), take="smallest").fit(X, y, groups).stack
    assert set(found.taken("smallest")["models"]) == set(smallest.feature_names_in_)
    recommended = Procedure(Stack("logistic"), take="recommended").fit(X, y, groups)
    assert set(found.taken()["models"]) == set(recommended.stack.feature_names_in_)
    assert found.reason == str(recommended.notes[0])
