"""Folds that never split a group: who is linked to whom, and which fold everyone goes to."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError
from predictions.groups import group_codes, linked
from predictions.tables.names import VideoNames, original_of
from predictions.words import count

if TYPE_CHECKING:
    from sklearn.utils.metadata_routing import MetadataRequest

#: Columns whose equal values link two videos, beside `video` and `original`.
LINK_COLUMNS = ("group", "actor", "cluster")

_MAX_STRATA = 100
# The exchange looks at every group in every step; this bounds its work to well under a second.
_MAX_STEPS, _MAX_WORK = 200, 4_000_000


def connected_groups(
    videos: pd.DataFrame, *, links: Sequence[str] = LINK_COLUMNS
) -> "pd.Series[str]":
    """The group of every video: the connected components of all links between videos.

    Two videos are linked when one is the `original` of the other, when they share an `original`,
    or when they have the same value in one of the `links` columns. Missing values link nobody. An
    `original` that is no video's id is looked for by file name (`real/a.mp4` for `a.mp4` or `a`).

    Args:
        videos: one row a video, with `video` (unique id) and any of `original`, `links`.
        links: the columns to link by; those that are not there are passed over.

    Returns:
        Series of text named `group` on the index of `videos`. A component is named by its
        smallest `group` value if it has one, else by its smallest video id, so the names depend
        neither on the order of the rows nor on chance.

    Raises:
        InputError: there is no `video` column.

    Examples:
        >>> import pandas as pd
        >>> from predictions import connected_groups
        >>> videos = pd.DataFrame({"video": ["a", "b", "c"], "original": [None, "a", None]})
        >>> connected_groups(videos).tolist()
        ['a', 'a', 'c']
    """
    if "video" not in videos.columns:
        raise InputError(
            "the table of videos has no `video` column", remedy="give every video an id there"
        )
    names = videos["video"].astype(str).to_numpy(dtype=object)
    n = len(names)
    rows: list[NDArray[np.int64]] = []
    nodes: list[NDArray[np.int64]] = []
    n_nodes = n
    if "original" in videos.columns:
        row, node, n_nodes = _link_originals(names, videos["original"], n_nodes)
        rows.append(row)
        nodes.append(node)
    for column in dict.fromkeys(links):
        if column in videos.columns and column not in ("video", "original"):
            codes, values = pd.factorize(videos[column])
            known = np.flatnonzero(codes >= 0)
            rows.append(known)
            nodes.append(codes[known].astype(np.int64) + n_nodes)
            n_nodes += len(values)
    row = np.concatenate([*rows, np.empty(0, np.int64)])
    node = np.concatenate([*nodes, np.empty(0, np.int64)])
    component = linked(row, node, n_nodes)[:n]
    return pd.Series(
        _component_names(component, names, videos.get("group")),
        index=videos.index,
        name="group",
        dtype="string",
    )


def _link_originals(
    names: NDArray[np.object_], originals: "pd.Series[Any]", n_nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Edges (row, node) from each video to its original, which may have no row of its own."""
    codes, values = pd.factorize(originals)
    there = VideoNames(names.tolist())
    row_of = {name: i for i, name in enumerate(names)}
    rows = [np.flatnonzero(codes >= 0)]
    nodes = [codes[rows[0]].astype(np.int64) + n_nodes]
    for code, value in enumerate(map(str, values)):
        # Several videos may bear the name; all are linked, since a link too many costs balance
        # and a link too few leaks.
        owners = [row_of[name] for name in original_of(value, there)]
        rows.append(np.array(owners, dtype=np.int64))
        nodes.append(np.full(len(owners), n_nodes + code, dtype=np.int64))
    return np.concatenate(rows), np.concatenate(nodes), n_nodes + len(values)


