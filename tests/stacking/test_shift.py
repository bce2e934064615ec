"""New videos that are like the labelled ones are said to be, and others are not."""

import numpy as np
import pandas as pd
import pytest

from calibration import shift_prior
from stacking import Stack, judge_shift, leaning, tell_apart
from stacking.shift.two_sample import LEAST_GROUPS, unlikeness
from stacking.shift.verdict import with_share


def people(
    seed: int, groups: int = 60, share: float = 0.5, at: float = 0.0
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Three detectors' logits of people with four videos each: scores, labels, groups."""
    draw = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), 4)
    y = (draw.random(len(group)) < share).astype(int)
    own = draw.normal(0, 0.7, (groups, 3))[group]
    z = 2.0 * (2 * y - 1)[:, None] + own + draw.normal(size=(len(y), 3)) + at
    return pd.DataFrame(z, columns=["a", "b", "c"]), y, group + 1000 * seed


def probability(X: pd.DataFrame) -> np.ndarray:
    """The right one where half are fakes, but for what people have of their own."""
    return np.asarray(1 / (1 + np.exp(-2.0 * X.mean(axis=1))))


def test_two_samples_of_one_kind_are_seldom_told_apart() -> None:
    p_values = []
    for seed in range(16):
        X, _, group = people(seed)
        one = np.isin(group, np.random.default_rng(seed).permutation(np.unique(group))[:30])
        found = tell_apart(X[one], group[one], X[~one], group[~one], seed)
        assert found is not None
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) <= 0.05) <= 0.13


def test_people_alike_within_themselves_are_no_shift_and_rows_alone_would_seem_one() -> None:
    draw = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 10)
    X = pd.DataFrame({"a": draw.normal(0, 1, 40)[group] + 0.1 * draw.normal(size=400)})
    found = tell_apart(X[group < 20], group[group < 20], X[group >= 20], group[group >= 20])
    assert found is not None
    assert found.p_value > 0.05
    assert found.groups == (20, 20)


def test_another_kind_is_seen_and_what_moved_is_named() -> None:
    X, y, group = people(1)
    new, _, others = people(2)
    new["b"] += 2.5
    verdict = judge_shift(X, y, group, new, others, probability(new))
    assert verdict.kind == "other"
    assert verdict.judged is not None
    assert verdict.judged.auc > 0.7
    assert verdict.moved[0].name == "b"
    assert verdict.facts()["moved"]["b"][0] > 0.4


def test_a_joint_shift_that_no_column_shows_is_seen() -> None:
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 600))
    one = pd.DataFrame({"a": a[:300], "b": np.sign(a[:300]) * np.abs(b[:300])})
    other = pd.DataFrame({"a": a[300:], "b": -np.sign(a[300:]) * np.abs(b[300:])})
    found = tell_apart(one, None, other, None)
    assert found is not None
    assert found.p_value < 0.05


def test_another_share_of_fakes_is_said_to_be_that() -> None:
    X, y, group = people(1, 150)
    new, labels, others = people(2, 150, share=0.12)
    verdict = judge_shift(X, y, group, new, others, probability(new))
    assert verdict.kind == "share"
    assert verdict.share == pytest.approx(labels.mean(), abs=0.05)


def test_few_groups_tell_nothing() -> None:
    X, y, group = people(1)
    few = group % 1000 < LEAST_GROUPS - 1
    verdict = judge_shift(X, y, group, X[few], group[few], probability(X[few]))
    assert verdict.kind == "unknown"
    assert verdict.judged is None


def test_order_of_rows_and_columns_change_nothing() -> None:
    X, y, group = people(1)
    new, _, others = people(2, at=0.5)
    draw = np.random.default_rng(0)
    mixed, turned = draw.permutation(len(X)), draw.permutation(len(new))
    p = probability(new)
    verdict = judge_shift(X, y, group, new, others, p)
    again = judge_shift(
        X.iloc[mixed][["c", "a", "b"]], y[mixed], group[mixed],
        new.iloc[turned], others[turned], p[turned],
    )  # fmt: skip
    assert again.kind == verdict.kind
    assert again.test == verdict.test
    assert again.moved == verdict.moved


def test_order_of_labelled_rows_changes_no_number() -> None:
    X, y, group = people(1)
    new, _, new_group = people(2, at=1.5)
    p = probability(new)
    order, back = np.random.default_rng(0).permutation(len(X)), slice(None, None, -1)
    one = judge_shift(X, y, group, new, new_group, p)
    moved = (X.iloc[order], y[order], group[order], new.iloc[back], new_group[back], p[back])
    assert judge_shift(*moved) == one
    alone = judge_shift(X, y, None, new, None, p)
    assert judge_shift(X.iloc[order], y[order], None, new.iloc[back], None, p[back]) == alone


@pytest.mark.parametrize("share", [0.1, 0.3, 0.8])
def test_rows_are_kept_until_the_share_is_right(share: float) -> None:
    y = np.arange(300) % 2
    kept = with_share(y, share)
    assert y[kept].mean() == pytest.approx(share, abs=0.01)
    assert kept[y == (0 if share < 0.5 else 1)].all()


def test_answers_lean_only_where_a_video_is_unlike() -> None:
    X, y, group = people(1)
    stack = Stack("logistic", "none", "none").fit(X, y, groups=group)
    new, _, others = people(2)
    far = np.arange(len(new)) % 2 == 0
    new.loc[far, "a"] += 8.0
    p = stack.predict_proba(new)[:, 1]
    unlike = unlikeness(X, group, new, others)
    assert unlike[far].mean() > 0.5
    assert unlike[~far].mean() < 0.2
    answers = leaning(p, X, y, group, new, others)
    mean = Stack("mean_logit", "affine").fit(X, y, groups=group).predict_proba(new)[:, 1]
    between = np.sort([p, mean], axis=0)
    assert ((answers >= between[0] - 1e-12) & (answers <= between[1] + 1e-12)).all()
    assert np.abs(answers - p)[far].mean() > np.abs(answers - p)[~far].mean()


def test_a_share_moves_by_bayes() -> None:
    X, y, group = people(3, 150)
    new, _, others = people(4, 150, share=0.1)
    p = probability(new)
    verdict = judge_shift(X, y, group, new, others, p)
    assert verdict.share is not None
    moved = shift_prior(p, float(y.mean()), verdict.share)
    assert moved.mean() < p.mean()
