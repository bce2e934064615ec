"""Taming: bounded, complete, standardised, and learned from the training rows alone."""

import numpy as np

from stacking.features import Ranks, SplineScores, TamedScores


def saturated(n: int = 1000) -> np.ndarray:
    random = np.random.default_rng(0)
    X = random.standard_normal((n, 3))
    X[: n // 4, 0] = -104.0
    X[::5, 1] = np.nan
    X[:, 2] = 7.0
    return X


def test_tamed_columns_are_finite_and_standardised():
    X = saturated()
    tamed = TamedScores().fit(X)
    Z = tamed.transform(X)
    assert Z.shape == (1000, 4)  # three scores, one indicator
    assert np.isfinite(Z).all()
    np.testing.assert_allclose(Z[:, 0].std(), 1.0)
    np.testing.assert_allclose(Z[:, 2], 0.0)  # a constant says nothing
    np.testing.assert_allclose(Z[:, 3].mean(), 0.0, atol=1e-12)


def test_extremes_beyond_training_stay_at_its_edges():
    X = saturated()
    tamed = TamedScores().fit(X)
    far = tamed.scores(np.array([[1e300, 1e300, 1e300], [-1e300, -1e300, -1e300]]))
    near = tamed.scores(np.vstack([tamed.high_, tamed.low_]))
    np.testing.assert_array_equal(far, near)


def test_ranks_are_monotone_and_shared_by_ties():
    x = np.array([[1.0], [2.0], [2.0], [5.0]])
    ranks = Ranks().fit(x).transform(np.array([[1.0], [2.0], [5.0], [9.0], [np.nan]]))[:, 0]
    np.testing.assert_allclose(ranks, [0.125, 0.5, 0.875, 0.875, 0.5])


def test_all_missing_column_is_neutral():
    X = np.column_stack([np.arange(50.0), np.full(50, np.nan)])
    basis = SplineScores(pairs=True).fit(X)
    assert np.isfinite(basis.transform(X)).all()


def test_statistics_come_in_tamed_only():
    X = np.random.default_rng(1).standard_normal((300, 4))
    wide = SplineScores(4).fit(X).transform(X).shape[1]
    narrow = SplineScores(1).fit(X).transform(X).shape[1]
    assert narrow < wide
    assert np.isfinite(SplineScores(1).fit(X).transform(X)).all()
