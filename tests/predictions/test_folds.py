import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_score, cross_validate

from predictions import GroupFolds, InputError, assign_folds, check_folds, connected_groups

Integers = NDArray[np.int64]


def spread(labels: Integers, folds: Integers) -> tuple[float, float]:
    """How far the folds' sizes and their shares of fakes differ."""
    size = np.bincount(folds) / len(folds)
    return float(np.ptp(size)), float(np.ptp(np.bincount(folds, labels) / np.bincount(folds)))


def like_dfdc(n_videos: int, n_groups: int, seed: int = 0) -> tuple[Integers, Integers]:
    random = np.random.default_rng(seed)
    groups = np.concatenate(
        [np.arange(n_groups), random.integers(0, n_groups, n_videos - n_groups)]
    )
    labels = (np.arange(n_videos) >= n_groups).astype(np.int64)
    order = random.permutation(n_videos)
    return labels[order], groups[order]


@st.composite
def grouped(draw: st.DrawFn) -> tuple[list[float], list[int], int]:
    n_splits = draw(st.integers(2, 6))
    sizes = draw(st.lists(st.integers(1, 9), min_size=n_splits, max_size=25))
    groups = [group for group, size in enumerate(sizes) for _ in range(size)]
    label = st.sampled_from([0.0, 1.0, float("nan")])
    labels = draw(st.lists(label, min_size=len(groups), max_size=len(groups)))
    return labels, groups, n_splits


@given(grouped(), st.integers(0, 3))
def test_groups_stay_whole_and_no_fold_is_empty(
    case: tuple[list[float], list[int], int], seed: int
) -> None:
    labels, groups, n_splits = case
    folds = assign_folds(labels, groups, n_splits, seed)
    assert folds.dtype == np.int16
    assert set(folds) == set(range(n_splits))
    assert pd.Series(folds).groupby(groups).nunique().max() == 1
    check_folds(folds, groups)
    np.testing.assert_array_equal(folds, assign_folds(labels, groups, n_splits, seed))


@settings(max_examples=50)
@given(st.integers(2, 8), st.integers(10, 60), st.integers(0, 99))
def test_single_videos_are_spread_to_within_one(n_splits: int, n: int, seed: int) -> None:
    labels = np.arange(n) % 2
    folds = assign_folds(labels, np.arange(n), n_splits, seed)
    for label in (0, 1):
        assert np.ptp(np.bincount(folds[labels == label], minlength=n_splits)) <= 1


def test_the_seed_matters() -> None:
    labels, groups = like_dfdc(500, 100)
    assert (assign_folds(labels, groups, seed=0) != assign_folds(labels, groups, seed=1)).any()


def test_unlabelled_videos_are_spread_too() -> None:
    labels = np.repeat([0.0, 1.0, np.nan], 100)
    folds = assign_folds(labels, np.arange(300), 5)
    assert (np.bincount(folds[200:], minlength=5) == 20).all()


def test_one_giant_group_takes_a_fold_and_the_rest_are_even() -> None:
    groups = np.concatenate([np.zeros(500), np.arange(1, 501)])
    folds = assign_folds(np.arange(1000) % 2, groups, 5)
    giant = folds[0]
    assert (folds[500:] != giant).all()
    rest = np.bincount(folds[500:], minlength=5)
    assert np.ptp(np.delete(rest, giant)) <= 1


def test_dfdc_size_is_as_balanced_as_scikit_learn() -> None:
    labels, groups = like_dfdc(119_154, 19_154)
    folds = assign_folds(labels, groups)
    check_folds(folds, groups)
    theirs = np.empty(len(labels), dtype=np.int64)
    for fold, (_, test) in enumerate(StratifiedGroupKFold(5).split(labels, labels, groups)):
        theirs[test] = fold
    for mine, other in zip(spread(labels, folds), spread(labels, theirs), strict=True):
        assert mine <= max(other, 1e-4)


@pytest.mark.parametrize("n_splits", [2, 5, 10])
@pytest.mark.parametrize("seed", range(5))
def test_few_uneven_groups_are_as_balanced_as_scikit_learn(n_splits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), random.geometric(0.05, 60))
    labels = (random.random(len(groups)) < random.random(60)[groups]).astype(np.int64)
    folds = assign_folds(labels, groups, n_splits, seed)
    theirs = np.empty(len(labels), dtype=np.int64)
    for fold, (_, test) in enumerate(StratifiedGroupKFold(n_splits).split(labels, labels, groups)):
        theirs[test] = fold

    def unevenness(folds: Integers) -> float:
        parts = [np.bincount(folds[labels == c], minlength=n_splits) for c in (0, 1)]
        return sum(float(np.var(part / part.sum())) for part in parts)

    assert unevenness(folds) <= unevenness(theirs)


