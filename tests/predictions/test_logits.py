import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictions import LOGIT_LIMIT, to_logit, to_probability


@given(st.floats(-30, 30))
def test_logit_undoes_probability(logit: float) -> None:
    # Near 1 the probability itself keeps only 1e-16 of the tail.
    assert to_logit(to_probability(logit)) == pytest.approx(logit, rel=1e-9, abs=1e-15 * np.exp(30))


@given(st.lists(st.floats(0, 1), min_size=2))
def test_logit_keeps_the_order(probabilities: list[float]) -> None:
    p = np.sort(probabilities)
    assert (np.diff(to_logit(p)) >= 0).all()


def test_exact_ends_are_limits_and_missing_stays_missing() -> None:
    logits = to_logit([0.0, 1e-36, 0.5, 1.0, np.nan])
    assert logits[0] == -LOGIT_LIMIT
    assert logits[1] == pytest.approx(np.log(1e-36))
    assert logits[2] == 0
    assert logits[3] == LOGIT_LIMIT
    assert np.isnan(logits[4])


def test_smallest_float32_stays_above_zero() -> None:
    tiny = float(np.nextafter(np.float32(0), np.float32(1)))
    assert to_logit(tiny) > to_logit(0.0)


@pytest.mark.parametrize("value", [-1e-9, 1.0000001, np.inf])
def test_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        to_logit([0.5, value])
