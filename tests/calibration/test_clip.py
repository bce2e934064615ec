"""The clip: the exact optimum, inside (0, 1), resting on more than a handful of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from calibration import (
    check_bounds,
    clip_curve,
    log_loss,
    optimal_clip,
    plot_clip_curve,
)
from predictions.errors import InputError


def overconfident(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.clip(rng.normal(0, 3, n), -2.5, 3)
    y = (rng.random(n) < expit(truth)).astype(float)
    return expit(truth * 3 + rng.normal(0, 1, n)), y


def with_imaginary(p: np.ndarray, y: np.ndarray, low: float, high: float, shrink: float) -> float:
    """Summed log loss of clipped p and of `shrink` rows of each label beyond each bound."""
    extra = -np.log([low, high, 1 - low, 1 - high]).sum() * shrink
    return len(y) * log_loss(y, np.clip(p, low, high)) + extra


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 10**6), st.integers(2, 60), st.floats(0.05, 5), st.booleans())
def test_no_other_bounds_are_better(seed: int, n: int, shrink: float, saturated: bool) -> None:
    p, y = overconfident(n, seed)
    if saturated:
        p = np.where(p < 0.02, 0, np.where(p > 0.98, 1, p))
    low, high = optimal_clip(p, y, shrink=shrink)
    assert 0 < low < high < 1
    best = with_imaginary(p, y, low, high, shrink)
    middle = (y.sum() + shrink) / (n + 2 * shrink)
    for other in np.concatenate([np.linspace(0.001, 0.999, 120), p]):
        if 0 < other <= middle:
            assert best <= with_imaginary(p, y, other, high, shrink) + 1e-5
        if middle <= other < 1:
            assert best <= with_imaginary(p, y, low, other, shrink) + 1e-5


def test_a_bound_is_the_shrunk_share_of_the_rows_beyond_it() -> None:
    p, y = overconfident(20_000, 0)
    low, high = optimal_clip(p, y, shrink=1)
    above, below = p > high, p < low
    # Exact where the optimum lies between two probabilities, a hair off where it lies on one.
    assert high == pytest.approx((y[above].sum() + 1) / (above.sum() + 2), abs=2e-4)
    assert low == pytest.approx((y[below].sum() + 1) / (below.sum() + 2), abs=2e-4)
    assert abs((1 - high) - low) > 0.01  # each side on its own


def test_a_thousand_rows_without_a_mistake_are_called_999() -> None:
    low, high = optimal_clip(np.full(2000, 0.5).repeat(1), np.arange(2000) % 2)
    assert low < 0.5 < high
    y = np.repeat([0, 1], 1000)
    low, high = optimal_clip(np.where(y == 1, 1.0, 0.0), y)
    assert high == pytest.approx(1001 / 1002)
    assert low == pytest.approx(1 / 1002)


def test_groups_make_it_more_careful() -> None:
    y = np.repeat([0, 1], 1000)
    p = np.where(y == 1, 1.0, 0.0)
    low, high = optimal_clip(p, y, groups=np.arange(2000) // 50)
    assert high == pytest.approx(1050 / 1100)
    assert low == pytest.approx(50 / 1100)


def test_scores_that_are_wrong_throughout_become_the_mean() -> None:
    p, y = overconfident(400, 1)
    low, high = optimal_clip(1 - p, y)
    assert 0 < low < high < 1
    assert high - low < 1e-5
    assert low == pytest.approx(y.mean(), abs=2e-3)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(2, 50))
def test_a_weight_is_a_repetition(seed: int, n: int) -> None:
    p, y = overconfident(n, seed)
    w = np.random.default_rng(seed).integers(0, 4, n)
    w[0] = 1
    weighted = optimal_clip(p, y, sample_weight=w)
    repeated = optimal_clip(np.repeat(p, w), np.repeat(y, w))
    assert weighted == pytest.approx(repeated, abs=1e-9)


def test_curve_is_the_log_loss_at_each_margin() -> None:
    p, y = overconfident(300, 3)
    w = np.random.default_rng(0).gamma(1, size=300)
    curve = clip_curve(p, y, sample_weight=w, n_points=7)
    for row in curve.itertuples():
        m = row.margin
        assert row.upper == pytest.approx(log_loss(y, np.minimum(p, 1 - m), w))
        assert row.lower == pytest.approx(log_loss(y, np.maximum(p, m), w))
        assert row.both == pytest.approx(log_loss(y, np.clip(p, m, 1 - m), w))
        assert row.none == pytest.approx(log_loss(y, p, w))


def test_picture_shows_the_curve_and_the_best_margin() -> None:
    from matplotlib.figure import Figure

    p, y = overconfident(2000, 4)
    curve = clip_curve(p, y)
    axes = plot_clip_curve(curve, Figure().add_subplot(), (0.03, 0.98))
    both, upper, lower, none, best, *bounds = axes.lines
    for line, side in ((both, "both"), (upper, "upper"), (lower, "lower")):
        np.testing.assert_array_equal(line.get_xydata(), curve[["margin", side]])
    assert none.get_ydata()[0] == curve["none"].iloc[0]
    ((_, loss),) = best.get_xydata()
    assert loss == curve["both"].min() < curve["none"].iloc[0] - 0.01
    assert f"{loss:.4f}" in best.get_label()
    assert [line.get_xdata()[0] for line in bounds[:2]] == pytest.approx([0.03, 0.02])
    # The minimum is what there is to see: it lies well inside, and no bound at all too.
    bottom, top = axes.get_ylim()
    for seen in (loss, curve["none"].iloc[0]):
        assert bottom < seen < top
    assert top <= loss + 2.6 * (curve["none"].iloc[0] - loss)
    axes.figure.draw_without_rendering()


@pytest.mark.parametrize(
    ("p", "y"), [([0.5, 0.5], [0, 1]), ([0.0, 1.0], [0, 1]), ([1.0, 0.0], [0, 1]), ([0.3], [0])]
)
def test_extremes_can_be_drawn(p: list[float], y: list[int]) -> None:
    from matplotlib.figure import Figure

    axes = plot_clip_curve(clip_curve(p, y), Figure().add_subplot(), (1e-9, 0.9))
    axes.figure.draw_without_rendering()
    assert np.isfinite(axes.get_ylim()).all()


@pytest.mark.parametrize("bounds", [(0.5, 0.5), (0, 1), (0.9, 0.1), "wide", (0.1,), None])
def test_impossible_bounds_are_refused(bounds: object) -> None:
    with pytest.raises(InputError, match="clip bounds"):
        check_bounds(bounds)


def test_shrink_must_be_a_number_of_rows() -> None:
    with pytest.raises(InputError, match="shrink"):
        optimal_clip([0.2, 0.8], [0, 1], shrink=0)
