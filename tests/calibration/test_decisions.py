"""Rules keep to what they were chosen for, on rows that had no say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibration import Aim, DecisionRule, choose_rule, cross_decide, rate_interval, shift_prior
from calibration.decisions.choose import least_groups
from calibration.decisions.rates import clopper_pearson
from predictions import InputError


def made(seed: int, groups: int = 150, each: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Videos of people who differ: labels, probabilities, groups; the label is one a group."""
    draw = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), each)
    y = np.repeat(draw.integers(0, 2, groups), each)
    z = 1.5 * (2 * y - 1) + draw.normal(size=groups)[group] + draw.normal(size=len(y))
    return y, 1 / (1 + np.exp(-z)), group


def test_clopper_and_pearson_s_own_table() -> None:
    # 95 % limits of 0, 5 and 10 of 10 as printed: 0-.308, .187-.813, .692-1.
    ends = [clopper_pearson(x, 10) for x in (0, 5, 10)]
    assert np.round(ends, 3).tolist() == [[0.0, 0.308], [0.187, 0.813], [0.692, 1.0]]


def test_without_an_error_the_groups_count() -> None:
    alone, joint = rate_interval(np.zeros(60)), rate_interval(np.zeros(60), np.arange(60) // 6)
    assert alone.value == joint.value == 0
    assert alone.high == pytest.approx(clopper_pearson(0, 60)[1])
    assert joint.high == pytest.approx(clopper_pearson(0, 10)[1])


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), min_size=1, max_size=50))
def test_an_interval_holds_its_share(rows: list[tuple[int, bool]]) -> None:
    group, event = zip(*rows, strict=True)
    interval = rate_interval(event, group)
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.value == pytest.approx(np.mean(event))