def _component_names(
    component: NDArray[np.int32], names: NDArray[np.object_], group: "pd.Series[Any] | None"
) -> NDArray[np.object_]:
    by_video = pd.Series(names).groupby(component).min()
    best = by_video
    if group is not None:
        group_name = group.astype("string").reset_index(drop=True)
        by_group = group_name.dropna().astype(object).groupby(component[group_name.notna()]).min()
        best = by_group.reindex(by_video.index).fillna(by_video)
        if best.duplicated().any():  # a group bears the name of a video outside it
            best = by_video
    return best.to_numpy(dtype=object)[component] if len(names) else names


def assign_folds(
    labels: ArrayLike, groups: ArrayLike, n_splits: int = 5, seed: int = 0
) -> NDArray[np.int16]:
    """Give every row a fold so that no group is split and every fold looks like the whole.

    Greedy on running sums: groups in falling order of weight, each to the fold where the sum over
    the labels (unlabelled counts as one of them) and the size of the squared shares grows least;
    then groups change places as long as that improves the balance. Costs O(groups x n_splits).

    Args:
        labels: (n,) labels to stratify by, any type; missing values are a stratum of their own.
        groups: (n,) what may not be split, any type, none missing.
        n_splits: number of folds, at least 2.
        seed: decides between equal choices; the same seed, labels and names of groups give the same
            folds, in whatever order the rows come.

    Returns:
        (n,) fold of each row, 0 .. n_splits - 1; no fold is empty.

    Raises:
        InputError: fewer groups than folds, fewer than 2 folds, a missing group, more than 100
            kinds of labels, or not as many labels as groups.

    Examples:
        >>> from predictions import assign_folds
        >>> labels = [1, 0, 1, 0, 1, 0]
        >>> actor = ["ann", "ann", "bob", "bob", "cem", "cem"]
        >>> assign_folds(labels, actor, n_splits=3).tolist()
        [1, 1, 0, 0, 2, 2]
    """
    group_of_row = group_codes(groups, len(_as_series(groups)), sort=True)
    n_groups = int(group_of_row.max(initial=-1)) + 1
    stratum_of_row, strata = pd.factorize(_as_series(labels), sort=True, use_na_sentinel=False)
    if len(stratum_of_row) != len(group_of_row):
        raise InputError(
            f"there are {len(stratum_of_row)} labels for {len(group_of_row)} groups of rows",
            remedy="give one label and one group for each row",
        )
    if n_splits < 2:
        raise InputError(f"{count(n_splits, 'fold')} asked for", remedy="ask for at least 2")
    if n_groups < 2:
        raise InputError(
            f"there is {'one group' if n_groups else 'no row'} to make folds of and a group is "
            "never split",
            remedy="give videos of at least 2 groups",
        )
    if n_groups < n_splits:
        raise InputError(
            f"there are {n_groups} groups for {n_splits} folds and a group is never split",
            remedy=f"ask for at most {n_groups} folds or give more videos",
        )
    n_strata = len(strata)
    if n_strata > _MAX_STRATA:
        raise InputError(
            f"the labels to stratify by have {n_strata} different values",
            remedy=f"give labels of at most {_MAX_STRATA} kinds, such as 0 and 1",
        )
    counts = np.bincount(
        group_of_row * n_strata + stratum_of_row, minlength=n_groups * n_strata
    ).reshape(n_groups, n_strata)
    # One column a stratum and one for the size, each in units of its total: shares.
    shares = np.column_stack([counts, counts.sum(axis=1)]) / np.append(
        counts.sum(axis=0), counts.sum()
    )
    random = np.random.default_rng(seed)
    order = random.permutation(n_groups)
    order = order[np.argsort(-np.square(shares[order]).sum(axis=1), kind="stable")]
    fold_of_group = _place(shares[order], n_splits)
    fold_of_group = _exchange(shares[order], fold_of_group, n_splits)
    folds = np.empty(n_groups, dtype=np.int16)
    folds[order] = random.permutation(n_splits)[fold_of_group]
    return folds[group_of_row]


