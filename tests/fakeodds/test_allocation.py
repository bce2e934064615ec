"""Time goes where it saves most: gains by doubt, and looks within a budget."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakeodds.deadline.allocation import choose_looks, expected_gain


def test_doubtful_videos_gain_most() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 2, 4000)
    y = rng.random(4000) < 1 / (1 + np.exp(-z))
    first = 1 / (1 + np.exp(-z))
    before = -np.log(np.where(y, first, 1 - first))
    gain = expected_gain(first, before, before * 0.5, [0.01, 0.5, 0.99, np.nan])
    assert gain[1] > 3 * gain[0]
    assert gain[1] > 3 * gain[2]
    assert gain[3] == pytest.approx(before.mean() / 2)


def test_a_look_that_harms_gains_nothing() -> None:
    p = np.linspace(0.1, 0.9, 50)
    assert (expected_gain(p, np.zeros(50), np.ones(50), p) == 0).all()


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(1, 3), st.floats(0, 10))
def test_within_one_step_of_the_best(seed: int, videos: int, looks: int, budget: float) -> None:
    rng = np.random.default_rng(seed)
    cost = np.sort(rng.uniform(0.5, 3, looks))
    gain = rng.uniform(0, 1, (videos, looks))
    chosen = choose_looks(gain, cost, budget)
    spent = cost[chosen[chosen >= 0]].sum()
    assert spent <= budget + 1e-9
    got = sum(gain[i, look] for i, look in enumerate(chosen) if look >= 0)
    best = 0.0
    for combination in itertools.product(range(-1, looks), repeat=videos):
        taken = [(i, look) for i, look in enumerate(combination) if look >= 0]
        if sum(cost[look] for _, look in taken) <= budget:
            best = max(best, sum(gain[i, look] for i, look in taken))
    # The relaxation loses less than what one video gains.
    assert got >= best - gain.max() - 1e-9


def test_with_time_for_all_every_video_gets_its_best_look() -> None:
    gain = np.array([[0.1, 0.3], [0.2, 0.1], [0.0, 0.0]])
    assert choose_looks(gain, [1.0, 5.0], 100.0).tolist() == [1, 0, -1]
    assert choose_looks(gain, [1.0, 5.0], 0.0).tolist() == [-1, -1, -1]