def test_what_cannot_be_folded_is_said() -> None:
    with pytest.raises(InputError, match="3 groups for 5 folds"):
        assign_folds([0, 1, 0], ["a", "b", "c"], 5)
    with pytest.raises(InputError, match="row 2: there is no group"):
        assign_folds([0, 1, 0], ["a", None, "c"], 2)
    with pytest.raises(InputError, match="2 labels for 3 groups"):
        assign_folds([0, 1], ["a", "b", "c"], 2)
    with pytest.raises(InputError, match="at least 2"):
        assign_folds([0, 1], ["a", "b"], 1)
    with pytest.raises(InputError, match="500 different values"):
        assign_folds(np.arange(500), np.arange(500), 2)


def test_a_split_group_is_named() -> None:
    with pytest.raises(InputError, match=r"group 'b' lies in the folds 1 and 2 \(1 group split"):
        check_folds([0, 1, 2], ["a", "b", "b"])
    check_folds(pd.Series([0, pd.NA, 1], dtype="Int16"), ["a", "a", "b"])


class TestConnectedGroups:
    def test_fakes_go_with_their_original_and_its_other_fakes(self) -> None:
        videos = pd.DataFrame(
            {
                "video": ["r1", "f1", "f2", "r2", "f3", "f4"],
                "original": [None, "r1", "r1", None, "gone", "gone"],
            }
        )
        assert connected_groups(videos).tolist() == ["f1", "f1", "f1", "r2", "f3", "f3"]

    def test_links_chain_through_group_and_actor(self) -> None:
        videos = pd.DataFrame(
            {
                "video": list("abcde"),
                "original": [None, "a", None, None, None],
                "group": [None, "g", "g", None, "h"],
                "actor": [None, None, "x", "x", None],
            }
        )
        assert connected_groups(videos).tolist() == ["g", "g", "g", "g", "h"]

    def test_an_original_is_found_by_its_file_name(self) -> None:
        videos = pd.DataFrame(
            {"video": ["real/1.mp4", "fake/2.mp4", "fake/3.mp4"], "original": ["", "1.mp4", "1"]}
        ).replace("", None)
        assert connected_groups(videos).nunique() == 1

    def test_no_links_means_everyone_alone_by_name(self) -> None:
        videos = pd.DataFrame({"video": ["b", "a"]}, index=[7, 3])
        groups = connected_groups(videos)
        assert groups.tolist() == ["b", "a"]
        assert groups.index.tolist() == [7, 3]
        assert groups.dtype == "string"

    def test_a_group_named_like_a_stranger_does_not_merge(self) -> None:
        videos = pd.DataFrame({"video": ["a", "b", "c"], "group": ["c", "c", None]})
        groups = connected_groups(videos)
        assert groups[0] == groups[1] != groups[2]

    def test_empty(self) -> None:
        assert connected_groups(pd.DataFrame({"video": []})).tolist() == []

    def test_no_video_column(self) -> None:
        with pytest.raises(InputError, match="no `video` column"):
            connected_groups(pd.DataFrame({"file": ["a"]}))

    @given(
        st.lists(st.tuples(st.integers(0, 9), st.sampled_from("xyz")), max_size=10), st.randoms()
    )
    def test_names_do_not_depend_on_the_order(self, links: list[tuple[int, str]], random) -> None:  # type: ignore[no-untyped-def]
        videos = pd.DataFrame({"video": [f"v{i}" for i in range(len(links))]})
        videos["original"] = [f"v{i}" for i, _ in links]
        videos["actor"] = [actor for _, actor in links]
        order = list(range(len(links)))
        random.shuffle(order)
        straight = connected_groups(videos)
        mixed = connected_groups(videos.iloc[order])
        pd.testing.assert_series_equal(straight, mixed.sort_index())
        for i, (original, actor) in enumerate(links):
            if original < len(links):
                assert straight[i] == straight[original]
            assert straight[i] == straight[[a for _, a in links].index(actor)]


class TestGroupFolds:
    def test_splits_cover_every_row_once(self) -> None:
        labels, groups = like_dfdc(300, 60)
        splitter = GroupFolds(4, random_state=1)
        tests = []
        for train, test in splitter.split(labels, labels, groups):
            assert not set(groups[train]) & set(groups[test])
            assert len(train) + len(test) == 300
            tests.append(test)
        assert sorted(np.concatenate(tests)) == list(range(300))
        assert splitter.get_n_splits() == 4

    def test_works_in_scikit_learn(self) -> None:
        labels, groups = like_dfdc(300, 60)
        features = np.random.default_rng(0).normal(size=(300, 2)) + labels[:, None]
        splitter = clone(GroupFolds(3), safe=False)
        model = LogisticRegression()
        plain = cross_val_score(model, features, labels, groups=groups, cv=splitter)
        with config_context(enable_metadata_routing=True):
            routed = cross_validate(
                model, features, labels, params={"groups": groups}, cv=splitter
            )["test_score"]
        np.testing.assert_array_equal(plain, routed)

    def test_forgotten_groups_are_an_error(self) -> None:
        with pytest.raises(InputError, match="no groups"):
            next(GroupFolds().split(np.zeros((4, 1)), [0, 1, 0, 1]))


def test_the_room_needs_no_scikit_learn() -> None:
    code = "import sys, predictions; print('sklearn' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
