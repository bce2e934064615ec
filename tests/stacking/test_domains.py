"""Leaving domains out, and choosing by the worst of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from predictions.errors import InputError
from predictions.groups import group_codes
from stacking import Procedure, Stack, domain_predictions, domain_splits, report_domains
from stacking.choose.robust import CHOSEN, METAS, UNCHANGED, choose_robust


def methods(n_groups=60, seed=0):
    """A person a group: one real video, and a fake by each of three methods."""
    random = np.random.default_rng(seed)
    rows = pd.DataFrame(
        [
            {"group": f"g{i}", "method": method, "label": int(method != "original")}
            for i in range(n_groups)
            for method in ("original", "swap", "mask", "lips")
        ]
    )
    signal = 2 * rows["label"] - 1
    X = pd.DataFrame(
        {
            "steady": signal + 1.2 * random.standard_normal(len(rows)),
            # Very good on two methods, the wrong way round on the third.
            "trap": np.where(rows["method"] == "lips", -2.5, 2.5) * (signal > 0)
            + 0.7 * random.standard_normal(len(rows)),
        }
    )
    return X, rows["label"].to_numpy(), rows["group"].to_numpy(), rows["method"].to_numpy()


def groups_of(names):
    return group_codes(names, len(names), sort=True)


def datasets(n=300, seed=0):
    """Three data sets of both classes, groups of their own."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    domain = np.repeat(["a", "b", "c"], n // 3)
    X = pd.DataFrame({"m": 2 * y - 1 + random.standard_normal(n), "n": random.standard_normal(n)})
    return X, y, np.arange(n) // 4, domain


@pytest.mark.parametrize("make", [methods, datasets])
@pytest.mark.parametrize("enough", [10, 10_000])
def test_no_fit_knows_the_domain_or_the_groups_it_judges(make, enough):
    _, y, groups, domains = make()
    splits = domain_splits(y, groups, domains, enough=enough)
    judged = np.zeros(len(y), dtype=int)
    for split in splits:
        assert not (domains[split.train] == split.domain).any()
        assert not set(groups[split.train]) & set(groups[split.test])
        assert set(y[split.train]) == {0, 1}
        judged += split.test
    assert judged.max() == 1
    if enough > len(y):
        assert judged.min() == 1  # all rows, the reals of no domain too


def test_domains_of_their_own_groups_take_one_fit():
    _, y, groups, domains = datasets()
    splits = domain_splits(y, groups, domains)
    assert [split.domain for split in splits] == ["a", "b", "c"]
    assert all((split.test == (domains == split.domain)).all() for split in splits)


def test_domains_of_fakes_take_their_share_of_the_reals():
    _, y, groups, domains = methods(90)
    splits = domain_splits(y, groups, domains)
    assert len(splits) == 9  # 3 parts of the groups for each of 3 methods
    for name in ("swap", "mask", "lips"):
        test = np.any([split.test for split in splits if split.domain == name], axis=0)
        assert test[domains == name].all()
        assert (y[test] == 0).sum() == pytest.approx(30, abs=5)
    few = domain_splits(y, groups, domains, enough=15)
    assert len(few) == 3  # one part each is enough


