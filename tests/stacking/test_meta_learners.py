"""Every meta-learner: a proper estimator, deterministic, and right on worked examples."""

import numpy as np
import pytest
from scipy.special import expit, logit

from predictions.errors import InputError
from stacking import (
    META_LEARNERS,
    LogisticLearner,
    ShrunkLearner,
    create_meta_learner,
    greedy_selection,
)
from stacking.learners.averages import AlignedDeviations
from stacking.learners.blend import blend_weights, plausible_members, rows_that_count_once
from stacking.learners.mlp import _forward, _gradients


def scores(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 2, n)
    X = np.column_stack(
        [
            truth * 2 - 1 + random.standard_normal(n),
            -5 * (truth * 2 - 1 + 1.5 * random.standard_normal(n)),  # points the other way
            random.standard_normal(n),
        ]
    )
    X[::9, 0] = np.nan
    return X, truth, np.arange(n) // 2


@pytest.mark.parametrize("name", list(META_LEARNERS))
def test_learns_and_repeats_itself(name):
    X, y, groups = scores()
    first = create_meta_learner(name, seed=3).fit(X, y, groups=groups).decision_function(X)
    second = create_meta_learner(name, seed=3).fit(X, y, groups=groups).decision_function(X)
    assert first.tobytes() == second.tobytes()
    assert np.isfinite(first).all()
    assert ((first > 0) == y).mean() > 0.78


def test_unknown_name_tells_near_ones():
    with pytest.raises(InputError, match="did you mean"):
        create_meta_learner("xgbost")


def test_greedy_selection_worked_by_hand():
    """Four rows, three models; every step checked against the definition."""
    y = np.array([1.0, 1.0, 0.0, 0.0])
    p = np.array([[0.9, 0.6, 0.2], [0.2, 0.8, 0.6], [0.1, 0.3, 0.4], [0.6, 0.1, 0.5]])
    picked, losses = greedy_selection(p, y, rounds=5)

    def loss(bag):
        mean = p[:, bag].mean(axis=1)
        return -np.log(np.where(y == 1, mean, 1 - mean)).mean()

    assert picked[0] == 1  # the best single one: .3 against .63 and .90
    bag = []
    for pick, value in zip(picked, losses, strict=True):
        candidates = [loss([*bag, j]) for j in range(3)]
        assert pick == int(np.argmin(candidates))
        bag.append(pick)
        assert value == pytest.approx(min(candidates))
    assert 1 in picked[1:]  # with replacement


def test_nonneg_never_turns_a_detector_against_itself():
    X, y, groups = scores()
    linear = create_meta_learner("nonneg").fit(X, y, groups=groups).linear_
    assert linear.coef[0] >= 0
    assert linear.coef[1] <= 0  # its own direction


def test_mean_of_one_detector_is_its_platt_map():
    X, y, _ = scores()
    X = X[:, 1:2]
    a = create_meta_learner("mean").fit(X, y).decision_function(X)
    b = create_meta_learner("best").fit(X, y).decision_function(X)
    np.testing.assert_allclose(a, b, atol=1e-8)


def test_statistics_do_not_reach_the_means():
    X, y, _ = scores()
    learner = create_meta_learner("mean_logit", n_scores=2).fit(X, y)
    other = X.copy()
    other[:, 2] = 99.0
    np.testing.assert_array_equal(learner.decision_function(X), learner.decision_function(other))


def test_network_gradient_is_the_slope_of_its_loss():
    random = np.random.default_rng(0)
    shapes = [(3, 4), (1, 4), (4, 4), (1, 4), (4, 1), (1, 1)]
    weights = [random.standard_normal((2, *shape)) for shape in shapes]
    inputs, target = random.standard_normal((2, 7, 3)), random.integers(0, 2, (2, 7)).astype(float)

    def loss():
        out = _forward(weights, inputs)[-1][..., 0]
        return (np.logaddexp(0, out) - target * out).mean(axis=1).sum()

    for w, g in zip(weights, _gradients(weights, inputs, target), strict=True):
        place = tuple(random.integers(s) for s in w.shape)
        kept = w[place]
        w[place] = kept + 1e-6
        up = loss()
        w[place] = kept - 1e-6
        down = loss()
        w[place] = kept
        assert (up - down) / 2e-6 == pytest.approx(g[place], rel=2e-3, abs=1e-5)