def test_alike_rows_of_a_group_widen_it() -> None:
    event = np.arange(200) % 10 == 0
    together = rate_interval(np.sort(event), np.arange(200) // 10)
    apart = rate_interval(event, np.arange(200) // 10)
    assert together.high - together.low > 1.2 * (apart.high - apart.low)


@pytest.mark.parametrize("aim", [Aim(false_alarms=0.1), Aim(misses=0.1)])
def test_a_rate_is_kept_on_average_over_new_groups(aim: Aim) -> None:
    wrong = []
    for seed in range(200):
        y, p, group = made(seed, groups=80)
        rule = choose_rule(aim, y, p, group).rule
        new, q, _ = made(10_000 + seed, groups=80)
        side = 0 if aim.false_alarms else 1
        wrong.append(np.mean(rule.decide(q[new == side]) == ("REAL" if side else "FAKE")))
    error = np.std(wrong) / np.sqrt(len(wrong))
    assert np.mean(wrong) <= 0.1 + 2 * error
    assert np.mean(wrong) >= 0.04  # and it is not kept to by calling nothing


def test_with_a_confidence_it_is_kept_in_so_many_data_sets() -> None:
    kept = []
    for seed in range(100):
        y, p, group = made(seed)
        rule = choose_rule(Aim(false_alarms=0.2, confidence=0.9), y, p, group).rule
        new, q, _ = made(10_000 + seed, groups=2000, each=1)
        kept.append(np.mean(rule.decide(q[new == 0]) == "FAKE") <= 0.2)
    assert np.mean(kept) >= 0.84  # .9 less two standard errors


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_an_interval_holds_the_truth_where_groups_are_one_and_uneven(spread: float) -> None:
    """Every row of a group as its first; sizes lognormal: 95 % intervals of a rate of 5 %."""
    draw, missed, exceeded = np.random.default_rng(0), 0, 0
    for _ in range(200):
        sizes = np.maximum(1, draw.lognormal(1.2, spread, 100).round()).astype(int)
        group = np.repeat(np.arange(100), sizes)
        z = draw.normal(size=100)[group]
        interval = rate_interval(z > 1.6449, group)
        missed += not interval.low <= 0.05 <= interval.high
        y, p = np.append(np.zeros(len(z)), 1), np.append(1 / (1 + np.exp(-z)), 0.9)
        aim = Aim(false_alarms=0.05, confidence=0.9)
        high = choose_rule(aim, y, p, np.append(group, 100)).rule.high
        exceeded += high is not None and high < 1 / (1 + np.exp(-1.6449))
    assert missed <= 10 + 2 * 3.1  # 5 %, and two standard errors
    assert exceeded <= 20 + 2 * 4.2  # 10 %


def test_too_few_groups_promise_nothing() -> None:
    y, p, group = made(0, groups=40)
    (promise,) = choose_rule(Aim(false_alarms=0.01), y, p, group).promises
    assert (promise.guarantee, promise.least_groups) == ("none", 99)
    assert promise.groups == len(np.unique(group[y == 0]))
    assert least_groups(0.05, 0.95) == 59


def test_two_rates_leave_a_band_undecided() -> None:
    y, p, group = made(3)
    rule = choose_rule(Aim(false_alarms=0.03, misses=0.05), y, p, group).rule
    assert rule.low is not None
    assert rule.high is not None
    assert rule.low < rule.high
    alone = choose_rule(Aim(false_alarms=0.03), y, p, group).rule
    assert rule.high == alone.high
    assert rule.leaves_undecided
    assert not alone.leaves_undecided


def test_two_rates_that_are_easily_kept_leave_none() -> None:
    y, p, group = made(3)
    rule = choose_rule(Aim(false_alarms=0.4, misses=0.4), y, p, group).rule
    assert rule.low == rule.high
    calls = rule.decide(p)
    assert np.mean(calls[y == 0] == "FAKE") <= 0.4
    assert np.mean(calls[y == 1] == "REAL") <= 0.4


@pytest.mark.parametrize("confidence", [None, 0.9])
def test_errors_among_the_called(confidence: float | None) -> None:
    y, p, group = made(5, groups=600)
    rule = choose_rule(Aim(errors=0.08, confidence=confidence), y, p, group).rule
    calls = rule.decide(p)
    called = calls != "undecided"
    assert 0.2 < called.mean() < 1
    assert np.mean((calls == "FAKE")[called] != (y == 1)[called]) <= 0.08


def test_what_costs_least_is_called() -> None:
    rule = choose_rule(Aim(cost_miss=10), [0, 1], [0.2, 0.8]).rule
    assert rule.low == rule.high == pytest.approx(1 / 11)
    banded = choose_rule(Aim(cost_miss=10, cost_undecided=0.5), [0, 1], [0.2, 0.8]).rule
    assert (banded.low, banded.high) == pytest.approx((0.05, 0.5))
    never = choose_rule(Aim(cost_miss=1, cost_undecided=0.9), [0, 1], [0.2, 0.8]).rule
    assert never.low == never.high == pytest.approx(0.5)
    assert choose_rule(Aim(), [0, 1], [0.2, 0.8]).rule.high == 0.5


@given(st.floats(0.01, 0.99), st.floats(0.05, 0.95))
def test_another_share_moves_the_rule_with_the_probabilities(bound: float, share: float) -> None:
    rule = DecisionRule(bound / 2, bound, share=0.5)
    p = np.array([0.01, 0.2, 0.47, 0.73, 0.99])
    moved = rule.moved_to(share).decide(shift_prior(p, 0.5, share))
    near = np.isclose(p, bound, atol=1e-9) | np.isclose(p, bound / 2, atol=1e-9)
    assert moved[~near].tolist() == rule.decide(p)[~near].tolist()


def test_costs_stay_where_they_are() -> None:
    rule = DecisionRule(0.1, 0.1, share=0.5, by_cost=True)
    assert rule.moved_to(0.01) == rule


def test_no_fold_is_decided_by_its_own_rule() -> None:
    y, p, group = made(1)
    fold = group % 5
    decided = cross_decide(Aim(false_alarms=0.1), y, p, group, fold)
    for name, rule in decided.rules.items():
        others = fold != name
        assert rule == choose_rule(Aim(false_alarms=0.1), y[others], p[others], group[others]).rule
        assert decided.calls[fold == name].tolist() == rule.decide(p[fold == name]).tolist()
    counts = decided.delivered.counts
    assert sum(counts.values()) == len(y)
    expected = counts["REAL called FAKE"] / (y == 0).sum()
    assert decided.delivered.false_alarms.value == pytest.approx(expected)
    assert decided.delivered.cost is None


def test_the_order_of_rows_and_names_of_groups_change_nothing() -> None:
    y, p, group = made(2)
    mixed = np.random.default_rng(0).permutation(len(y))
    names = np.array([f"person {-n}" for n in group])
    for aim in (
        Aim(false_alarms=0.1, misses=0.1),
        Aim(errors=0.1),
        Aim(misses=0.1, confidence=0.9),
    ):
        assert (
            choose_rule(aim, y, p, group)
            == choose_rule(aim, y[mixed], p[mixed], group[mixed])
            == choose_rule(aim, y, p, names)
        )


def test_a_label_that_is_not_there_is_never_missed() -> None:
    rule = choose_rule(Aim(false_alarms=0.1), [1, 1], [0.2, 0.7]).rule
    assert rule.high is None
    assert rule.decide([0.99]).tolist() == ["undecided"]


@pytest.mark.parametrize(
    ("aim", "words"),
    [
        (
            {"false_alarms": 0.1, "errors": 0.1},
            "--false-alarms, --errors cannot be kept to at once",
        ),
        ({"misses": 0.1, "cost_miss": 2.0}, "cannot be kept to at once"),
        ({"confidence": 0.9}, "without a rate"),
        ({"misses": 0.1, "confidence": 0.4}, "confidence is 0.4"),
        ({"confidence": 0.9, "cost_miss": 1.0}, "without a rate"),
        ({"false_alarms": 1.5}, "false_alarms is 1.5"),
        ({"cost_miss": -1.0}, "cost_miss is -1"),
    ],
)
def test_aims_that_make_no_sense(aim: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Aim(**aim)
