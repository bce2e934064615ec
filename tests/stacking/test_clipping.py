"""The clip of a stack: bounds that pay stay, all others go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration import optimal_clip
from stacking.clipping import clip_note, clip_rows, learned_clip

#: How near to 0 and 1 a side without a bound lets probabilities come.
OPEN = 1e-15


def loss(y: np.ndarray, p: np.ndarray) -> float:
    """Log loss, summed over rows."""
    p = np.clip(p, OPEN, 1 - OPEN)
    return float(-(y * np.log(p) + (1 - y) * np.log1p(-p)).sum())


def confident(n: int, wrong_high: float, wrong_low: float, seed: int = 0) -> tuple:
    """p near .9999 and .0001, of which the given shares are mistakes."""
    rng = np.random.default_rng(seed)
    called = rng.integers(0, 2, n)
    wrong = rng.random(n) < np.where(called == 1, wrong_high, wrong_low)
    p = np.where(called == 1, 1 - 1e-4, 1e-4) * rng.uniform(0.9999, 1.0, n)
    return p, np.where(wrong, 1 - called, called).astype(float)


def test_a_bound_that_catches_mistakes_is_kept_and_gains_on_new_rows() -> None:
    p, y = confident(2000, 0.01, 0.02)
    bounds = learned_clip(p, y, np.arange(2000))
    assert bounds is not None
    low, high = bounds
    assert low == pytest.approx(0.02, abs=0.01)
    assert high == pytest.approx(0.99, abs=0.01)
    new, truth = confident(20_000, 0.01, 0.02, seed=1)
    assert loss(truth, np.clip(new, low, high)) < 0.8 * loss(truth, new)


def test_rows_without_a_mistake_get_no_bound() -> None:
    p, y = confident(2000, 0.0, 0.0)
    assert learned_clip(p, y, np.arange(2000)) is None


@pytest.mark.parametrize("sure", [0.6, 0.9, 1 - 1e-9])
def test_few_rows_without_a_mistake_get_no_bound(sure: float) -> None:
    """Half a row at either end, as with many rows, would cost each of them dearly."""
    for n in (20, 40):
        y = np.arange(n) % 2
        assert learned_clip(np.where(y == 1, sure, 1 - sure), y.astype(float), np.arange(n)) is None


def test_each_side_stands_alone_and_the_sides_are_mirrors() -> None:
    p, y = confident(2000, 0.02, 0.0)
    low, high = learned_clip(p, y, np.arange(2000)) or (0.0, 0.0)
    assert low == OPEN
    assert high == pytest.approx(0.98, abs=0.01)
    mirrored = learned_clip(1 - p, 1 - y, np.arange(2000)) or (0.0, 0.0)
    assert mirrored == pytest.approx((1 - high, 1 - OPEN), abs=1e-12)


def test_a_handful_of_groups_keeps_the_bounds_of_half_a_row() -> None:
    p, y = confident(40, 0.0, 0.0)
    few, enough = np.arange(40) % 19, np.arange(40) % 20
    assert learned_clip(p, y, few) == optimal_clip(p, y, shrink=0.5)
    assert learned_clip(p, y, enough) is None


def test_imaginary_rows_grow_to_half_a_row() -> None:
    rows = [clip_rows(n) for n in (0, 10, 1000, 10**7)]
    assert rows == sorted(rows)
    assert rows[1] < 0.01
    assert rows[-1] == pytest.approx(0.5, abs=1e-3)


def test_only_what_is_bounded_is_named_and_what_it_does() -> None:
    p, y = np.array([0.01, 0.5, 0.99]), np.array([0.0, 1.0, 1.0])

    def told(low: float, high: float) -> str:
        return str(clip_note((low, high), p, y))

    assert str(clip_note(None, p, y)) == "Clip: none, as bounds gain no more than chance."
    assert told(OPEN, 0.995) == "Clip: probabilities stay at 0.995 or below."
    cost = (loss(y, np.clip(p, 0.02, 1)) - loss(y, p)) / 3
    assert told(0.02, 1 - OPEN) == (
        f"Clip: probabilities stay at 0.02 or above. On the inner folds that costs {cost:.4f}: it "
        "guards against a confident mistake that these videos do not show; --clip none leaves it "
        "out."
    )
    both = clip_note((0.02, 0.98), p, 1 - y)
    assert (both.facts["low"], both.facts["high"]) == (0.02, 0.98)
    saved = (loss(1 - y, p) - loss(1 - y, np.clip(p, 0.02, 0.98))) / 3
    assert both.facts["saved"] == pytest.approx(saved)
    assert str(both).endswith(f"which saves {saved:.4f} of the log loss on the inner folds.")


@st.composite
def judged(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of any confidence and quality, labels of both kinds, groups."""
    n = draw(st.integers(2, 200))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    y = rng.integers(0, 2, n).astype(float)
    y[:2] = 0.0, 1.0
    z = draw(st.floats(0.1, 30)) * (rng.normal(0, 1, n) + draw(st.floats(-2, 2)) * (2 * y - 1))
    p = 1 / (1 + np.exp(-np.clip(z, -36, 36)))
    if draw(st.booleans()):
        p = np.round(p, draw(st.integers(0, 3)))
    return p, y, np.arange(n) // draw(st.integers(1, 4))


@settings(deadline=None, max_examples=60)
@given(judged())
def test_bounds_are_bounds_and_cost_no_more_than_their_imaginary_rows(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    p, y, groups = rows
    bounds = learned_clip(p, y, groups)
    if bounds is None:
        return
    low, high = bounds
    assert 0 < low < high < 1
    few = len(np.unique(groups)) < 20
    imaginary = 0.5 if few else clip_rows(len(y))
    allowed = 0.0
    for bound, outermost in ((high, p.max()), (1 - low, 1 - p.min())):
        outermost = min(outermost, 1 - OPEN)
        if outermost > bound:
            saved = np.log(bound) + np.log1p(-bound) - np.log(outermost) - np.log1p(-outermost)
            # Where there are groups enough, a bound gains half a nat besides.
            allowed += imaginary * saved - (0.0 if few else 0.5)
    assert loss(y, np.clip(p, low, high)) - loss(y, p) <= allowed + 1e-6 * len(y)