def test_many_domains_take_a_fit_each():
    random = np.random.default_rng(0)
    y = np.tile([0, 1, 1, 1], 100)
    domains = np.where(y == 1, [f"m{i:02d}" for i in random.integers(0, 13, len(y))], "original")
    splits = domain_splits(y, np.arange(len(y)) // 8, domains)
    assert [split.domain for split in splits] == [f"m{i:02d}" for i in range(13)]
    assert min((y[split.test] == 0).sum() for split in splits) >= 1


def test_own_domain_names_and_missing_ones():
    _, y, groups, domains = methods()
    unnamed = np.where(domains == "original", None, domains)
    one, other = (domain_splits(y, groups, names) for names in (domains, unnamed))
    assert all((a.test == b.test).all() for a, b in zip(one, other, strict=True))
    with pytest.raises(InputError, match="at least 2"):
        domain_splits(y, groups, np.where(y == 1, "swap", "original"))
    with pytest.raises(InputError, match="one class"):
        domain_splits([0, 1, 1, 1], None, ["a", "a", "b", "b"])


def test_predictions_are_those_of_a_fit_without_the_domain():
    X, y, groups, domains = methods()
    splits = domain_splits(y, groups, domains)
    stack = Stack("logistic", calibration="temperature")
    judged = domain_predictions(stack, X, y, splits, groups, {"steady": "logit"})
    assert list(judged.columns) == [
        *("domain", "base/steady", "base/trap", "mean", "stacked", "calibrated")
    ]
    split = splits[3]
    fitted = clone(stack).fit(X[split.train], y[split.train], groups=groups[split.train])
    expected = fitted.predict_proba(X[split.test])[:, 1]
    found = judged.loc[X.index[split.test], "calibrated"]
    np.testing.assert_array_equal(found, expected)
    report = report_domains(judged, pd.Series(y), pd.Series(groups), n_boot=50)
    assert sorted(report) == ["lips", "mask", "swap"]
    loss = report["lips"]["calibrated"]["log_loss"]
    assert loss["low"] < loss["value"] < loss["high"]
    # The trap was learned from the other methods and snaps at this one.
    assert loss["value"] > 2 * report["swap"]["calibrated"]["log_loss"]["value"]


def test_domains_may_be_called_like_a_column():
    X, y, groups, domains = methods(40)
    names = {"lips": "clip", "mask": "mean", "swap": "worst"}  # the same order
    renamed = np.array([names.get(name, name) for name in domains])
    plain, odd = (
        choose_robust(X, y, groups_of(groups), named, Stack("logistic"))
        for named in (domains, renamed)
    )
    for column in ("mean", "worst", "meta", "clip"):
        assert odd.table[column].tolist() == plain.table[column].tolist()


def test_the_worst_domain_decides():
    X, y, groups, domains = methods(80)
    choice = choose_robust(X, y, groups_of(groups), domains, Stack())
    assert choice is not None
    assert choice.table.loc[choice.chosen, "worst"] == choice.table["worst"].min()
    assert choice.columns == ["steady"]
    assert set(choice.table["meta"]) == set(METAS)
    assert choice.note.code == CHOSEN.code
    assert "worst domain" in str(choice.note)
    assert choice.to_dict()["reason"] == str(choice.note)

    domain = pd.Series(domains, index=X.index)
    robust = Procedure(Stack(clip="none"), domains=domain).fit(X, y, groups)
    plain = Stack("logistic", clip="none").fit(X, y, groups=groups)
    assert type(robust.stack) is Stack
    assert list(robust.stack.feature_names_in_) == ["steady"]
    pd.testing.assert_frame_equal(
        robust.predict_stages(X), robust.stack.predict_stages(X[["steady"]])
    )

    # New videos of the same domains: the worst of them costs less than under a plain stack.
    new, truth, _, drawn = methods(400, seed=100)

    def worst(fitted):
        p = fitted.predict_stages(new)["calibrated"].to_numpy()
        loss = -np.log(np.where(truth == 1, p, 1 - p))
        return max(loss[drawn == name].mean() for name in ("swap", "mask", "lips"))

    assert worst(robust) < 0.8 * worst(plain)


def test_settings_that_are_said_are_kept():
    X, y, groups, domains = methods(40)
    template = Stack("mean_logit", calibration="none", clip=(0.1, 0.8))
    choice = choose_robust(X, y, groups_of(groups), domains, template)
    assert choice is not None
    assert choice.settings == {"meta": "mean_logit", "calibration": "none", "clip": (0.1, 0.8)}
    assert len(choice.table) == 2  # two sets of columns


def test_one_domain_leaves_the_settings_as_they_are():
    X, y, groups, domains = methods(30)
    rows = np.isin(domains, ["original", "swap"])
    robust = Procedure(Stack("mean"), domains=pd.Series(domains))
    fitted = robust.fit(X[rows], y[rows], groups[rows])
    assert fitted.robust is None
    assert fitted.stack.meta == "mean"
    assert UNCHANGED.among(fitted.notes)
    with pytest.raises(InputError, match="not in `domains`"):
        robust.fit(X.set_axis(X.index + 1000), y, groups)
    with pytest.raises(InputError, match="give a DataFrame"):
        robust.fit(X.to_numpy(), y, groups)


def test_the_choice_is_judged_inside_the_folds():
    """Labels of a domain that is left out change nothing in what is said of it."""
    X, y, groups, domains = methods(40)
    robust = Procedure(Stack("mean"), domains=pd.Series(domains))
    split = domain_splits(y, groups, domains)[0]
    turned = np.where(split.test, 1 - y, y)
    before, after = (domain_predictions(robust, X, told, [split], groups) for told in (y, turned))
    pd.testing.assert_frame_equal(before, after)
