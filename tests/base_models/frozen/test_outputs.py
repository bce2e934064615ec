"""One logit of any outputs: right side up, exact, and finite."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logsumexp, softmax

from base_models.frozen.card import Outputs
from base_models.frozen.outputs import one_logit
from predictions.errors import InputError

LOGIT = st.floats(-30, 30, width=32)


def _table(k: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, st.tuples(st.integers(0, 6), st.just(k)), elements=LOGIT)


@given(values=_table(2))
def test_two_logits_are_their_difference(values: np.ndarray) -> None:
    up = one_logit(values, Outputs(fake=(1,), real=(0,)), "a")
    np.testing.assert_array_equal(up, (values[:, 1] - values[:, 0]).astype(np.float32))
    assert up.dtype == np.float32
    down = one_logit(values, Outputs(fake=(0,), real=(1,)), "a")
    np.testing.assert_array_equal(up, -down)


@given(values=_table(1))
def test_one_output_is_a_logit_already(values: np.ndarray) -> None:
    plain = values[:, 0].astype(np.float32)
    np.testing.assert_array_equal(one_logit(values, Outputs(fake=(0,)), "a"), plain)
    np.testing.assert_array_equal(one_logit(values[:, 0], Outputs(fake=(0,)), "a"), plain)
    np.testing.assert_array_equal(one_logit(values, Outputs(real=(0,)), "a"), -plain)


@given(values=_table(5), places=st.permutations(range(5)), cut=st.tuples(*[st.integers(1, 2)] * 2))
def test_several_logits_are_those_of_the_classes(
    values: np.ndarray, places: list[int], cut: tuple[int, int]
) -> None:
    fake, real = places[: cut[0]], places[cut[0] : sum(cut)]
    outputs = Outputs(tuple(fake), tuple(real), "logits", tuple(places[sum(cut) :]))
    got = one_logit(values, outputs, "a")
    expected = logsumexp(values[:, fake], axis=1) - logsumexp(values[:, real], axis=1)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    # Adding to all what a softmax does not see changes nothing.
    np.testing.assert_allclose(one_logit(values + 7, outputs, "a"), got, atol=1e-5)


@given(values=_table(3))
def test_probabilities_give_what_their_logits_give(values: np.ndarray) -> None:
    values = np.clip(values, -8, 8)
    logits = Outputs((2,), (0, 1), "logits")
    probable = Outputs((2,), (0, 1), "probabilities")
    given_ = softmax(values, axis=1).astype(np.float32)
    np.testing.assert_allclose(
        one_logit(given_, probable, "a"), one_logit(values, logits, "a"), atol=1e-4
    )


@given(logit=arrays(np.float64, 8, elements=st.floats(-80, 11)))
def test_a_sigmoid_is_turned_back(logit: np.ndarray) -> None:
    p = expit(logit).astype(np.float32)
    up = one_logit(p[:, None], Outputs((0,), gives="probabilities"), "a")
    # Near 1, float32 has few numbers left.
    np.testing.assert_allclose(up, logit, atol=2e-2)
    np.testing.assert_array_equal(up, -one_logit(p, Outputs(real=(0,), gives="probabilities"), "a"))


@given(
    p=arrays(np.float32, (6, 2), elements=st.floats(0, 1, width=32)),
    outputs=st.sampled_from(
        [Outputs((0,), (1,), "probabilities"), Outputs((1,), (0,), "probabilities")]
    ),
)
def test_any_probabilities_give_finite_logits_in_their_order(
    p: np.ndarray, outputs: Outputs
) -> None:
    assert np.isfinite(one_logit(p, outputs, "a")).all()
    one = one_logit(p[:, :1], Outputs((0,), gives="probabilities"), "a")
    assert np.isfinite(one).all()
    order = np.argsort(p[:, 0], kind="stable")
    assert (np.diff(one[order]) >= 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_one_sentence(value: float) -> None:
    for gives in ("logits", "probabilities"):
        with pytest.raises(InputError, match="net: the network gives values that are not finite"):
            one_logit(np.array([[0.5], [value]]), Outputs((0,), gives=gives), "net")


def test_other_outputs_than_the_card_names_are_one_sentence() -> None:
    with pytest.raises(InputError, match="net: the network has 3 outputs, its card names 2"):
        one_logit(np.zeros((4, 3)), Outputs((0,), (1,)), "net")
    with pytest.raises(InputError, match=r"an output of -2\.5 is no probability"):
        one_logit(np.array([[0.1], [-2.5]]), Outputs((0,), gives="probabilities"), "net")
