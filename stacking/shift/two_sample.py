"""Do two samples of scores come from one distribution? A classifier that tells them apart says."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from predictions.groups import group_codes
from predictions.order import column_order, row_order
from predictions.threads import one_openmp_thread
from stacking.inputs import Array, Codes
from stacking.learners.boosting import matrix_of

#: Rows of a sample that are looked at, at most: whole groups, by chance.
MOST_ROWS = 3000
#: Splits into a half that teaches and a half that is told apart.
_SPLITS = 5
_ROUNDS = 40
#: Drawn memberships of the groups, beside the true one.
_DRAWS = 999
#: Groups a sample needs: half of them are told apart.
LEAST_GROUPS = 8


@dataclass(frozen=True)
class TwoSample:
    """Whether two samples can be told apart.

    Attributes:
        auc: of the classifier, on groups that taught it nothing; .5: it knows nothing.
        p_value: of so high an AUC if both were of one distribution.
        groups: of the two samples.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from stacking import tell_apart
        >>> draw = np.random.default_rng(0)
        >>> one, other = (pd.DataFrame({"a": draw.normal(at, size=80)}) for at in (0, 2))
        >>> found = tell_apart(one, None, other, None)
        >>> found.auc > 0.8, found.p_value < 0.01
        (True, True)
    """

    auc: float
    p_value: float
    groups: tuple[int, int]


def tell_apart(
    one: pd.DataFrame,
    one_groups: ArrayLike | None,
    other: pd.DataFrame,
    other_groups: ArrayLike | None,
    seed: int = 0,
) -> TwoSample | None:
    """The classifier two-sample test (Lopez-Paz and Oquab 2017), over groups.

    Half of the groups of each sample teach boosted trees to tell the samples apart, the other
    half is told apart. The p-value comes from the groups of that half drawn into the samples at
    random, which is exact whatever they have learned. Of five such splits the p-value is twice
    the median (Meinshausen, Meier and Bühlmann 2009), the AUC the mean.

    Args:
        one, other: (n, k) and (m, k) scores of the same columns; NaN is missing.
        one_groups, other_groups: (n,) and (m,) what is drawn as a whole; None: each row alone.
        seed: of the splits and draws.

    Returns:
        None where a sample has fewer than 8 groups, of which none can be told.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from stacking import tell_apart
        >>> X = pd.DataFrame({"a": np.random.default_rng(0).normal(size=200)})
        >>> found = tell_apart(X[:100], None, X[100:], None)
        >>> found.groups, found.p_value > 0.05
        ((100, 100), True)
    """
    columns = column_order(list(one.columns))
    samples = []
    for number, (table, groups) in enumerate(((one, one_groups), (other, other_groups))):
        X = table[columns].to_numpy(np.float64)
        codes = group_codes(groups, len(X), sort=True)
        order = row_order(codes, X)
        samples.append(bounded(X[order], codes[order], np.random.default_rng((seed, number))))
    (A, a), (B, b) = samples
    counts = int(a.max(initial=-1)) + 1, int(b.max(initial=-1)) + 1
    if min(counts) < LEAST_GROUPS:
        return None
    X, codes = np.vstack([A, B]), np.concatenate([a, b + counts[0]])
    is_other = np.arange(sum(counts)) >= counts[0]
    found = [_one_split(X, codes, is_other, seed + split) for split in range(_SPLITS)]
    areas, p_values = zip(*found, strict=True)
    return TwoSample(float(np.mean(areas)), float(min(1.0, 2 * np.median(p_values))), counts)


def unlikeness(
    one: pd.DataFrame,
    one_groups: ArrayLike | None,
    other: pd.DataFrame,
    other_groups: ArrayLike | None,
    seed: int = 0,
) -> Array:
    """How far each row of `other` is from looking like one of `one`, (m,) in [0, 1].

    0 where rows like it are as frequent in either sample, 1 where there are none in `one`: twice
    the probability of `other`, both samples counting alike, less 1. By trees that have not seen
    the row's group.

    Args: as of `tell_apart`.
    """
    columns = column_order(list(one.columns))
    draw = np.random.default_rng(seed)
    tables, halves = [], []
    for table, groups in ((one, one_groups), (other, other_groups)):
        X = table[columns].to_numpy(np.float64)
        codes = group_codes(groups, len(X), sort=groups is not None)
        if groups is None:  # by what a row holds, whatever its place
            codes = np.argsort(row_order(X))
        n_groups = int(codes.max()) + 1
        halves.append((draw.permutation(n_groups) % 2)[codes])
        tables.append(X)
    probability = np.zeros(len(other))
    for half in (0, 1):
        parts = [X[mine != half] for X, mine in zip(tables, halves, strict=True)]
        parts = [X[row_order(X)][:: max(1, len(X) // MOST_ROWS)] for X in parts]
        classifier = _Classifier(
            np.vstack(parts), np.repeat([False, True], list(map(len, parts))), seed
        )
        held = halves[1] == half
        if held.any():
            probability[held] = classifier.of_other(tables[1][held])
    return np.asarray(np.clip(2 * probability - 1, 0.0, 1.0))


class _Classifier:
    """Boosted trees that tell rows of one sample from those of the other, both counting alike.

    Args:
        X: (n, k) scores, NaN is missing. is_other: (n,) of which sample. seed: of what is drawn.
    """

    def __init__(self, X: Array, is_other: NDArray[np.bool_], seed: int) -> None:
        import xgboost

        share = is_other.mean()
        weight = np.where(is_other, 0.5 / share, 0.5 / (1 - share))
        settings = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "max_bin": 64,
            "max_depth": 3,
            "eta": 0.2,
            "subsample": 0.7,
            "colsample_bynode": 0.7,
            "min_child_weight": max(2.0, len(X) / 800),
            "base_score": 0.5,
            "seed": seed,
            "nthread": 1,
            "verbosity": 0,
        }
        with one_openmp_thread():
            data = matrix_of(X, is_other.astype(np.float64), weight)
            self._model = xgboost.train(settings, data, num_boost_round=_ROUNDS)

    def of_other(self, X: Array) -> Array:
        """Probability of each row (m,) that it is of the other sample."""
        with one_openmp_thread():
            return np.asarray(self._model.predict(matrix_of(X)), dtype=np.float64)


def bounded(X: Array, codes: Codes, draw: np.random.Generator) -> tuple[Array, Codes]:
    """Whole groups up to MOST_ROWS rows, numbered anew."""
    if len(X) > MOST_ROWS:
        order = draw.permutation(int(codes.max()) + 1)
        upto = np.cumsum(np.bincount(codes)[order])
        kept = np.isin(codes, order[: max(int((upto <= MOST_ROWS).sum()), LEAST_GROUPS)])
        X, codes = X[kept], codes[kept]
    return X, np.unique(codes, return_inverse=True)[1] if len(codes) else codes


def _one_split(
    X: Array, codes: Codes, is_other: NDArray[np.bool_], seed: int
) -> tuple[float, float]:
    """AUC and p-value of one half, by a classifier that the other half taught."""
    draw = np.random.default_rng(seed)
    teaches = np.zeros(len(is_other), dtype=bool)
    for side in (False, True):
        mine = np.flatnonzero(is_other == side)
        teaches[draw.permutation(mine)[: len(mine) // 2]] = True
    taught = teaches[codes]
    classifier = _Classifier(X[taught], is_other[codes[taught]], seed)
    score = classifier.of_other(X[~taught])
    names, place = np.unique(codes[~taught], return_inverse=True)
    ranks = rankdata(score)
    sums, sizes = np.bincount(place, weights=ranks), np.bincount(place).astype(np.float64)
    member = is_other[names].astype(np.float64)
    drawn = np.vstack([member, *(draw.permutation(member) for _ in range(_DRAWS))])
    n_other = drawn @ sizes
    pairs = n_other * (sizes.sum() - n_other)
    areas = (drawn @ sums - n_other * (n_other + 1) / 2) / pairs
    return float(areas[0]), float((areas >= areas[0] - 1e-12).mean())
