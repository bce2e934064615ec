"""What a meta-learner sees of the scores: tamed, complete columns, all learned inside fit.

Scores arrive as logits or raw numbers of any scale, (n, k), NaN where a detector has none. Logits
of saturated detectors reach +-104, so every column is winsorised before anything linear touches it.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stacking.inputs import Array

#: Share of the rows pulled in at either end of a column.
TAIL = 0.002


class TamedScores:
    """Winsorised, standardised columns; missing values at the median, with an indicator column.

    `transform` gives (n, k + m): the k columns and, for the m columns that had missing values in
    fit, 1.0 where the value is missing (centred).
    """

    def fit(self, X: Array) -> Self:
        k = X.shape[1]
        self.low_, self.high_, self.median_ = np.zeros(k), np.zeros(k), np.zeros(k)
        self.mean_, self.scale_ = np.zeros(k), np.ones(k)
        missing = np.isnan(X)
        self.missing_columns_ = np.flatnonzero(missing.any(axis=0))
        self.missing_share_ = missing[:, self.missing_columns_].mean(axis=0)
        # Those without gaps all at once.
        whole = np.flatnonzero(~missing.any(axis=0))
        parts = [(whole, X[:, whole].T)]
        parts += [(np.array([j]), X[None, ~missing[:, j], j]) for j in self.missing_columns_]
        for columns, values in parts:
            if values.size:
                self._describe(columns, np.ascontiguousarray(values))
        return self

    def _describe(self, columns: NDArray[np.intp], values: Array) -> None:
        """Where these columns (c,) lie, by their known values (c, n)."""
        low, median, high = np.quantile(values, [TAIL, 0.5, 1 - TAIL], axis=1)
        inside = np.clip(values, low[:, None], high[:, None])
        spread = inside.std(axis=1)
        # A constant column (up to rounding) carries nothing: it stays at zero.
        varied = spread > 1e-9 * np.abs(inside).max(axis=1)
        self.low_[columns], self.median_[columns], self.high_[columns] = low, median, high
        self.mean_[columns] = inside.mean(axis=1)
        self.scale_[columns] = np.where(varied, spread, np.inf)

    def scores(self, X: Array) -> Array:
        """The k tamed columns alone, (n, k)."""
        filled = np.where(np.isnan(X), self.median_, X)
        return (np.clip(filled, self.low_, self.high_) - self.mean_) / self.scale_

    def fit_transform(self, X: Array) -> Array:
        return self.fit(X).transform(X)

    def transform(self, X: Array) -> Array:
        gaps = np.isnan(X[:, self.missing_columns_]) - self.missing_share_
        return np.hstack([self.scores(X), gaps])


class Ranks:
    """Place of each value among the training values, in [0, 1]; ties share their middle.

    At most `GRID` quantiles a column are kept, so that a saved stack stays small.
    """

    GRID = 1001

    def fit(self, X: Array) -> Self:
        self.values_: list[Array] = []
        self.left_: list[Array] = []
        self.right_: list[Array] = []
        for column in X.T:
            known = np.sort(column[~np.isnan(column)])
            if len(known) > self.GRID:
                place = np.linspace(0, len(known) - 1, self.GRID)
                values = np.unique(known[np.round(place).astype(np.intp)])
            else:
                values = np.unique(known)
            n = max(len(known), 1)
            self.values_.append(values)
            self.left_.append(np.searchsorted(known, values, "left") / n)
            self.right_.append(np.searchsorted(known, values, "right") / n)
        return self

    def transform(self, X: Array) -> Array:
        answer = np.full(X.shape, 0.5)
        for j, values in enumerate(self.values_):
            if len(values) > 1:
                middle = (self.left_[j] + self.right_[j]) / 2
                answer[:, j] = np.interp(X[:, j], values, middle)
        answer[np.isnan(X)] = 0.5
        return answer


def normal_scores(ranks: Array) -> Array:
    """The normal quantiles of `Ranks`, of the shape given; 0 where a score is missing."""
    return np.asarray(ndtri(np.clip(ranks, TAIL, 1 - TAIL)))


class SplineScores:
    """Additive piecewise-linear basis of each score, on its ranks and on its own scale.

    For each column: the tamed score, its normal score (ndtri of the rank), hinges at equal steps
    of the rank and hinges at fixed places of the tamed score; then the indicators of missing
    values; with `pairs`, the products of two columns' normal scores, scaled by `PAIR_WEIGHT` so
    that a ridge penalty holds them shorter. Columns from `n_scores` on (frame statistics) come in
    tamed only.
    """

    PAIR_WEIGHT = 0.25

    def __init__(self, n_scores: int | None = None, pairs: bool = False) -> None:
        self.n_scores = n_scores
        self.pairs = pairs

    def fit(self, X: Array) -> Self:
        self.fit_transform(X)
        return self

    def fit_transform(self, X: Array) -> Array:
        """`fit`, then `transform` of the same rows, whose basis is laid once."""
        k = X.shape[1] if self.n_scores is None else self.n_scores
        # Many columns or few rows leave less room for the shape of each.
        room = np.clip(min(160 / max(k, 1), len(X) / 25), 2, 12)
        self.rank_knots_ = np.linspace(0, 1, round(room * 7 / 12) + 2)[1:-1]
        self.score_knots_ = np.linspace(-2, 2, max(1, round(room * 5 / 12)))
        self.tamed_ = TamedScores().fit(X)
        self.ranks_ = Ranks().fit(X[:, :k])
        basis = self._basis(X)
        self.mean_ = basis.mean(axis=0)
        basis -= self.mean_
        return basis

    def transform(self, X: Array) -> Array:
        basis = self._basis(X)
        basis -= self.mean_
        return basis

    def _basis(self, X: Array) -> Array:
        k = X.shape[1] if self.n_scores is None else self.n_scores
        tamed = self.tamed_.transform(X)
        ranks = self.ranks_.transform(X[:, :k])
        normal = normal_scores(ranks)
        pairs = list(combinations(range(k), 2)) if self.pairs else []
        knots = len(self.rank_knots_) + len(self.score_knots_)
        # Filled piece by piece: at a million rows a second copy would be gigabytes.
        basis = np.empty((len(X), tamed.shape[1] + k * (1 + knots) + len(pairs)))
        end = tamed.shape[1]
        basis[:, :end] = tamed
        for part in self._parts(tamed[:, :k], ranks, normal):
            basis[:, end : end + k] = part
            end += k
        for i, j in pairs:
            basis[:, end] = normal[:, i] * normal[:, j] * self.PAIR_WEIGHT
            end += 1
        return basis

    def _parts(self, tamed: Array, ranks: Array, normal: Array) -> Iterator[Array]:
        yield normal
        for knot in self.rank_knots_:
            yield np.maximum(ranks - knot, 0.0) * 4.0
        for knot in self.score_knots_:
            yield np.maximum(tamed - knot, 0.0)