def test_blend_weights_minimise_and_shrink():
    random = np.random.default_rng(0)
    truth = random.standard_normal(4000)
    y = (random.random(4000) < expit(truth)).astype(float)
    logits = np.column_stack([truth, random.standard_normal(4000) * 3])
    free, held = blend_weights(logits, y, 1e-6), blend_weights(logits, y, 1e6)
    assert free[0] > 0.97
    np.testing.assert_allclose(held, 0.5, atol=1e-3)
    assert free.sum() == pytest.approx(1.0)
    keep = plausible_members(logits, y, np.arange(4000))
    assert keep.tolist() == [True, False]


def rows_like_each_other(m: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """400 rows that tell something new, each standing m times in a group of its own."""
    random = np.random.default_rng(seed)
    truth = random.standard_normal(400)
    y = (random.random(400) < expit(truth)).astype(float)
    logits = truth[:, None] + random.standard_normal((400, 4)) * [0.1, 1, 1.5, 2]
    return np.repeat(logits, m, axis=0), np.repeat(y, m), np.repeat(np.arange(400), m)


def test_rows_that_count_once_are_the_design_effect():
    logits, y, _ = rows_like_each_other(1)
    assert rows_that_count_once(logits, y, np.arange(400)) == pytest.approx(1)
    # Groups that mean nothing: independent rows.
    assert rows_that_count_once(logits, y, np.arange(400) // 4) == pytest.approx(1, abs=0.4)
    for m in (2, 5, 20):
        repeated, labels, groups = rows_like_each_other(m)
        assert rows_that_count_once(repeated, labels, groups) == pytest.approx(m, rel=0.02)
    # With half of the rows as copies: between.
    mixed = np.vstack([logits[:200], logits[:200], logits[200:]])
    groups = np.concatenate([np.arange(200), np.arange(200), np.arange(200, 400)])
    found = rows_that_count_once(mixed, np.concatenate([y[:200], y[:200], y[200:]]), groups)
    assert 1.05 < found <= 600 / 400


def test_rows_that_count_once_stay_in_their_bounds():
    logits, y, _ = rows_like_each_other(1)
    assert rows_that_count_once(logits[:, :1], y, np.zeros(400, dtype=int)) == 1.0  # one member
    assert rows_that_count_once(logits[:, [0, 0]], y, np.arange(400)) == 1.0  # no gap at all
    # Two rows of a group that err in opposite ways: less than one row each, held at 1.
    opposite = np.column_stack([np.zeros(400), np.tile([1.0, -1.0], 200)])
    labels = np.repeat([0.0, 1.0], 200)
    assert rows_that_count_once(opposite, labels, np.arange(400) // 2) == 1.0
    assert rows_that_count_once(opposite, labels, np.zeros(400, dtype=int)) <= 400


def test_shrunk_with_a_huge_penalty_is_the_mean_of_logits(monkeypatch):
    """The weights are held equal; only how far the mean is stretched stays free."""
    X, y, groups = scores(1000)
    monkeypatch.setattr(AlignedDeviations, "STRETCH", 1e4)
    monkeypatch.setattr(ShrunkLearner, "alphas", (1e6,))
    shrunk = create_meta_learner("shrunk").fit(X, y, groups=groups).decision_function(X)
    mean = create_meta_learner("mean_logit").fit(X, y, groups=groups).decision_function(X)
    np.testing.assert_allclose(shrunk, mean, atol=2e-3)


def test_shrunk_with_little_penalty_is_logistic_regression(monkeypatch):
    X, y, groups = scores(1000)
    X = np.where(np.isnan(X), 0.0, X)
    answers = {}
    for name, learner in (("shrunk", ShrunkLearner), ("logistic", LogisticLearner)):
        monkeypatch.setattr(learner, "alphas", (1e-6,))
        answers[name] = create_meta_learner(name).fit(X, y, groups=groups).decision_function(X)
    np.testing.assert_allclose(answers["shrunk"], answers["logistic"], atol=1e-3)
    mean = create_meta_learner("mean_logit").fit(X, y, groups=groups).decision_function(X)
    assert np.abs(answers["shrunk"] - mean).max() > 0.2


def test_constant_probability_out_of_one_class_fold():
    X, y, groups = scores(12)
    folds = np.where(y == 1, 0, 1)  # each training part holds one class
    learner = create_meta_learner("logistic")
    out = learner.fit_out_of_fold(X, y.astype(float), groups, folds)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= abs(logit(0.5 / 13)) + 1e-9