def _place(shares: NDArray[np.float64], n_splits: int) -> NDArray[np.int64]:
    """The fold of each group, in the given order: where the sum of squared shares grows least.

    Adding g to a fold holding c adds 2 g.c + g.g, so the fold with the smallest g.c is chosen; an
    empty fold has g.c = 0 and every other more, so none stays empty. Plain lists: for vectors of
    three numbers they are several times faster than numpy's calls.
    """
    chosen = np.empty(len(shares), dtype=np.int64)
    width = shares.shape[1]
    if width <= 4:
        a, b, c, d = np.pad(shares, ((0, 0), (0, 4 - width))).T.tolist()
        held = [(0.0, 0.0, 0.0, 0.0)] * n_splits
        picks = []
        for w, x, y, z in zip(a, b, c, d, strict=True):
            costs = [w * e + x * f + y * g + z * h for e, f, g, h in held]
            fold = costs.index(min(costs))
            e, f, g, h = held[fold]
            held[fold] = (e + w, f + x, g + y, h + z)
            picks.append(fold)
        chosen[:] = picks
    else:
        sums = np.zeros((n_splits, width))
        for i, share in enumerate(shares):
            fold = int(np.argmin(sums @ share))
            sums[fold] += share
            chosen[i] = fold
    return chosen


