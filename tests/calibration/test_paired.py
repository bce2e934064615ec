"""Is one column better than another: p-values, intervals and the set of those that may be best."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration import (
    auc,
    brier,
    confidence_set,
    holm,
    log_loss,
    paired_difference,
    row_log_loss,
    standard_error,
)
from calibration.measures.bootstrap import group_sums
from calibration.measures.paired import Measure, halves, mean_tests, rows_to_tell
from predictions.errors import InputError

MEASURES: tuple[Measure, ...] = ("log_loss", "brier", "auc")


def two_columns(n: int = 300, n_groups: int = 40, lead: float = 0.3, seed: int = 0):
    """Labels, two columns of which the first is better by `lead` logits, groups of any size."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    signal = (2 * y - 1)[:, None] * [0.8 + lead, 0.8]
    p, q = 1 / (1 + np.exp(-(signal + random.normal(0, 1, (n, 2))))).T
    return y, p, q, random.integers(0, n_groups, n) ** 2 // n_groups


@pytest.mark.parametrize(("measure", "of"), [*zip(MEASURES, (log_loss, brier, auc), strict=True)])
def test_the_difference_is_that_of_the_measures_and_turns_its_sign_with_the_columns(
    measure: Measure, of
) -> None:
    y, p, q, groups = two_columns()
    found = paired_difference(y, p, q, groups, measure=measure)
    assert found.value == pytest.approx(of(y, p) - of(y, q))
    turned = paired_difference(y, q, p, groups, measure=measure)
    assert turned.value == pytest.approx(-found.value)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))
    assert turned.p_value == found.p_value
    assert turned.standard_error == pytest.approx(found.standard_error)


def test_the_standard_error_is_that_over_groups() -> None:
    y, p, q, groups = two_columns()
    gap = row_log_loss(y, p) - row_log_loss(y, q)
    assert paired_difference(y, p, q, groups).standard_error == pytest.approx(
        standard_error(gap, groups)
    )
    # Of the AUC, with a row a group, it is DeLong's but for n / (n - 1).
    n = 4000
    y, p, q, _ = two_columns(n)
    found = paired_difference(y, p, q, measure="auc", n_draws=100)
    each = [x[y == 1][:, None] > x[y == 0] for x in (p, q)]
    won = each[0].astype(float) - each[1]
    delong = np.var(won.mean(axis=1), ddof=1) / y.sum() + np.var(won.mean(axis=0), ddof=1) / (
        n - y.sum()
    )
    assert found.standard_error == pytest.approx(math.sqrt(delong), rel=1e-3)


def test_few_groups_are_cut_in_every_way() -> None:
    """Every sign pattern, written plainly."""
    random = np.random.default_rng(3)
    sums, mass = random.normal(0.5, 1, 8), random.integers(1, 9, 8).astype(float)
    flips = np.array([abs(np.dot(signs, sums)) for signs in product((1, -1), repeat=8)])
    found = mean_tests(sums[:, None], mass)
    assert found.p_value[0] == pytest.approx((flips >= abs(sums.sum()) - 1e-9).mean())
    assert len(np.concatenate(list(halves(8, 10_000)))) == 2**7


@given(
    sums=st.lists(st.integers(-6, 6), min_size=1, max_size=20),
    sizes=st.lists(st.integers(1, 5), min_size=20, max_size=20),
    at=st.floats(-3, 3),
)
@settings(max_examples=60)
def test_the_interval_leaves_out_just_what_the_test_refuses(sums, sizes, at) -> None:
    S, mass = np.array(sums, dtype=float), np.array(sizes[: len(sums)], dtype=float)
    whole = mean_tests(S[:, None], mass, n_draws=400)
    low, high = np.nan_to_num(whole.low[0], nan=-np.inf), np.nan_to_num(whole.high[0], nan=np.inf)
    assert low <= whole.value[0] + 1e-12
    assert high >= whole.value[0] - 1e-12
    assert (whole.p_value[0] <= 0.05) == (not low - 1e-12 <= 0 <= high + 1e-12)
    if min(abs(at - low), abs(at - high)) > 1e-9:
        refused = mean_tests((S - at * mass)[:, None], mass, n_draws=400).p_value[0] <= 0.05
        assert refused == (not low <= at <= high)


@pytest.mark.parametrize("n_groups", [10, 30])
def test_p_values_are_uniform_where_neither_is_better(n_groups: int) -> None:
    """1,000 draws of groups of very uneven size, some of them heavy."""
    random = np.random.default_rng(n_groups)
    mass = np.round(np.exp(random.normal(1, 1.2, n_groups))) + 1
    scale = mass * np.exp(random.normal(0, 0.5, n_groups))
    sums = random.standard_t(3, (n_groups, 1000)) * scale[:, None]
    p = mean_tests(sums, mass, n_draws=1000).p_value
    for level in (0.05, 0.1):
        assert (p <= level).sum() <= stats.binom.ppf(0.999, 1000, level)
        assert (p <= level).sum() >= stats.binom.ppf(0.001, 1000, level)
    assert stats.kstest(p, "uniform").pvalue > 0.001


def test_five_groups_show_nothing_and_six_may() -> None:
    y, p, q = np.tile([1, 0], 10), np.full(20, 0.5), np.full(20, 0.5)
    p = np.where(y == 1, 0.9, 0.1)
    for n_groups, shown in ((1, False), (5, False), (6, True)):
        found = paired_difference(y, p, q, np.arange(20) % n_groups)
        assert found.p_value == 2.0 ** (1 - n_groups)
        assert math.isfinite(found.high) == shown
    assert math.isinf(paired_difference(y, p, q, np.zeros(20)).standard_error)


