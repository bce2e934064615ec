"""Intervals of few and uneven groups: Bell and McCaffrey's, inside their bounds, and they cover."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm, t

from calibration import mean_interval, measure_all, row_log_loss
from calibration.measures.bootstrap import group_weights, percentile_interval
from calibration.measures.few_groups import (
    LOG_LOSS,
    SHARE,
    Widening,
    degrees_of_freedom,
    widening_of,
)
from calibration.measures.scores import said_variance

pytestmark = pytest.mark.hypothesis


def factor_of(mass: NDArray[np.float64]) -> float:
    return widening_of(mass).factor


sizes = st.lists(st.integers(1, 10_000), min_size=2, max_size=40).map(
    lambda some: np.array(some, dtype=float)
)


@given(sizes)
def test_degrees_of_freedom_are_those_of_the_matrices(mass: NDArray[np.float64]) -> None:
    """Bell and McCaffrey 2002, written out: the variance is a quadratic form in the group means."""
    share = mass / mass.sum()
    residual = np.eye(len(mass)) - share  # each group's mean less that of all rows
    covariance = residual @ np.diag(1 / share) @ residual.T
    product = np.diag(share**2) @ covariance
    satterthwaite = np.trace(product) ** 2 / np.trace(product @ product)
    found = degrees_of_freedom(mass)
    assert found == pytest.approx(satterthwaite, rel=1e-5)
    assert 1 <= found <= len(mass) - 1
    too_small = np.trace(product)  # of a variance that is 1
    expected = t.ppf(0.975, satterthwaite) / norm.ppf(0.975) / np.sqrt(too_small)
    assert factor_of(mass) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("n_groups", [2, 5, 50])
def test_equal_groups_are_students(n_groups: int) -> None:
    mass = np.full(n_groups, 7.0)
    assert degrees_of_freedom(mass) == pytest.approx(n_groups - 1)
    students = t.ppf(0.975, n_groups - 1) / norm.ppf(0.975) * np.sqrt(n_groups / (n_groups - 1))
    assert factor_of(mass) == pytest.approx(students)
    assert factor_of(np.append(mass, 0.0)) == pytest.approx(students)  # a group without rows


def test_many_groups_hardly_change_anything_and_one_group_nothing() -> None:
    assert 1 <= factor_of(np.ones(100)) < 1.02
    assert 1 <= factor_of(np.ones(2000)) < 1.001
    assert factor_of(np.array([5.0])) == 1
    assert factor_of(np.array([1e12, 1.0])) < 1e8  # finite where one group is nearly all


shares = st.floats(0, 1)


@given(some=st.tuples(shares, shares, shares), factor=st.floats(1, 1e6), unseen=st.floats(0, 10))
def test_ends_stay_inside_and_move_outwards(
    some: tuple[float, float, float], factor: float, unseen: float
) -> None:
    low, value, high = sorted(some)
    for bounds in (SHARE, LOG_LOSS):
        same = Widening().widen(value, low, high, bounds)
        assert same == pytest.approx((low, high), abs=1e-9)
        moved = Widening(factor, unseen).widen(value, low, high, bounds)
        assert bounds[0] <= moved[0] <= low + 1e-9
        assert high - 1e-9 <= moved[1] <= bounds[1]
        further = Widening(2 * factor, 2 * unseen).widen(value, low, high, bounds)
        assert further[0] <= moved[0] + 1e-9
        assert further[1] >= moved[1] - 1e-9
    assert Widening(factor).widen(value, low, high) == pytest.approx(
        (value - factor * (value - low), value + factor * (high - value))
    )


def test_what_the_answers_say_counts_where_more_than_is_seen() -> None:
    """Nine of ten right by the answers' own account, and no mistake seen."""
    p, y = np.full(40, 0.9), np.ones(40)
    groups = np.repeat(np.arange(10), 4)
    seen = measure_all(y, p, groups)
    for name in ("log_loss", "accuracy", "brier"):
        assert seen[name]["high"] - seen[name]["low"] > 0.05
    said = np.full(10, 4 * 0.9 * 0.1)
    none = np.zeros(10)
    mass = np.full(10, 4.0)
    unseen = widening_of(mass, deviations=none, said=said).unseen
    by_hand = norm.ppf(0.975) * np.sqrt(5 / (9 + 5) * said.sum()) / 40
    assert unseen == pytest.approx(by_hand)
    assert widening_of(mass, deviations=np.full(10, 4.0), said=said).unseen == 0
    many = widening_of(np.full(1000, 4.0), deviations=np.zeros(1000), said=np.full(1000, 0.36))
    assert many.unseen < 0.1 * norm.ppf(0.975) * np.sqrt(0.09 / 4000)


@given(st.floats(0.001, 0.999))
def test_what_a_loss_says_of_its_own_spread(p: float) -> None:
    losses = row_log_loss([1, 0], [p, p])
    mean = p * losses[0] + (1 - p) * losses[1]
    spread = p * (losses[0] - mean) ** 2 + (1 - p) * (losses[1] - mean) ** 2
    assert said_variance(losses) == pytest.approx([spread, spread], abs=1e-12)


@pytest.mark.parametrize("n_groups", [2, 3, 8])
def test_few_groups_leave_no_bound(n_groups: int) -> None:
    rng = np.random.default_rng(n_groups)
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 30, n_groups))
    y = np.arange(len(groups)) % 2
    p = np.clip(y * 0.5 + rng.random(len(y)) * 0.6, 0, 1)
    found = measure_all(y, p, groups, n_boot=100)
    for name, one in found.items():
        high = LOG_LOSS[1] if name == "log_loss" else np.inf if name.startswith("ece") else 1
        assert 0 <= one["low"] <= one["value"] <= one["high"] <= high, name


@pytest.mark.parametrize(("n_groups", "spread"), [(5, 0.0), (8, 1.2), (15, 1.2)])
def test_few_uneven_groups_are_covered_where_percentiles_are_not(
    n_groups: int, spread: float
) -> None:
    """Rows of a group share half of their variance; the truth is 1."""
    rng = np.random.default_rng(n_groups)
    hits, plain, n = 0, 0, 300
    for _ in range(n):
        size = np.ceil(5 * rng.lognormal(0, spread, n_groups)).astype(int)
        groups = np.repeat(np.arange(n_groups), size)
        values = 1 + 0.2 * (rng.normal(size=n_groups)[groups] + rng.normal(size=len(groups)))
        found = mean_interval(values, groups, n_boot=200)
        hits += found.low <= 1 <= found.high
        sums = np.bincount(groups, values)
        drawn = next(iter(group_weights(n_groups, 200)))
        narrow = percentile_interval(found.value, drawn @ sums / (drawn @ size))
        plain += narrow.low <= 1 <= narrow.high
    assert 0.915 <= hits / n <= 0.985
    assert plain / n < 0.905
