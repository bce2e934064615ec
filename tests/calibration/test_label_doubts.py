"""Doubts of labels: planted errors are found, clean labels are left alone, groups are seen."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from calibration import label_doubts
from predictions.errors import InputError

pytestmark = pytest.mark.hypothesis


def planted(
    share: float, seed: int = 0, n: int = 6000
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Labels of which a share is turned round, calibrated probabilities of them, and which."""
    rng = np.random.default_rng(seed)
    true = rng.random(n) < expit(z := 5 * rng.standard_normal(n))
    wrong = rng.random(n) < share
    p = expit(z) * (1 - share) + (1 - expit(z)) * share
    return (true ^ wrong).astype(float), p, wrong


@pytest.mark.parametrize("share", [0.02, 0.05])
def test_at_least_as_many_are_right_as_is_said(share: float) -> None:
    y, p, wrong = planted(share)
    doubts = label_doubts(y, p)
    assert doubts.noise == pytest.approx(share, rel=0.4)
    real = doubts.real
    assert real.sum() > 0.3 * wrong.sum()
    assert 0 <= wrong[real].mean() - doubts.wrong[real].mean() + 0.05 <= 0.3
    assert wrong[doubts.order()[:10]].mean() >= 0.9


def test_hard_videos_are_doubted_but_not_called_wrong() -> None:
    y, p, _ = planted(0)
    doubts = label_doubts(y, p)
    assert doubts.doubted.any()
    assert not doubts.real.any()
    assert doubts.wrong.sum() < 0.01 * len(y)


def test_thresholds_are_mean_confidence_by_label() -> None:
    """Northcutt, Jiang and Chuang 2021, equation 2."""
    y = [0, 0, 0, 1, 1, 1]
    p = [0.1, 0.2, 0.9, 0.9, 0.8, 0.2]
    doubts = label_doubts(y, p)
    assert doubts.thresholds == pytest.approx((0.6, 1.9 / 3))
    # .9 >= .633 for FAKE, .8 >= .6 for REAL.
    assert doubts.doubted.tolist() == [False, False, True, False, False, True]
    assert doubts.order().tolist()[:2] == [2, 5]
    assert doubts.order(before=[0, 0, 0.2, 0, 0, 0.2])[0] == 2


@given(st.integers(0, 1000), st.integers(2, 60))
def test_what_holds_for_any_labels(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    y, p = rng.integers(0, 2, n).astype(float), rng.random(n).round(1)
    groups = rng.integers(0, 5, n)
    doubts = label_doubts(y, p, groups)
    assert ((doubts.wrong >= 0) & (doubts.wrong <= 1)).all()
    assert (doubts.confidence[doubts.doubted] < 0.5).all()
    assert (doubts.real <= doubts.doubted).all()
    # The surer the contradiction, the more probably the label is wrong.
    assert (np.diff(doubts.wrong[doubts.order()]) <= 1e-12).all()
    turned = label_doubts(1 - y, 1 - p, groups)
    np.testing.assert_allclose(turned.wrong, doubts.wrong, atol=1e-9)
    np.testing.assert_array_equal(turned.with_group, doubts.with_group)
    mixed = rng.permutation(n)
    again = label_doubts(y[mixed], p[mixed], groups[mixed])
    np.testing.assert_array_equal(again.wrong, doubts.wrong[mixed])


def test_a_group_is_doubted_as_one() -> None:
    groups = np.repeat(np.arange(60), 5)
    true = np.tile([0, 1, 1, 0, 1], 60)
    p = np.where(true == 1, 0.95, 0.05)
    y = np.where(groups == 7, 1 - true, true)
    y[[1, 52]] = 1 - y[[1, 52]]
    doubts = label_doubts(y, p, groups)
    assert np.unique(groups[doubts.with_group]).tolist() == [7]
    assert doubts.doubted.sum() == 7
    pairs = label_doubts([0, 1] * 20 + [1, 0], [0.1, 0.9] * 21, np.arange(42) // 2)
    assert not pairs.with_group.any()  # of two rows


def test_bad_input() -> None:
    assert not label_doubts([1, 1], [0.1, 0.9]).doubted.any()
    with pytest.raises(InputError, match="the label is 2"):
        label_doubts([0, 2], [0.1, 0.9])
    with pytest.raises(InputError, match="row 2: there is no group"):
        label_doubts([0, 1], [0.1, 0.9], np.array(["a", None], dtype=object))
