"""A linear head is a logistic regression, and chooses its penalty without looking at others."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from base_models.training.logistic_head import PENALTIES, USUAL, Fitted, fit_head

Rows = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def rows(n: int = 240, width: int = 12, signal: float = 0.8, seed: int = 0) -> Rows:
    """Features of crops in groups of four, of any location and scale; labels, weights, groups."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n // 4), 4)
    labels = (rng.permutation(n // 4) % 3 == 0)[groups].astype(float)
    features = rng.normal(size=(n, width))
    features[:, 0] += signal * labels
    features = features * rng.uniform(0.01, 50, width) + rng.normal(size=width) * 100
    return features.astype(np.float32), labels, rng.uniform(0.5, 2, n), groups


def logits(fitted: Fitted, features: np.ndarray) -> np.ndarray:
    return features.astype(float) @ fitted.weight + fitted.bias


def test_it_is_logistic_regression_on_standardised_features() -> None:
    features, labels, weights, groups = rows()
    fitted = fit_head(features, labels, weights, groups)
    mean = np.average(features, axis=0, weights=weights)
    spread = np.sqrt(np.average((features - mean) ** 2, axis=0, weights=weights))
    plain = LogisticRegression(
        C=1 / (fitted.penalty * weights.sum()), tol=1e-10, max_iter=10_000
    ).fit((features - mean) / spread, labels, sample_weight=weights)
    wanted = plain.decision_function((features - mean) / spread)
    np.testing.assert_allclose(logits(fitted, features), wanted, atol=2e-3)
    loss = np.average(np.logaddexp(0, wanted) - wanted * labels, weights=weights)
    assert fitted.loss == pytest.approx(loss, abs=1e-5)


def test_noise_takes_a_stronger_penalty_than_signal() -> None:
    noise = fit_head(*rows(signal=0.0))
    signal = fit_head(*rows(signal=4.0))
    assert noise.penalty > signal.penalty
    assert noise.penalty == min(noise.inner_losses, key=noise.inner_losses.__getitem__)
    assert set(noise.inner_losses) < set(PENALTIES)  # what is too weak is not tried


def test_the_penalty_is_chosen_on_groups_that_were_left_out() -> None:
    # Each group is told by features of its own, which says nothing of others.
    features, labels, weights, groups = rows(signal=0.0)
    told = np.hstack([features, 5 * np.eye(groups.max() + 1)[groups]])
    chosen = fit_head(told, labels, weights, groups)
    leaking = fit_head(told, labels, weights, np.arange(len(groups)))
    assert chosen.penalty > leaking.penalty
    assert min(chosen.inner_losses.values()) > 2 * min(leaking.inner_losses.values())


def test_weights_are_as_rows_said_again() -> None:
    features, labels, _, groups = rows(80)
    times = np.random.default_rng(1).integers(1, 4, len(labels))
    again = np.repeat(np.arange(len(labels)), times)
    weighted = fit_head(features, labels, times.astype(float), groups)
    repeated = fit_head(features[again], labels[again], np.ones(len(again)), groups[again])
    assert weighted.penalty == repeated.penalty
    np.testing.assert_allclose(logits(weighted, features), logits(repeated, features), atol=5e-3)


def test_the_same_rows_give_the_same_bytes() -> None:
    one = fit_head(*rows(width=64))
    with threadpool_limits(limits=2, user_api="blas"):
        other = fit_head(*rows(width=64))
    assert one.weight.tobytes() == other.weight.tobytes()
    assert (one.bias, one.inner_losses) == (other.bias, other.inner_losses)
    assert fit_head(*rows(width=64, seed=1)).weight.tobytes() != one.weight.tobytes()


def test_too_few_groups_leave_nothing_to_choose_by() -> None:
    features, labels, weights, _ = rows(40)
    fitted = fit_head(features, labels, weights, labels)  # one group a label
    assert fitted.penalty == USUAL
    assert fitted.inner_losses == {}


def test_features_that_never_change_and_separable_rows_stay_finite() -> None:
    features, labels, weights, groups = rows(40, signal=0.0)
    features[:, 3], features[:, 4] = 7.0, 0.0
    features[:, 0] = labels
    fitted = fit_head(features, labels, weights, groups)
    assert fitted.weight[3] == fitted.weight[4] == 0
    assert np.isfinite(fitted.weight).all()
    found = logits(fitted, features)
    assert found[labels == 1].min() > found[labels == 0].max()
