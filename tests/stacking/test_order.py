"""The order of rows and columns, and the names of groups, change nothing, to the bit."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from calibration import AutoCalibrator, estimate_prior, mean_interval, measure_in_full
from calibration.registry import CALIBRATORS, create_calibrator
from predictions import assign_folds
from predictions.order import row_order
from stacking import META_LEARNERS, Procedure, Stack, nested_estimate, nested_predictions
from stacking.ensembles.compare import compare_subsets
from stacking.estimate.domain_splits import domain_splits
from stacking.estimate.domains import domain_predictions
from stacking.registry import Take

N = 160
RNG = np.random.default_rng(0)
LATENT = RNG.normal(size=N)
Y = (RNG.random(N) < 1 / (1 + np.exp(-2 * LATENT))).astype(int)
X = pd.DataFrame({f"m{j}": LATENT + RNG.normal(size=N) for j in (2, 0, 3, 1)}).round(1)
X.iloc[::13, 1] = np.nan
X.iloc[::40] = np.nan  # rows of nothing at all
GROUP = np.array([f"g{i // 3}" for i in range(N)])
FOLD = np.array([(i // 3) % 3 for i in range(N)])
DOMAIN = np.array(["one", "two", ""])[(np.arange(N) // 3) % 3]
DOMAIN[Y == 0] = ""

SHUFFLE = RNG.permutation(N)
NAMES = dict(zip(np.unique(GROUP), RNG.permutation(10_000).astype(str), strict=False))
RENAMED = np.array([NAMES[name] for name in GROUP])[SHUFFLE]
SHUFFLED = X.iloc[SHUFFLE][list(X.columns[::-1])]


def back(answer: Any) -> Any:
    """An answer for the shuffled rows, in the order of the rows."""
    return np.asarray(answer)[np.argsort(SHUFFLE)]


@pytest.mark.parametrize("meta", META_LEARNERS)
def test_a_stack(meta: str) -> None:
    one = Stack(meta).fit(X, Y, groups=GROUP)
    other = Stack(meta).fit(SHUFFLED, Y[SHUFFLE], groups=RENAMED)
    np.testing.assert_array_equal(
        one.predict_proba(X), back(other.predict_proba(SHUFFLED)), strict=True
    )
    assert list(map(str, one.notes_)) == list(map(str, other.notes_))
    alone = Stack("logistic").fit(X, Y).predict_proba(X)
    without = Stack("logistic").fit(SHUFFLED, Y[SHUFFLE]).predict_proba(SHUFFLED)
    np.testing.assert_array_equal(alone, back(without))


def test_rows_of_a_matrix() -> None:
    matrix = X.to_numpy()
    one = Stack("splines").fit(matrix, Y, groups=GROUP).predict_proba(matrix)
    rows = matrix[SHUFFLE]
    other = Stack("splines").fit(rows, Y[SHUFFLE], groups=RENAMED).predict_proba(rows)
    np.testing.assert_array_equal(one, back(other))


@pytest.mark.parametrize("robust", [False, True])
def test_nested_estimates(robust: bool) -> None:
    stack = Stack("logistic" if robust else "shrunk", calibration="affine")
    domains = pd.Series(DOMAIN, index=X.index) if robust else None
    procedure = Procedure(stack, domains=domains)
    one = nested_predictions(procedure, X, Y, GROUP, FOLD)
    other = nested_predictions(procedure, SHUFFLED, Y[SHUFFLE], RENAMED, FOLD[SHUFFLE])
    assert set(one) == set(other)
    for stage in one:
        np.testing.assert_array_equal(one[stage], back(other[stage]), err_msg=stage)


@pytest.mark.parametrize("take", ["recommended", "smallest"])
def test_choices_and_alternatives(take: Take) -> None:
    procedure = Procedure(Stack("logistic"), take=take)
    one = nested_estimate(procedure, X, Y, GROUP, FOLD)
    other = nested_estimate(procedure, SHUFFLED, Y[SHUFFLE], RENAMED, FOLD[SHUFFLE])
    for before, after in ((one.stages, other.stages), (one.alternatives, other.alternatives)):
        assert set(before) == set(after)
        for name in before:
            np.testing.assert_array_equal(before[name], back(after[name]), err_msg=name)


def test_domains_and_folds() -> None:
    one = domain_predictions(Stack("best"), X, Y, domain_splits(Y, GROUP, DOMAIN), GROUP)
    splits = domain_splits(Y[SHUFFLE], GROUP[SHUFFLE], DOMAIN[SHUFFLE])
    other = domain_predictions(Stack("best"), SHUFFLED, Y[SHUFFLE], splits, GROUP[SHUFFLE])
    pd.testing.assert_frame_equal(
        one.sort_index(), other.sort_index()[list(one.columns)], check_exact=True
    )
    labels = np.where(Y == 1, "FAKE", "REAL")
    folds = assign_folds(labels, GROUP, 4)
    np.testing.assert_array_equal(folds, back(assign_folds(labels[SHUFFLE], GROUP[SHUFFLE], 4)))


def test_comparing_ensembles() -> None:
    one = compare_subsets(X, Y, GROUP, FOLD, n_boot=50).to_dict()
    other = compare_subsets(SHUFFLED, Y[SHUFFLE], RENAMED, FOLD[SHUFFLE], n_boot=50).to_dict()
    assert json.dumps(one) == json.dumps(other)


@pytest.mark.parametrize("name", [*CALIBRATORS, "auto"])
@pytest.mark.parametrize("grouped", [False, True])
def test_calibrators(name: str, grouped: bool) -> None:
    z, weight = LATENT.round(1), RNG.integers(0, 3, N)
    found = []
    for rows in (np.arange(N), SHUFFLE):
        if name == "auto":
            groups = GROUP[rows] if grouped else None
            fitted: Any = AutoCalibrator().fit_logits(z[rows], Y[rows], weight[rows], groups)
        else:
            fitted = create_calibrator(name).fit_logits(z[rows], Y[rows], weight[rows])
        found.append(fitted.map_logits(z))
    np.testing.assert_array_equal(*found)


def test_measures_over_groups() -> None:
    p = 1 / (1 + np.exp(-LATENT.round(1)))
    for measure in (
        lambda rows: measure_in_full(Y[rows], p[rows], GROUP[rows], n_boot=50),
        lambda rows: mean_interval(p[rows], GROUP[rows], n_boot=50),
        lambda rows: estimate_prior(p[rows], 0.5, GROUP[rows], n_boot=20).prior,
    ):
        assert measure(np.arange(N)) == measure(SHUFFLE)


def test_row_order_sorts_by_key_after_key() -> None:
    keys = RNG.integers(0, 2, (200, 9)).astype(float)
    keys[RNG.random(keys.shape) < 0.1] = np.nan
    order = row_order(keys[:, :4], keys[:, 4:])
    np.testing.assert_array_equal(order, np.lexsort(keys.T[::-1]))
    np.testing.assert_array_equal(row_order(LATENT), np.argsort(LATENT))
