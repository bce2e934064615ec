"""Error rates and what challenges make of them: published programs' values, and invariants."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from calibration import (
    Costs,
    act_dcf,
    auc,
    aurc,
    cllr,
    eer,
    error_rates,
    log_loss,
    min_cllr,
    min_dcf,
    partial_auc,
    risk_coverage,
)

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def arrays(rows: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    y, p = np.array(rows).T
    return y, (p + 0.5) / 21


@pytest.fixture(scope="module")
def forty() -> tuple[np.ndarray, np.ndarray]:
    """40 videos, every fourth a FAKE."""
    y = (np.arange(40) % 4 == 0).astype(int)
    z = np.round(np.random.default_rng(7).normal(size=40), 2) + 1.5 * y
    return y, 1 / (1 + np.exp(-z))


def test_it_is_what_asvspoof_5_computes(forty: tuple[np.ndarray, np.ndarray]) -> None:
    # By compute_eer, compute_mindcf, compute_actDCF and calculate_CLLR of its evaluation package,
    # fed with the log-likelihood ratios of bona fide, (logit of .25) - z.
    y, p = forty
    assert eer(y, p) == pytest.approx(0.2)
    assert min_dcf(y, p) == pytest.approx(0.4266666666666665)
    assert act_dcf(y, p, prior=0.25) == pytest.approx(0.95)
    assert cllr(y, p, prior=0.25) == pytest.approx(0.9686740782305663)


@given(ROWS)
def test_rates_are_counts(rows: list[tuple[int, int]]) -> None:
    y, p = arrays(rows)
    for threshold, false_alarms, misses in zip(*error_rates(y, p), strict=True):
        assert false_alarms == pytest.approx(np.mean(p[y == 0] > threshold))
        assert misses == pytest.approx(np.mean(p[y == 1] <= threshold))


@given(ROWS)
def test_the_least_is_the_least(rows: list[tuple[int, int]]) -> None:
    y, p = arrays(rows)
    prior = y.mean()
    costs = Costs(share=0.3, miss=2.0)
    assert min_dcf(y, p, costs=costs) <= act_dcf(y, p, prior=prior, costs=costs) + 1e-12
    assert min_dcf(y, p, costs=costs) <= 1 + 1e-12
    assert min_cllr(y, p) <= cllr(y, p, prior=prior) + 1e-9
    assert min_cllr(y, p) <= 1 + 1e-9


@given(ROWS)
def test_ranks_alone_decide(rows: list[tuple[int, int]]) -> None:
    y, p = arrays(rows)
    for measure in (eer, min_dcf, min_cllr, partial_auc):
        assert measure(y, p) == pytest.approx(measure(y, p**3))


@given(ROWS, st.sampled_from([0.05, 0.1, 0.5, 1.0]))
def test_the_partial_area_is_that_of_scikit_learn(rows: list[tuple[int, int]], most: float) -> None:
    y, p = arrays(rows)
    theirs = roc_auc_score(y, p, max_fpr=None if most == 1 else most)
    assert partial_auc(y, p, most=most) == pytest.approx(theirs)
    assert partial_auc(y, p, most=1.0) == pytest.approx(auc(y, p))


def test_ratios_of_even_labels_cost_their_log_loss(forty: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = forty
    even = np.where(y == 1, 1 / y.sum(), 1 / (1 - y).sum())
    assert cllr(y, p, prior=0.5) == pytest.approx(log_loss(y, p, even) / np.log(2))


def test_a_weight_of_two_is_the_row_twice(forty: tuple[np.ndarray, np.ndarray]) -> None:
    y, p = forty
    w = np.arange(40) % 3
    twice = np.repeat(np.arange(40), w)
    for measure in (eer, min_dcf, min_cllr, partial_auc, aurc):
        assert measure(y, p, w) == pytest.approx(measure(y[twice], p[twice]))
    assert cllr(y, p, w, prior=0.25) == pytest.approx(cllr(y[twice], p[twice], prior=0.25))


def test_one_label_has_none() -> None:
    for measure in (eer, min_dcf, min_cllr, partial_auc):
        assert np.isnan(measure([1, 1], [0.2, 0.7]))
    assert np.isnan(cllr([1, 1], [0.2, 0.7], prior=0.5))
    assert np.isnan(act_dcf([1, 1], [0.2, 0.7], prior=0.5))


def test_the_surest_come_first() -> None:
    curve = risk_coverage([1, 0, 1, 0], [0.99, 0.9, 0.6, 0.4])
    assert curve["coverage"].tolist() == [0.25, 0.5, 1.0]  # the last two are equally sure
    assert curve["risk"].tolist() == [0.0, 0.5, 0.25]
    assert aurc([1, 0, 1, 0], [0.99, 0.9, 0.6, 0.4]) == pytest.approx(0.25)


@given(ROWS)
def test_all_called_err_as_often_as_they_err(rows: list[tuple[int, int]]) -> None:
    y, p = arrays(rows)
    curve = risk_coverage(y, p)
    assert curve["risk"].iloc[-1] == pytest.approx(np.mean((p > 0.5) != y))
    assert 0 <= aurc(y, p) <= 1
