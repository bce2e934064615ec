"""Diversity measures against worked examples."""

import numpy as np
import pandas as pd
import pytest

from predictions.errors import InputError
from stacking.ensembles.diversity import MEASURES, oracle_measures, pair_diversity, subset_diversity

# Three classifiers, each right on 6 of 10 rows: the pattern of success (majority vote 9 of 10) and
# the pattern of failure (4 of 10) of Kuncheva, Whitaker, Shipp and Duin 2003, "Limits on the
# majority vote accuracy in classifier fusion"; the measures are those of Kuncheva and Whitaker
# 2003, "Measures of diversity in classifier ensembles", section 2.
SUCCESS = np.array([(1, 1, 0)] * 3 + [(1, 0, 1)] * 3 + [(0, 1, 1)] * 3 + [(0, 0, 0)], dtype=bool)
FAILURE = np.array([(1, 1, 1)] * 4 + [(1, 0, 0), (0, 1, 0), (0, 0, 1)] * 2, dtype=bool)


@pytest.mark.parametrize(
    ("right", "majority", "q", "disagreement", "double_fault"),
    [(SUCCESS, 0.9, -0.5, 0.6, 0.1), (FAILURE, 0.4, 1 / 3, 0.4, 0.2)],
)
def test_patterns_of_success_and_failure(right, majority, q, disagreement, double_fault):
    assert (right.sum(axis=1) >= 2).mean() == majority
    for i, j in ((0, 1), (0, 2), (1, 2)):
        found = oracle_measures(right[:, i], right[:, j])
        assert found["q"] == pytest.approx(q)
        assert found["disagreement"] == pytest.approx(disagreement)
        assert found["double_fault"] == pytest.approx(double_fault)


def test_independent_and_identical():
    a = np.array([1, 1, 0, 0], dtype=bool)
    assert oracle_measures(a, np.array([1, 0, 1, 0]))["q"] == 0
    assert oracle_measures(a, a) == {"disagreement": 0.0, "q": 1.0, "double_fault": 0.5}
    assert oracle_measures(a, ~a) == {"disagreement": 1.0, "q": -1.0, "double_fault": 0.0}
    assert np.isnan(oracle_measures(np.ones(3), np.ones(3))["q"])  # never wrong: nothing to tell


def test_pairs_and_their_means_inside_subsets():
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 400)
    p = pd.DataFrame(random.random((400, 3)), columns=["a", "b", "c"])
    pairs = pair_diversity(y, p)
    assert list(zip(pairs["first"], pairs["second"], strict=True)) == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    residual = y[:, None] - p.to_numpy()
    expected = np.corrcoef(residual.T)[np.triu_indices(3, 1)]
    np.testing.assert_allclose(pairs["residual_correlation"], expected)
    means = subset_diversity(pairs, np.array([[1, 0, 0], [1, 0, 1], [1, 1, 1]], bool), list("abc"))
    assert np.isnan(means[0]).all()
    np.testing.assert_allclose(means[1], pairs.loc[1, list(MEASURES)].to_numpy(float))
    np.testing.assert_allclose(means[2], pairs[list(MEASURES)].mean().to_numpy())


def test_different_rows_are_refused():
    with pytest.raises(InputError, match="same rows"):
        oracle_measures([True], [True, False])
