"""Measures against scikit-learn, against their definition, and against published code."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from calibration import (
    accuracy,
    auc,
    brier,
    calibration_in_the_large,
    calibration_line,
    confusion,
    decompose,
    ece,
    log_loss,
    smooth_ece,
)
from calibration.measures.ece import bin_rows
from predictions.errors import InputError


def table(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = np.round(rng.beta(0.7, 0.7, n), 2)  # ties, exact 0 and 1
    y = (rng.random(n) < 0.1 + 0.8 * p).astype(float)
    return y, p, rng.gamma(1, size=n)


def test_as_scikit_learn_has_them() -> None:
    y, p, w = table()
    inside = np.clip(p, 1e-15, 1 - 1e-15)
    assert log_loss(y, p, w) == pytest.approx(
        metrics.log_loss(y, inside, sample_weight=w), rel=1e-5
    )
    assert brier(y, p, w) == pytest.approx(metrics.brier_score_loss(y, p, sample_weight=w))
    assert auc(y, p, w) == pytest.approx(metrics.roc_auc_score(y, p, sample_weight=w))
    assert accuracy(y, p, w) == pytest.approx(metrics.accuracy_score(y, p > 0.5, sample_weight=w))
    found = confusion(y, p, w, threshold=0.3)
    theirs = metrics.confusion_matrix(y, p > 0.3, sample_weight=w)
    np.testing.assert_allclose(
        [[found.true_real, found.false_fake], [found.false_real, found.true_fake]], theirs
    )


def test_kaggles_bound_on_a_sure_mistake() -> None:
    assert log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-np.log(1e-15) / 2)


def test_auc_of_one_class_is_unknown() -> None:
    assert np.isnan(auc([1, 1], [0.2, 0.3]))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_a_weight_is_a_repetition(seed: int, n: int) -> None:
    y, p, _ = table(n, seed)
    w = np.random.default_rng(seed).integers(0, 4, n)
    w[0] = 1
    more = np.repeat(y, w), np.repeat(p, w)
    for measure in (log_loss, brier, accuracy, auc, smooth_ece, ece):
        assert measure(y, p, w) == pytest.approx(measure(*more), nan_ok=True, abs=1e-9), measure


def test_fifteen_bins_are_fifteen() -> None:
    p = np.linspace(0, 1, 3001)
    for binning in ("mass", "width"):
        counts = np.bincount(bin_rows(p, np.ones_like(p), 15, binning))
        assert len(counts) == 15
        assert counts.min() >= 199
    assert bin_rows(np.array([0.0, 0.5, 1.0]), np.ones(3), 15, "width").tolist() == [0, 7, 14]


def test_equal_probabilities_share_a_bin() -> None:
    _, p, w = table()
    bins = bin_rows(p, w, 15, "mass")
    assert all(len(np.unique(bins[p == value])) == 1 for value in np.unique(p))


def test_ece_by_hand() -> None:
    p, y = [0.1, 0.3, 0.8, 0.9], [0, 1, 1, 1]
    # Two bins: |.5 - .2| / 2 + |1 - .85| / 2.
    for binning in ("mass", "width"):
        assert ece(y, p, n_bins=2, binning=binning, debias=False) == pytest.approx(0.225)


@pytest.mark.parametrize("binning", ["mass", "width"])
def test_debiased_ece_of_calibrated_scores_is_a_fraction_of_the_plain_one(binning: str) -> None:
    rng = np.random.default_rng(0)
    plain, debiased = [], []
    for _ in range(50):
        p = rng.beta(2, 2, 400)
        y = rng.random(400) < p
        plain.append(ece(y, p, binning=binning, debias=False))
        debiased.append(ece(y, p, binning=binning))
    assert np.mean(debiased) < 0.2 * np.mean(plain)


def test_debiasing_spares_a_real_error() -> None:
    rng = np.random.default_rng(1)
    p = rng.beta(2, 2, 200_000)
    y = rng.random(200_000) < np.clip(p + 0.1, 0, 1)
    assert ece(y, p) == pytest.approx(np.mean(np.clip(p + 0.1, 0, 1) - p), abs=3e-3)


def test_smooth_ece_agrees_with_relplot() -> None:
    # relplot 1.0 on the same rows: .09963 and .02173 (it rounds the kernel width to a grid).
    rng = np.random.default_rng(7)
    p = rng.beta(0.6, 0.6, 2000)
    y = rng.random(2000) < p**1.5
    assert smooth_ece(y, p) == pytest.approx(0.09963, abs=5e-4)
    y = rng.random(2000) < p
    assert smooth_ece(y, p) == pytest.approx(0.02173, abs=5e-4)


def test_smooth_ece_of_a_constant_shift_is_that_shift() -> None:
    p = np.full(1000, 0.5)
    y = np.arange(1000) % 10 < 8
    assert smooth_ece(y, p) == pytest.approx(0.3, abs=2e-3)


def test_calibration_line_is_logistic_regression_on_the_logit() -> None:
    rng = np.random.default_rng(2)
    z = rng.normal(0, 2, 3000)
    y = rng.random(3000) < expit(0.4 * z - 0.8)
    w = rng.gamma(1, size=3000)
    slope, intercept = calibration_line(y, expit(z), w)
    peer = LogisticRegression(C=np.inf, tol=1e-10).fit(z[:, None], y, sample_weight=w)
    assert slope == pytest.approx(peer.coef_[0, 0], rel=1e-4)
    assert intercept == pytest.approx(peer.intercept_[0], rel=1e-4)
    large = calibration_in_the_large(y, expit(z), w)
    assert np.average(expit(z + large), weights=w) == pytest.approx(np.average(y, weights=w))
    assert large < 0


def test_decomposition_adds_up() -> None:
    rng = np.random.default_rng(3)
    z = rng.normal(0, 1.5, 3000)
    y = rng.random(3000) < expit(z)
    parts = decompose(y, expit(3 * z), np.arange(3000) // 4, n_boot=200)
    assert parts.log_loss.value == pytest.approx(log_loss(y, expit(3 * z)))
    assert parts.calibration.value + parts.refinement.value == pytest.approx(parts.log_loss.value)
    assert parts.uncertainty - parts.discrimination.value == pytest.approx(parts.refinement.value)
    # The truth is known: what is left after calibration is the loss of the true probabilities.
    assert parts.refinement.value == pytest.approx(log_loss(y, expit(z)), abs=0.01)
    assert parts.calibration.low > 0.1
    already = decompose(y, expit(z), n_boot=200)
    assert already.calibration.low < 0.002


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 2], [0.1, 0.2], "row 2: the label is 2"),
        ([0, np.nan], [0.1, 0.2], "row 2: the label is nan"),
        (["FAKE", "REAL"], [0.1, 0.2], "must be numbers, expected 1 = FAKE"),
        ([0, 1], [0.1, np.nan], "row 2: the probability is"),
        ([0, 1], [0.1, 1.2], "row 2: the probability is"),
        ([0, 1], [0.1], "expected 2, one a label"),
        ([], [], "at least one row"),
    ],
)
def test_bad_input(y: list[object], p: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        log_loss(y, p)
