"""`calibrate`: no row is judged by a map that has seen its group."""

import numpy as np
import pytest

from calibration import calibrate, log_loss
from predictions import InputError


def drawn(seed: int = 0, groups: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, too sure probabilities and groups of five."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 5)
    y = rng.integers(0, 2, len(group)).astype(float)
    z = 3 * (2 * y - 1 + rng.normal(0, 1.5, len(y)))
    return y, 1 / (1 + np.exp(-z)), group


@pytest.mark.parametrize("method", ["auto", "temperature", "isotonic"])
def test_it_mends_what_is_too_sure(method: str) -> None:
    y, p, group = drawn()
    mended = calibrate(y, p, group, method=method)
    assert log_loss(y, mended.out_of_fold) < log_loss(y, p)
    assert all(len(np.unique(mended.fold[group == one])) == 1 for one in np.unique(group))


def test_a_groups_labels_do_not_move_its_own_answers() -> None:
    y, p, group = drawn()
    before = calibrate(y, p, group, method="affine")
    held = before.fold == before.fold[0]
    other = y.copy()
    for one in np.unique(group[held]):  # within a group, so that the folds stay
        other[group == one] = y[group == one][::-1]
    assert (other != y).any()
    after = calibrate(other, p, group, method="affine")
    np.testing.assert_array_equal(after.fold, before.fold)
    np.testing.assert_allclose(after.out_of_fold[held], before.out_of_fold[held])
    assert not np.allclose(after.out_of_fold[~held], before.out_of_fold[~held])


def test_the_order_of_rows_changes_nothing() -> None:
    y, p, group = drawn()
    order = np.random.default_rng(1).permutation(len(y))
    straight = calibrate(y, p, group)
    mixed = calibrate(y[order], p[order], group[order])
    np.testing.assert_array_equal(mixed.out_of_fold, straight.out_of_fold[order])
    np.testing.assert_array_equal(mixed.apply(p), straight.apply(p))


def test_without_groups_equal_scores_stay_together() -> None:
    y, p, _ = drawn()
    p = p.round(2)
    fold = calibrate(y, p, method="temperature").fold
    assert all(len(np.unique(fold[p == one])) == 1 for one in np.unique(p))


def test_what_cannot_be_judged_is_refused() -> None:
    with pytest.raises(InputError, match="fewer than 2 groups"):
        calibrate([1, 1, 1], [0.2, 0.3, 0.4])
    with pytest.raises(InputError, match="fewer than 2 groups"):
        calibrate([1, 1, 0, 0], [0.2, 0.3, 0.4, 0.5], ["a", "a", "b", "c"])
    with pytest.raises(InputError, match="isotonik"):
        calibrate(*drawn()[:2], method="isotonik")


def test_raw_scores_are_told_where_they_belong() -> None:
    with pytest.raises(InputError, match=r"outside \[0, 1\].*Stack"):
        calibrate([0, 1, 0, 1], [-2.3, 0.4, 0.1, 0.9])