def test_equal_columns_and_one_label() -> None:
    y, p, *_ = two_columns()
    same = paired_difference(y, p, p)
    assert (same.value, same.p_value, same.low, same.high) == (0, 1, 0, 0)
    assert math.isinf(same.rows_to_tell)
    assert math.isnan(paired_difference(np.ones(5), p[:5], p[5:10], measure="auc").p_value)
    with pytest.raises(InputError, match="no measure 'ece'"):
        paired_difference(y, p, p, measure="ece")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="shape"):
        paired_difference(y, p, p[:-1])


@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_the_rows_and_the_names_of_the_groups_change_nothing(
    measure: Measure,
) -> None:
    y, p, q, groups = two_columns()
    order = np.random.default_rng(1).permutation(len(y))
    names = np.array([f"g{code:02d}" for code in groups])
    assert paired_difference(y, p, q, groups, measure=measure) == paired_difference(
        y[order], p[order], q[order], names[order], measure=measure
    )


def test_so_many_rows_tell_in_four_of_five_tables() -> None:
    random = np.random.default_rng(0)
    needed = rows_to_tell(0.1, 1 / math.sqrt(50), 50)
    assert needed == pytest.approx((1.96 + 0.8416) ** 2 / 0.1**2, rel=1e-3)
    shown = [
        mean_tests(random.normal(0.1, 1, (round(needed), 1)), np.ones(round(needed)), n_draws=500)
        for _ in range(300)
    ]
    assert np.mean([one.p_value[0] <= 0.05 for one in shown]) == pytest.approx(0.8, abs=0.08)


def test_holm_as_r_has_it() -> None:
    # p.adjust(c(.01, .02, .03, .005, .5), "holm") of R's stats.
    assert holm([0.01, 0.02, 0.03, 0.005, 0.5]) == pytest.approx([0.04, 0.06, 0.06, 0.025, 0.5])
    assert np.isnan(holm([0.01, np.nan])).tolist() == [False, True]
    assert holm([0.01, np.nan])[0] == 0.01
    assert holm([]).size == 0
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        holm([1.2])


def test_of_two_columns_the_set_says_what_their_difference_says() -> None:
    y, p, q, groups = two_columns()
    losses = np.column_stack([row_log_loss(y, p), row_log_loss(y, q)])
    found = confidence_set(losses, groups)
    assert found.p_values.tolist() == [1, paired_difference(y, p, q, groups).p_value]


#: P-values of arch.bootstrap.MCS 8.0.0 (method "R", reps=4000, block_size=1, its own draws).
ARCH = {
    0: [0.627, 1.0, 0.762, 0.627, 0.762, 0.627, 0.649, 0.627],
    1: [1.0, 0.645, 0.646, 0.645, 0.276, 0.645, 0.312, 0.725],
    2: [0.881, 0.881, 0.881, 0.952, 0.459, 1.0, 0.579, 0.579],
    3: [1.0, 0.995, 0.906, 0.995, 0.995, 0.995, 0.339, 0.906],
}


@pytest.mark.parametrize("seed", ARCH)
def test_rows_by_themselves_have_the_p_values_of_another_implementation(seed: int) -> None:
    random = np.random.default_rng(seed)
    losses = random.normal(0, 1, (400, 1)) + random.normal(0, 0.6, (400, 8))
    losses = (losses + np.linspace(0, 0.25, 8)) ** 2
    assert confidence_set(losses).p_values == pytest.approx(ARCH[seed], abs=0.03)


def test_the_best_are_in_the_set_and_the_worst_are_not() -> None:
    random = np.random.default_rng(0)
    level = np.array([0.3, 0.3, 0.3, 0.6, 0.9])
    kept = np.zeros(5)
    for _ in range(200):
        common = random.normal(0, 1, (20, 1))
        losses = level + common + random.normal(0, 0.1, (20, 5))
        found = confidence_set(losses, n_draws=500)
        kept += found.members
        assert (found.members == (found.p_values > 0.05)).all()
        assert found.p_values[losses.mean(axis=0).argmin()] == 1
    assert kept[3:].sum() == 0
    assert kept[:3].min() >= 180
    # Columns in another order are the same columns.
    assert confidence_set(losses[:, ::-1], n_draws=500).p_values.tolist() == pytest.approx(
        found.p_values[::-1].tolist()
    )


def test_columns_that_are_alike_stay_together() -> None:
    losses = np.repeat(np.random.default_rng(0).random((30, 1)), 3, axis=1)
    assert confidence_set(losses).p_values.tolist() == [1, 1, 1]
    assert confidence_set(losses[:, :1]).members.tolist() == [True]
    with pytest.raises(InputError, match="row a video"):
        confidence_set(losses[:, 0])
    with pytest.raises(InputError, match="missing"):
        confidence_set(np.where(losses > 0.9, np.nan, losses))


def test_many_groups_are_joined() -> None:
    random = np.random.default_rng(0)
    gaps = random.normal(0.02, 1, 6000)
    joined = mean_tests(group_sums(gaps[:, None], np.arange(6000), 6000), np.ones(6000))
    assert joined.value[0] == pytest.approx(gaps.mean())
    assert joined.high[0] - joined.low[0] == pytest.approx(2 * 1.96 / math.sqrt(6000), rel=0.08)