def _exchange(
    shares: NDArray[np.float64], fold: NDArray[np.int64], n_splits: int
) -> NDArray[np.int64]:
    """Move single groups, or exchange two, while the sum of squared shares falls.

    A step takes the best single move of all; where none helps, the best exchange among the groups
    of two folds, looked for among at most 400 groups of either. Both are checked exactly.
    """
    fold = fold.copy()
    sums = np.zeros((n_splits, shares.shape[1]))
    np.add.at(sums, fold, shares)
    members = np.bincount(fold, minlength=n_splits)
    own = np.square(shares).sum(axis=1)
    rows = np.arange(len(shares))
    for _ in range(min(_MAX_STEPS, 1 + _MAX_WORK // len(shares))):
        # Moving g from fold s to t changes the sum of squares by 2 (g.c_t - g.c_s + g.g).
        dots = shares @ sums.T
        gain = dots - dots[rows, fold][:, None] + own[:, None]
        gain[rows, fold] = np.inf
        gain[members[fold] == 1] = np.inf  # would leave a fold empty
        best = int(np.argmin(gain))
        i, t = divmod(best, n_splits)
        if gain[i, t] < -1e-12:
            s = fold[i]
            sums[s] -= shares[i]
            sums[t] += shares[i]
            members[s] -= 1
            members[t] += 1
            fold[i] = t
            continue
        pair = _best_pair(shares, fold, sums)
        if pair is None:
            break
        i, j = pair
        difference = shares[i] - shares[j]
        sums[fold[i]] -= difference
        sums[fold[j]] += difference
        fold[i], fold[j] = fold[j], fold[i]
    return fold


def _best_pair(
    shares: NDArray[np.float64], fold: NDArray[np.int64], sums: NDArray[np.float64]
) -> tuple[int, int] | None:
    """The exchange of two groups that lowers the sum of squares most, or None."""
    best, pair = -1e-12, None
    candidates = [np.flatnonzero(fold == f)[-400:] for f in range(len(sums))]
    for s in range(len(sums)):
        for t in range(s + 1, len(sums)):
            a, b = candidates[s], candidates[t]
            # With d = g_i - g_j going from s to t the sum changes by 2 (d.(c_t - c_s) + d.d).
            towards = sums[t] - sums[s]
            first, second = shares[a], shares[b]
            square = np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)
            square -= 2 * first @ second.T
            change = (first @ towards)[:, None] - second @ towards + square
            k = int(np.argmin(change))
            i, j = divmod(k, len(b))
            if change[i, j] < best:
                best, pair = float(change[i, j]), (int(a[i]), int(b[j]))
    return pair


def check_folds(folds: ArrayLike, groups: ArrayLike) -> None:
    """Refuse folds that split a group.

    Args:
        folds: (n,) fold of each row; rows with a missing fold are passed over.
        groups: (n,) group of each row.

    Raises:
        InputError: a group has rows in two folds; the message names the first and counts them.

    Examples:
        >>> from predictions import InputError, check_folds
        >>> check_folds([0, 0, 1], ["ann", "ann", "bob"])
        >>> try:
        ...     check_folds([0, 1, 1], ["ann", "ann", "bob"])
        ... except InputError as error:
        ...     print(error.problem)
        the group 'ann' lies in the folds 0 and 1 (1 group split in all)
    """
    codes = group_codes(groups, len(_as_series(groups)))
    n_groups = int(codes.max(initial=-1)) + 1
    fold_codes, fold_names = pd.factorize(_as_series(folds))
    if len(fold_codes) != len(codes):
        raise InputError(
            f"there are {len(fold_codes)} folds for {len(codes)} groups of rows",
            remedy="give one fold and one group for each row",
        )
    known = fold_codes >= 0
    low = np.full(n_groups, len(fold_names))
    high = np.full(n_groups, -1)
    np.minimum.at(low, codes[known], fold_codes[known])
    np.maximum.at(high, codes[known], fold_codes[known])
    split = np.flatnonzero(low < high)
    if len(split):
        row = int(np.flatnonzero(codes == split[0])[0])
        name = _as_series(groups).iloc[row]
        raise InputError(
            f"the group {name!r} lies in the folds {fold_names[low[split[0]]]} and "
            f"{fold_names[high[split[0]]]} ({count(len(split), 'group')} split in all)",
            remedy="give every video of a group the same fold, or leave the fold column out",
        )


class GroupFolds:
    """scikit-learn splitter around `assign_folds`: whole groups, stratified, fast.

    Args:
        n_splits: number of folds.
        random_state: the seed of `assign_folds`.

    Examples:
        >>> from sklearn.linear_model import LogisticRegression
        >>> from sklearn.model_selection import cross_val_score
        >>> from predictions import GroupFolds
        >>> X, y = [[0.1], [0.9], [0.2], [0.8], [0.3], [0.7]], [0, 1, 0, 1, 0, 1]
        >>> actor = ["ann", "ann", "bob", "bob", "cem", "cem"]
        >>> cross_val_score(LogisticRegression(), X, y, groups=actor, cv=GroupFolds(3)).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, n_splits: int = 5, *, random_state: int = 0) -> None:
        self.n_splits = n_splits
        self.random_state = random_state

    def __repr__(self) -> str:
        return f"GroupFolds(n_splits={self.n_splits}, random_state={self.random_state})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """The number of folds."""
        return self.n_splits

    def split(
        self, X: Any, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield (train, test) positions of rows, fold by fold.

        Raises:
            InputError: `groups` is not given (a forgotten group is a leak), or as `assign_folds`.
        """
        if groups is None:
            raise InputError(
                "GroupFolds was given no groups",
                remedy="pass groups=, or number the rows if every row stands alone",
            )
        labels = np.zeros(len(_as_series(groups))) if y is None else y
        folds = assign_folds(labels, groups, self.n_splits, self.random_state)
        for fold in range(self.n_splits):
            test = folds == fold
            yield np.flatnonzero(~test), np.flatnonzero(test)

    def get_metadata_routing(self) -> "MetadataRequest":
        """Ask scikit-learn's metadata routing for `groups`."""
        from sklearn.utils.metadata_routing import MetadataRequest

        request = MetadataRequest(owner=self)
        request.split.add_request(param="groups", alias=True)
        return request


def _as_series(values: ArrayLike) -> "pd.Series[Any]":
    return values if isinstance(values, pd.Series) else pd.Series(np.asarray(values))
