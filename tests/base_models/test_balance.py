from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from base_models.training.balance import balanced_positions, class_weights, log_odds
from base_models.training.early_stopping import (
    best_epoch,
    cut_validation,
    mean_log_loss,
    should_stop,
)
from base_models.training.settings import Imbalance
from predictions.errors import InputError

WAYS: Sequence[Imbalance] = ("none", "class_weights", "oversample", "undersample", "augment_rare")


@given(
    labels=st.lists(st.booleans(), min_size=1, max_size=80),
    way=st.sampled_from(WAYS),
    seed=st.integers(0, 99),
)
def test_classes_are_balanced_by_position(labels: list[bool], way: Imbalance, seed: int) -> None:
    fake = np.array(labels)
    places, repeated = balanced_positions(fake, way, np.random.default_rng(seed))
    assert places.shape == repeated.shape
    often = np.bincount(places, minlength=len(fake))
    counts = np.bincount(fake[places], minlength=2)
    if way in ("none", "class_weights") or not 0 < fake.sum() < len(fake):
        assert places.tolist() == list(range(len(fake)))
        return
    assert counts[0] == counts[1]
    if way == "undersample":
        assert often.max() == 1
        assert counts[0] == min(fake.sum(), (~fake).sum())
        assert (np.diff(places) > 0).all()
        assert not repeated.any()
        return
    assert often.min() == 1
    assert counts[0] == max(fake.sum(), (~fake).sum())
    for one in (fake, ~fake):  # nobody is shown much more often than another of its class
        assert np.ptp(often[one]) <= 1
    assert repeated.sum() == len(places) - len(fake)
    assert len(np.unique(places[~repeated])) == len(fake)


@given(fakes=st.integers(1, 500), reals=st.integers(1, 500))
def test_class_weights_are_one_on_average(fakes: int, reals: int) -> None:
    real, fake = class_weights(fakes, reals)
    assert fakes * fake == pytest.approx(reals * real)
    assert (fakes * fake + reals * real) / (fakes + reals) == pytest.approx(1)
    assert log_odds(fakes / (fakes + reals)) == pytest.approx(np.log(fakes / reals))


@pytest.mark.parametrize(
    ("losses", "patience", "stops"),
    [
        ([], 1, False),
        ([0.7], 1, False),
        ([0.7, 0.6, 0.65], 1, True),
        ([0.7, 0.6, 0.65], 2, False),
        ([0.7, 0.6, 0.65, 0.61], 2, True),
        ([0.7, 0.6, 0.65, 0.59], 2, False),
        ([0.7, 0.7], 1, True),
    ],
)
def test_training_stops_when_nothing_gets_better(
    losses: list[float], patience: int, stops: bool
) -> None:
    assert should_stop(losses, patience) == stops
    assert not losses or losses[best_epoch(losses)] == min(losses)


@given(groups=st.lists(st.integers(0, 12), min_size=30, max_size=60), seed=st.integers(0, 9))
def test_validation_takes_whole_groups(groups: list[int], seed: int) -> None:
    groups += list(range(13))
    labels = np.array(groups) % 2
    chosen = cut_validation(labels, groups, 0.25, seed)
    assert not set(np.array(groups)[chosen]) & set(np.array(groups)[~chosen])
    assert 0 < chosen.mean() < 0.6
    assert (chosen == cut_validation(labels, groups, 0.25, seed)).all()


def test_validation_needs_groups() -> None:
    with pytest.raises(InputError, match="at least 7 groups"):
        cut_validation([0, 1, 0], ["a", "b", "c"], 0.15, 0)


def test_log_loss_of_logits() -> None:
    logits, labels = np.array([0.0, 2.0, -800.0]), np.array([1.0, 0.0, 0.0])
    even = mean_log_loss(logits, labels, np.ones(3))
    assert even == pytest.approx((np.log(2) + np.log1p(np.exp(2))) / 3)
    assert mean_log_loss(logits, labels, np.array([1.0, 0, 0])) == pytest.approx(np.log(2))
