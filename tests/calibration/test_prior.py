"""Another share of fakes: Bayes' rule, and its estimate without labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from calibration import estimate_prior, shift_prior
from calibration.prior import AT_BOUND, NOT_IDENTIFIABLE
from predictions.errors import InputError

SHARES = st.floats(0.001, 0.999)


@given(st.floats(1e-9, 1 - 1e-9), SHARES, SHARES)
def test_shift_is_bayes_rule_and_can_be_undone(p: float, source: float, target: float) -> None:
    fake, real = p / source * target, (1 - p) / (1 - source) * (1 - target)
    moved = shift_prior(p, source, target)
    assert moved == pytest.approx(fake / (fake + real), rel=1e-9)
    assert shift_prior(moved, target, source) == pytest.approx(p, rel=1e-6)


def test_certainty_stays() -> None:
    assert shift_prior([0.0, 1.0], 0.5, 0.1).tolist() == [0.0, 1.0]


def drawn(share: float, n: int, seed: int, gap: float = 2.0) -> np.ndarray:
    """Calibrated probabilities at a share of one half, of rows with another share."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < share
    return expit(gap * rng.normal(gap * (y - 0.5), 1))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_estimate_finds_the_share(share: float) -> None:
    found = estimate_prior(drawn(share, 4000, 1), 0.5)
    assert found.identifiable
    assert found.notes == []
    assert found.prior.low <= share <= found.prior.high
    assert found.prior.high - found.prior.low < 0.06


def test_estimate_is_the_fixed_point_of_em() -> None:
    p = drawn(0.2, 1000, 2)
    q = 0.5
    for _ in range(2000):  # Saerens et al. 2002, equation 2.9
        q = float(shift_prior(p, 0.5, q).mean())
    assert estimate_prior(p, 0.5, n_boot=5).prior.value == pytest.approx(q, abs=1e-9)


def test_scores_that_say_nothing_are_told() -> None:
    rng = np.random.default_rng(3)
    for p in (np.full(500, 0.5), expit(rng.normal(0, 0.02, 500))):
        found = estimate_prior(p, 0.5)
        assert not found.identifiable
        assert NOT_IDENTIFIABLE.among(found.notes)
        assert "not identifiable" in str(found.notes[0])


def test_one_class_is_told() -> None:
    found = estimate_prior(drawn(0.0, 300, 4) * 0.5, 0.5)
    assert AT_BOUND.among(found.notes)
    assert 0 < found.prior.value < 0.01


def test_the_interval_covers() -> None:
    hits = 0
    for seed in range(60):
        found = estimate_prior(drawn(0.3, 300, 100 + seed), 0.5, n_boot=100).prior
        hits += found.low <= 0.3 <= found.high
    assert hits >= 51


def test_groups_widen_the_interval() -> None:
    p = np.repeat(drawn(0.3, 100, 5), 10)
    alone = estimate_prior(p, 0.5).prior
    together = estimate_prior(p, 0.5, np.arange(1000) // 10).prior
    assert together.high - together.low > 2 * (alone.high - alone.low)


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(InputError, match="target share"):
        shift_prior([0.2], 0.5, share)
    with pytest.raises(InputError, match="source share"):
        estimate_prior([0.2], share)
