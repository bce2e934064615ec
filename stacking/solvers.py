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
from scipy.special import expit

from calibration.measures.scores import log_loss_of_logits
from stacking.inputs import Array

#: Keeps the Hessian invertible when every row is saturated.
INTERCEPT_PENALTY = 1e-6


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
    if y.min(initial=1.0) == y.max(initial=0.0):
        constant = Linear(smoothed_logit(y), np.zeros(X.shape[1]))
        return [constant for _ in alphas]
    if X.shape[1] > X.shape[0]:
        return _wide_path(X, y, alphas, tolerance)
    answers = []
    problem = _Ridge(np.column_stack([X, np.ones(len(X))]), y, tolerance)
    beta = np.append(np.zeros(X.shape[1]), smoothed_logit(y))
    for alpha in alphas:
        beta = problem.solve(alpha, beta)
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

    def __init__(self, design: Array, y: Array, tolerance: float) -> None:
        self.design = design
        self.y = y
        self.limit = tolerance * len(y)
        # From here on the products cost more than the loss of digits does.
        self.single = design.astype(np.float32) if design.shape[1] > 64 else None
        self.hessian: Array | None = None

    def solve(self, alpha: float, beta: Array) -> Array:
        """The minimiser (k + 1,) for one penalty, from `beta`."""
        penalty = np.full(len(beta), float(alpha))
        penalty[-1] = INTERCEPT_PENALTY
        logit = self.design @ beta
        value = self._objective(beta, logit, penalty)
        factor = None if self.hessian is None else _factor(self.hessian, penalty)
        before = np.inf
        for _ in range(200):
            p = expit(logit)
            gradient = (p - self.y) @ self.design + penalty * beta
            fresh = factor is None
            if factor is None:
                factor = self._form(p, penalty)
            step = cho_solve(factor, gradient, check_finite=False)
            decrement = float(gradient @ step)
            if not fresh and decrement > 0.25 * before:
                factor, fresh = self._form(p, penalty), True
                step = cho_solve(factor, gradient, check_finite=False)
                decrement = float(gradient @ step)
            if decrement <= self.limit:
                return np.asarray(beta - step)
            before = decrement
            size = 1.0
            for _ in range(30):
                trial = beta - size * step
                trial_logit = self.design @ trial
                trial_value = self._objective(trial, trial_logit, penalty)
                if trial_value <= value - 1e-4 * size * decrement:
                    break
                size *= 0.5
            else:
                if fresh:
                    return beta  # no descent is left in floating point
                factor = None
                continue
            beta, logit, value = trial, trial_logit, trial_value
            if size < 1.0:
                factor = None
        return beta

    def _objective(self, beta: Array, logit: Array, penalty: Array) -> float:
        return float(log_loss_of_logits(self.y, logit).sum() + 0.5 * (penalty * beta) @ beta)

    def _form(self, p: Array, penalty: Array) -> tuple[Array, bool]:
        """Form the Hessian anew, over the rows with all but 1 % of the curvature, and factor it."""
        curvature = p * (1.0 - p)
        order = np.argsort(curvature)
        rows = np.sort(order[np.cumsum(curvature[order]) > 0.01 * curvature.sum()])
        design: NDArray[Any] = self.design if self.single is None else self.single
        if len(rows) < 0.8 * len(p):
            design, curvature = design[rows], curvature[rows]
        root = design * np.sqrt(curvature).astype(design.dtype)[:, None]
        self.hessian = np.asarray(root.T @ root, dtype=np.float64)
        return _factor(self.hessian, penalty)


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
