"""Ridge logistic regression by Newton's method, along a path of penalties.

The objective is the log loss summed over rows plus alpha / 2 * |beta|^2; the intercept is free.
Every solve is deterministic and safeguarded, so separable data, constant columns and more columns
than rows all end at the exact minimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from calibration.logistic import softplus_and_sigmoid
from stacking.inputs import Array

#: Keeps the Hessian invertible when every row is saturated.
INTERCEPT_PENALTY = 1e-6

#: How much nearer a solve must be before its last step, where that step is not quite Newton's.
_STALE = 0.01

#: Columns up to which a product over all rows costs less than finding those that count.
_NARROW = 16


@dataclass(frozen=True)
class Linear:
    """A linear logit: intercept + X @ coef."""

    intercept: float
    coef: Array

    def __call__(self, X: Array) -> Array:
        """Logits (n,) of X (n, k)."""
        return X @ self.coef + self.intercept


def smoothed_logit(y: Array) -> float:
    """Logit of the share of ones, with one row of an even coin added."""
    share = (float(y.sum()) + 0.5) / (len(y) + 1.0)
    return float(np.log(share) - np.log1p(-share))


def ridge_path(
    X: Array, y: Array, alphas: Sequence[float], tolerance: float = 1e-6
) -> list[Linear]:
    """The minimisers for each of `alphas` (all > 0), in their order, each started from the last.

    Args:
        X: (n, k) finite features.
        y: (n,) labels, 0.0 or 1.0. With one class only the answer is the smoothed share.
        alphas: penalties; from large to small is the fastest order.
        tolerance: the Newton decrement, in log loss per row, at which a solve ends.
    """
    return RidgePaths(tolerance).fit(X, y, alphas)


class RidgePaths:
    """`ridge_path` on one sample after another that share most of their rows, as folds do.

    Each solve starts at the minimum of the sample before, if its columns were as many, and with the
    Hessian there.
    """

    def __init__(self, tolerance: float = 1e-6) -> None:
        self.tolerance = tolerance
        # By penalty: the last minimum and the Hessian a row there.
        self._last: dict[float, tuple[Array, Array]] = {}

    def fit(
        self, X: Array, y: Array, alphas: Sequence[float], start: Array | None = None
    ) -> list[Linear]:
        """The minimisers for each of `alphas`; all as in `ridge_path`.

        `start`: (a, k + 1), where the solve for each penalty begins instead, the intercept last.
        """
        if y.min(initial=1.0) == y.max(initial=0.0):
            constant = Linear(smoothed_logit(y), np.zeros(X.shape[1]))
            return [constant for _ in alphas]
        if X.shape[1] > X.shape[0]:
            return _wide_path(X, y, alphas, self.tolerance)
        problem = _Ridge(X, y, self.tolerance)
        beta = np.append(np.zeros(X.shape[1]), smoothed_logit(y))
        hessian: Array | None = None
        answers = []
        for i, alpha in enumerate(alphas):
            known = self._last.get(alpha)
            if known is not None and len(known[0]) == len(beta):
                beta, hessian = known
            if start is not None:
                beta = start[i]
            beta, hessian = problem.solve(alpha, beta, hessian)
            self._last[alpha] = beta, hessian
            answers.append(Linear(float(beta[-1]), beta[:-1].copy()))
        return answers


def _wide_path(X: Array, y: Array, alphas: Sequence[float], tolerance: float) -> list[Linear]:
    """More columns than rows: the same minimum in the span of the rows (ridge is rotation-free)."""
    u, s, vt = np.linalg.svd(X, full_matrices=False)
    keep = s > s[0] * 1e-12
    path = ridge_path(u[:, keep] * s[keep], y, alphas, tolerance)
    return [Linear(one.intercept, one.coef @ vt[keep]) for one in path]


class _Ridge:
    """Newton with a kept Hessian: it is formed again only when the steps stop shrinking fast.

    The gradient is always exact, so the answer is; the Hessian only steers. It is summed over the
    rows that carry the curvature, which on a well separated table are a small part of all, in
    single precision where it is large, and is handed on along the path.
    """

    def __init__(self, X: Array, y: Array, tolerance: float) -> None:
        self.X = np.ascontiguousarray(X)  # one layout, one sum
        self.y = y
        self.limit = tolerance * len(y)
        # From here on the products cost more than the loss of digits does.
        self.single = self.X.astype(np.float32) if X.shape[1] > 64 else None

    def solve(self, alpha: float, beta: Array, hessian: Array | None) -> tuple[Array, Array]:
        """The minimiser (k + 1,) for one penalty, and the Hessian a row that led there.

        Args:
            beta: where to start.
            hessian: (k + 1, k + 1) a row and without the penalty, of somewhere near; None if not
                known.
        """
        penalty = np.full(len(beta), float(alpha))
        penalty[-1] = INTERCEPT_PENALTY
        value, p = self._at(beta, penalty)
        fresh = hessian is None
        if hessian is None:
            hessian = self._hessian(p)
        factor = _factor(hessian * len(self.y), penalty)
        before = np.inf
        for _ in range(200):
            surplus = p - self.y
            gradient = np.append(surplus @ self.X, surplus.sum()) + penalty * beta
            step = cho_solve(factor, gradient, check_finite=False)
            decrement = float(gradient @ step)
            if not fresh and decrement > 0.25 * before:
                hessian, fresh = self._hessian(p), True
                factor = _factor(hessian * len(self.y), penalty)
                step = cho_solve(factor, gradient, check_finite=False)
                decrement = float(gradient @ step)
            # With a Hessian of elsewhere the last step gains less than Newton's.
            if decrement <= self.limit * (1.0 if fresh else _STALE):
                return np.asarray(beta - step), hessian
            before = decrement
            size = 1.0
            for _ in range(30):
                trial = beta - size * step
                trial_value, trial_p = self._at(trial, penalty)
                if trial_value <= value - 1e-4 * size * decrement:
                    break
                size *= 0.5
            else:
                if fresh:
                    return beta, hessian  # no descent is left in floating point
                before = 0.0
                continue
            beta, value, p, fresh = trial, trial_value, trial_p, False
            if size < 1.0:
                before = 0.0
        return beta, hessian

    def _at(self, beta: Array, penalty: Array) -> tuple[float, Array]:
        """The objective at beta, and the probabilities (n,) there."""
        logit = self.X @ beta[:-1] + beta[-1]
        soft, p = softplus_and_sigmoid(logit)
        total = soft.sum() - self.y @ logit
        return float(total + 0.5 * (penalty * beta) @ beta), p

    def _hessian(self, p: Array) -> Array:
        """The Hessian a row, of wide designs over the rows with all but 1 % of the curvature."""
        curvature = p * (1.0 - p)
        X: NDArray[Any] = self.X if self.single is None else self.single
        if X.shape[1] > _NARROW:
            order = np.argsort(curvature)
            rows = np.sort(order[np.cumsum(curvature[order]) > 0.01 * curvature.sum()])
            if len(rows) < 0.8 * len(p):
                X, curvature = X[rows], curvature[rows]
        root = np.sqrt(curvature).astype(X.dtype)
        scaled = X * root[:, None]
        hessian = np.empty((X.shape[1] + 1,) * 2)
        hessian[:-1, :-1] = scaled.T @ scaled
        hessian[-1, :-1] = hessian[:-1, -1] = root @ scaled
        hessian[-1, -1] = curvature.sum()
        return hessian / len(p)


def _factor(hessian: Array, penalty: Array) -> tuple[Array, bool]:
    """Cholesky factor of the penalised Hessian, with as much ridge as rounding makes needful."""
    extra = 1e-9
    while True:
        steered = hessian.copy()
        steered[np.diag_indices_from(steered)] += penalty + extra * (1.0 + hessian.diagonal())
        try:
            answer: tuple[Array, bool] = cho_factor(steered, check_finite=False)
            return answer
        except np.linalg.LinAlgError:
            extra *= 100.0
