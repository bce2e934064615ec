"""Ridge logistic regression on many subsets of the same columns at once.

A subset is a mask over columns. All subsets take each Newton step together: logits, gradients and
Hessians of S problems are three matrix products over the rows, because the Hessian of a subset is
the matching part of sum_i w_i x_i x_i', and the products x_i x_i' are shared by all of them. They
are taken in single precision, in half the time: log losses are right to seven digits.
Of many columns a subset is a small part; there each is solved by itself, on its own columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration.measures.scores import log_loss_of_logits
from stacking.inputs import Array, Rows
from stacking.solvers import INTERCEPT_PENALTY, RidgePaths, ridge_path, smoothed_logit

Masks = NDArray[np.bool_]
Singles = NDArray[np.float32]

#: Newton decrement, in log loss per row, at which a problem takes its last step.
_TOLERANCE = 1e-6

#: A step is fast that leaves no more of the decrement than this share.
_FAST = 0.1

#: Newton steps before a problem is handed to the safeguarded solver.
_MOST_STEPS = 20

#: Columns up to which the subsets share the products of pairs.
_MOST_SHARED = 32

#: Products of pairs that are kept from step to step.
_MOST_KEPT = 4_000_000

#: Rows at a time: few enough for the processor's cache, and as many whatever else is fitted.
_BLOCK = 512


@dataclass(frozen=True)
class Minima:
    """Where the fits of s subsets of k columns ended, or are to begin, for a penalties.

    Attributes:
        beta: (a, s, k + 1) coefficients, zero outside the subset; the intercept last.
        hessian: (a, s, k + 1, k + 1) of the log loss a row, somewhere near; None: not known.
    """

    beta: Array
    hessian: Array | None = None


def subset_path(
    X: Array, y: Array, masks: Masks, alphas: Sequence[float], start: Minima | None = None
) -> Array:
    """The coefficients (a, s, k + 1) of `subset_minima`."""
    return subset_minima(X, y, masks, alphas, start).beta


def subset_minima(
    X: Array, y: Array, masks: Masks, alphas: Sequence[float], start: Minima | None = None
) -> Minima:
    """The minimisers of `ridge_path` on every subset of columns and for every penalty.

    Args:
        X: (n, k) finite features of about unit spread.
        y: (n,) labels, 0.0 or 1.0.
        masks: (s, k), the columns of each subset.
        alphas: (a,) penalties over 0; from large to small is the fastest order.
        start: where the solves begin, such as of rows that these are most of; without it each
            penalty begins where the one before it ended.
    """
    size = X.shape[1] + 1
    beta = np.zeros((len(alphas), len(masks), size))
    if y.min(initial=1.0) == y.max(initial=0.0):
        beta[..., -1] = smoothed_logit(y)
        return Minima(beta)
    if size > _MOST_SHARED:
        return _each_by_itself(X, y, masks, alphas, start)
    design = np.column_stack([X, np.ones(len(X))])
    pairs = _Pairs.of(design)
    hessian = np.zeros((*beta.shape, size))
    last = np.zeros(beta.shape[1:])
    last[:, -1] = smoothed_logit(y)
    for i, alpha in enumerate(alphas):
        begin = last if start is None else start.beta[i]
        near = None if start is None or start.hessian is None else start.hessian[i]
        beta[i], hessian[i] = _solve(design, pairs, y, masks, alpha, begin, near)
        last = beta[i]
    return Minima(beta, hessian)


def _each_by_itself(
    X: Array, y: Array, masks: Masks, alphas: Sequence[float], start: Minima | None
) -> Minima:
    """As `subset_minima`; the Hessian is handed on from one penalty to the next."""
    beta = np.zeros((len(alphas), len(masks), X.shape[1] + 1))
    for s, mask in enumerate(masks):
        columns = np.append(np.flatnonzero(mask), X.shape[1])
        begin = None if start is None else start.beta[:, s, columns]
        path = RidgePaths(_TOLERANCE).fit(X[:, mask], y, alphas, begin)
        beta[:, s, columns] = [np.append(one.coef, one.intercept) for one in path]
    return Minima(beta)


@dataclass(frozen=True)
class _Pairs:
    """The products of every two columns of a design, made once where that is not much.

    Attributes:
        design: (n, k). first, second: the columns, (p,).
        products: (n, p); None where they are made block by block.
    """

    design: Singles
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    products: Singles | None

    @classmethod
    def of(cls, design: Array) -> "_Pairs":
        first, second = np.triu_indices(design.shape[1])
        single = design.astype(np.float32)
        few = len(design) * len(first) <= _MOST_KEPT
        return cls(single, first, second, single[:, first] * single[:, second] if few else None)

    def block(self, rows: slice) -> Singles:
        """The products of some rows."""
        if self.products is not None:
            return self.products[rows]
        x = self.design[rows]
        return np.asarray(x[:, self.first] * x[:, self.second])


def _solve(
    design: Array,
    pairs: _Pairs,
    y: Array,
    masks: Masks,
    alpha: float,
    start: Array,
    near: Array | None,
) -> tuple[Array, Array]:
    """The minimisers (s, k + 1) for one penalty, and the Hessians a row that led there.

    `start`, `near`: of `Minima`, for this penalty.
    """
    beta = start.copy()
    inside = np.column_stack([masks, np.ones(len(masks), dtype=bool)])
    penalty = np.full(beta.shape[1], float(alpha))
    penalty[-1] = INTERCEPT_PENALTY
    active = np.arange(len(masks))
    before = np.full(len(masks), np.inf)
    wild = []
    hessian = np.zeros((*beta.shape, beta.shape[1])) if near is None else near * len(y)
    # A Hessian is most of the work: a subset goes by the one before while its steps shrink fast,
    # whatever the others do, as each shall end where it ends alone.
    again = np.full(len(masks), near is not None)
    for _ in range(_MOST_STEPS):
        used, old = inside[active], again[active]
        gradient, hessian[active[~old]] = _together(pairs, y, beta[active], ~old)
        gradient = np.where(used, gradient + penalty * beta[active], 0.0)
        steered = hessian[active] * (used[:, :, None] & used[:, None, :])
        diagonal = np.einsum("sii->si", steered)
        diagonal += np.where(used, penalty + 1e-9 * (1.0 + diagonal), 1.0)
        step = np.linalg.solve(steered, gradient[..., None])[..., 0]
        decrement = np.einsum("si,si->s", gradient, step)
        # Far from the minimum a full step may lead further away: those take the careful way.
        away = ~(decrement < before[active])
        again[active] = ~old | (decrement <= _FAST * before[active])
        beta[active[~away]] -= step[~away]
        before[active[~away]] = decrement[~away]
        wild.append(active[away & ~old])
        active = active[np.where(away, old, decrement > _TOLERANCE * len(y))]
        if not len(active):
            break
    for s in np.concatenate([*wild, active]):
        careful = ridge_path(design[:, :-1][:, masks[s]], y, (alpha,))[0]
        beta[s] = 0.0
        beta[s, np.flatnonzero(inside[s])] = np.append(careful.coef, careful.intercept)
    return beta, hessian / len(y)


def _together(pairs: _Pairs, y: Array, beta: Array, curved: Rows) -> tuple[Array, Array]:
    """Gradients (s, k) of the summed log loss at beta (s, k), and Hessians (c, k, k) of those that
    are `curved` (s,)."""
    design, first, second = pairs.design, pairs.first, pairs.second
    gradient, packed = np.zeros(beta.shape), np.zeros((curved.sum(), len(first)))
    back = -beta.T.astype(np.float32)
    # Beyond a logit of 88 single precision overflows, to the right answer. And OpenBLAS may flag
    # what lies beyond the edges of its tiles (its issue 1924).
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, len(y), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            x, labels = design[block], y[block].astype(np.float32)
            p = x @ back
            np.exp(p, out=p)
            p += 1.0
            np.reciprocal(p, out=p)
            if len(packed):
                some = p if curved.all() else p[:, curved]
                packed += (some - some * some).T @ pairs.block(block)
            p -= labels[:, None]
            gradient += p.T @ x
    hessian = np.empty((len(packed), *2 * beta.shape[1:]))
    hessian[:, first, second] = packed
    hessian[:, second, first] = packed
    return gradient, hessian


def subset_logits(X: Array, beta: Array) -> Array:
    """Logits (n, s) of X (n, k) under coefficients (s, k + 1)."""
    return np.asarray(X @ beta[:, :-1].T + beta[:, -1])


def held_out_losses(X: Array, y: Array, path: Array) -> Array:
    """Log loss summed over rows, (a, s), of a path (a, s, k + 1)."""
    return np.array(
        [log_loss_of_logits(y[:, None], subset_logits(X, beta)).sum(axis=0) for beta in path]
    )
