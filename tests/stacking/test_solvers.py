"""The ridge path ends at the exact minimum, whatever the table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from calibration import log_loss_of_logits
from stacking.learners.linear import nonnegative_path
from stacking.solvers import RidgePaths, ridge_path


def table(n: int, k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    X = random.standard_normal((n, k))
    y = (X[:, 0] + random.standard_normal(n) > 0).astype(float)
    y[:2] = [0.0, 1.0]
    return X, y


def test_agrees_with_scikit_learn():
    X, y = table(500, 4, 0)
    ours = ridge_path(X, y, (2.0,), tolerance=1e-12)[0]
    theirs = LogisticRegression(C=0.5, tol=1e-10, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.coef, theirs.coef_[0], atol=1e-5)
    assert ours.intercept == pytest.approx(theirs.intercept_[0], abs=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(3, 60), st.integers(1, 90), st.integers(0, 99), st.sampled_from([0.01, 1.0, 100.0])
)
def test_gradient_is_zero_at_the_end(n, k, seed, alpha):
    X, y = table(n, k, seed)
    X[:, -1] = 3.0  # a constant column among them
    linear = ridge_path(X, y, (1000.0, alpha), tolerance=1e-12)[-1]
    residual = expit(linear(X)) - y
    np.testing.assert_allclose(X.T @ residual + alpha * linear.coef, 0.0, atol=2e-3)
    assert abs(residual.sum()) < 2e-3


def test_single_precision_hessian_ends_at_the_same_minimum():
    X, y = table(400, 100, 2)
    linear = ridge_path(X, y, (0.5,), tolerance=1e-12)[0]
    gradient = X.T @ (expit(linear(X)) - y) + 0.5 * linear.coef
    assert np.abs(gradient).max() < 1e-4


@pytest.mark.parametrize("k", [3, 90])
def test_paths_on_overlapping_rows_end_where_each_alone_does(k):
    """Also where a fold has other columns, one class or fewer rows than columns."""
    X, y = table(400, k, 4)
    alphas = (100.0, 1.0)
    paths = RidgePaths(tolerance=1e-12)
    parts = [np.arange(400) % 5 != fold for fold in range(5)]
    samples = [(X[part], y[part]) for part in parts]
    samples[2:2] = [(X[:, :-1], y), (X[:40], np.ones(40)), (X[:60], y[:60])]
    for some, labels in samples:
        warm, cold = paths.fit(some, labels, alphas), ridge_path(some, labels, alphas, 1e-12)
        for one, other in zip(warm, cold, strict=True):
            np.testing.assert_allclose(one(some), other(some), atol=1e-4)


def test_the_layout_in_memory_changes_no_bit():
    X, y = table(400, 90, 5)
    one, other = (ridge_path(form, y, (1.0,))[0] for form in (X, np.asfortranarray(X)))
    np.testing.assert_array_equal(one.coef, other.coef)


def test_one_class_gives_the_smoothed_share():
    linear = ridge_path(np.ones((9, 2)), np.ones(9), (1.0,))[0]
    assert expit(linear(np.zeros((1, 2))))[0] == pytest.approx(9.5 / 10)


def test_nonnegative_minimum_meets_its_conditions():
    X, y = table(300, 5, 3)
    X[:, 1] *= -1
    linear = nonnegative_path(X, y, (1.0,))[0]
    gradient = X.T @ (expit(linear(X)) - y) + linear.coef
    assert (linear.coef >= 0).all()
    assert np.abs(gradient[linear.coef > 1e-9]).max() < 1e-3
    assert (gradient[linear.coef <= 1e-9] > -1e-3).all()
    free = ridge_path(X, y, (1.0,), tolerance=1e-12)[0]
    bounded, least = (
        log_loss_of_logits(y, one(X)).sum() + one.coef @ one.coef / 2 for one in (linear, free)
    )
    assert bounded >= least
