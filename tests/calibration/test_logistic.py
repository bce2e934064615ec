"""The Newton cores: exact minima, whatever the scale, the weights and the start."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit

from calibration.logistic import (
    FLATTEST,
    fit_line,
    fit_logistic,
    fit_offset,
    fit_slope,
    mean_log_loss,
    scale_of,
    smooth_targets,
)


def noisy(n: int, seed: int, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits that are overconfident by `sharpness`, labels, weights."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, n)
    labels = (rng.random(n) < expit(truth)).astype(float)
    return truth * sharpness, labels, rng.gamma(2, size=n)


@pytest.mark.parametrize("n", [50, 3_000, 150_000])
def test_slope_is_the_minimum_that_a_slow_search_finds(n: int) -> None:
    z, t, w = noisy(n, n)
    b = fit_slope(z, t, w)
    searched = minimize_scalar(
        lambda log_b: mean_log_loss(np.exp(log_b) * z, t, w),
        bounds=(-4, 4),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert mean_log_loss(b * z, t, w) <= searched.fun + 1e-14
    # At the minimum the derivative is zero: a sharper statement than the loss can make.
    assert abs(np.average(z * (expit(b * z) - t), weights=w)) < 1e-12 * np.abs(z).max()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(-300, 290), st.floats(0.05, 20), st.integers(3, 200))
def test_slope_knows_no_scale(seed: int, power: int, sharpness: float, n: int) -> None:
    z, t, w = noisy(n, seed, sharpness)
    factor = 2.0**power
    b, scaled = fit_slope(z, t, w), fit_slope(z * factor, t, w)
    assert np.isfinite(1 / scaled)
    assert scaled > 0
    # Without a mistake, or nearly flat, whether b = 1 is kept does depend on the scale.
    if (np.sign(z) != 2 * t - 1).any() and b * np.abs(z).max() > 2 * FLATTEST:
        assert scaled * factor == pytest.approx(b, rel=1e-9)


def test_reversed_scores_are_flattened_not_turned() -> None:
    z, t, w = noisy(500, 1)
    b = fit_slope(-z, t, w)
    assert b * np.abs(z).max() == pytest.approx(FLATTEST)


def test_scores_without_a_mistake_get_platts_targets() -> None:
    z = np.array([-1.0, -1.0, 1.0, 1.0, 1.0])
    t = (z > 0).astype(float)
    b = fit_slope(z, t, np.ones(5))
    # One number decides: the minimum of 2 softplus - ... is where the mean target is met.
    assert expit(b) == pytest.approx((3 * 4 / 5 + 2 * 3 / 4) / 5)
    # Scores that are surer than that and right are left alone.
    assert fit_slope(50 * z, t, np.ones(5)) == 1.0


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_slope_of_constant_scores_is_finite(value: float) -> None:
    b = fit_slope(np.full(4, value), np.array([0.0, 1, 1, 0]), np.ones(4))
    assert np.isfinite(b)
    assert b > 0


@pytest.mark.parametrize("n", [2_000, 150_000])
def test_line_and_offset_meet_their_conditions(n: int) -> None:
    z, t, w = noisy(n, 3)
    slope, intercept = fit_line(z + 5, t, w)
    p = expit(intercept + slope * (z + 5))
    assert abs(np.average(p - t, weights=w)) < 1e-12
    assert abs(np.average(z * (p - t), weights=w)) < 1e-11
    offset = fit_offset(z, t, w)
    assert np.average(expit(z + offset), weights=w) == pytest.approx(
        np.average(t, weights=w), abs=1e-13
    )


def test_line_with_nothing_to_learn_from_is_nan() -> None:
    ones = np.ones(4)
    assert all(np.isnan(fit_line(ones, np.array([0.0, 1, 0, 1]), ones)))
    assert all(np.isnan(fit_line(np.arange(4.0), ones, ones)))
    assert np.isnan(fit_offset(np.arange(4.0), ones, ones))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.booleans())
def test_bounded_logistic_is_the_minimum_within_its_bounds(seed: int, bounded: bool) -> None:
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.normal(size=(80, 3)), np.ones(80)])
    t = rng.random(80)  # targets inside (0, 1): a minimum always exists
    w = rng.gamma(1, size=80)
    root = rng.normal(size=(4, 4)) * 0.2
    penalty = root @ root.T
    lower = np.array([0.0, 0.0, 0.0, -np.inf]) if bounded else None
    c = fit_logistic(features, t, w, penalty=penalty, lower=lower)

    def loss(x: np.ndarray) -> float:
        return mean_log_loss(features @ x, t, w) + x @ penalty @ x / 2

    bounds = [(None, None)] * 4 if lower is None else [(0, None)] * 3 + [(None, None)]
    other = minimize(loss, np.zeros(4), method="L-BFGS-B", bounds=bounds)
    assert loss(c) <= other.fun + 1e-12
    if lower is not None:
        assert (c >= lower).all()


def test_features_that_say_the_same_thing_do_no_harm() -> None:
    z, t, w = noisy(300, 5)
    features = np.column_stack([z, z, np.zeros(300), np.ones(300)])
    c = fit_logistic(features, t, w)
    slope, intercept = fit_line(z, t, w)
    assert c[0] + c[1] == pytest.approx(slope, rel=1e-7)
    assert c[0] == pytest.approx(c[1])
    assert c[2] == 0
    assert c[3] == pytest.approx(intercept, abs=1e-7)


def test_platts_targets() -> None:
    targets = smooth_targets(np.array([1.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0]))
    assert targets.tolist() == [5 / 6, 1 / 4, 5 / 6]


def test_scale_is_a_power_of_two() -> None:
    assert scale_of(np.array([-3.0, 2.0])) == 4.0
    assert scale_of(np.zeros(3)) == 1.0


@pytest.mark.parametrize("case", ["one label", "no mistake", "three fakes in all", "reversed"])
def test_a_part_that_tells_nothing_of_the_whole_leads_nowhere_else(case: str) -> None:
    """As where every fifth video in a list is REAL, and Newton starts from every fifth."""
    n = 60_500
    z, t, w = noisy(n, 3)
    part = slice(None, None, n // 12_000)
    if case == "one label":
        t[part] = 0
    elif case == "no mistake":
        t[part] = z[part] > 0
    elif case == "reversed":
        t[part] = z[part] < 0
    else:
        t[:] = 0
        t[[6, 101, 5003]] = 1
    order = np.random.default_rng(0).permutation(n)
    line, mixed = (fit_line(z[o], t[o], w[o]) for o in (slice(None), order))
    assert line == pytest.approx(mixed, rel=1e-9)
    slope, intercept = line
    residual = w * (expit(intercept + slope * z) - t)
    assert abs(residual.sum()) < 1e-9 * w.sum()
    assert abs(residual @ z) < 1e-9 * w.sum()
    assert fit_slope(z, t, w) == pytest.approx(fit_slope(z[order], t[order], w[order]))
