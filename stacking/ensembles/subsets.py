"""Which subsets of the detectors are compared: all of them, or a greedy path and random ones."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from calibration.measures.scores import log_loss_of_logits
from predictions.errors import InputError
from stacking.ensembles.fits import Masks, Minima, subset_logits, subset_path
from stacking.features import TamedScores
from stacking.inputs import Array
from stacking.solvers import smoothed_logit

#: Detectors up to which every subset is taken (1,023 of them).
MOST_FOR_ALL = 10

#: Beyond that: the longest greedy path, and how many subsets are drawn at random.
LONGEST_PATH = 30
N_RANDOM = 200

#: Detectors whose ensembles are compared: the time grows with their cube.
MOST_COMPARED = 100

#: Detectors that are fitted at each step of the greedy path.
_SHORTLIST = 12

#: Ridge penalty of the fits along the greedy path.
_PENALTY = 10.0


def refuse_too_many(k: int) -> None:
    """Refuse more detectors than are compared in bounded time.

    Raises:
        InputError: there are more than `MOST_COMPARED`.
    """
    if k > MOST_COMPARED:
        raise InputError(
            f"there are {k} detectors, and ensembles of {MOST_COMPARED} at most are compared",
            remedy="drop some, or stack them all without comparing",
        )


def all_subsets(k: int) -> Masks:
    """All 2^k - 1 subsets of k detectors, (s, k), by size and then in the order of the columns."""
    chosen = [subset for size in range(1, k + 1) for subset in combinations(range(k), size)]
    masks = np.zeros((len(chosen), k), dtype=bool)
    for mask, subset in zip(masks, chosen, strict=True):
        mask[list(subset)] = True
    return masks


def random_subsets(k: int, n: int, seed: int) -> Masks:
    """Every single detector, all of them together, and n subsets drawn at random, (s, k).

    Sizes are drawn evenly on a logarithmic scale, because small ensembles are what is looked for.
    """
    random = np.random.default_rng(seed)
    sizes = np.exp(random.uniform(np.log(2), np.log(k), n)).astype(np.intp)
    drawn = np.zeros((n, k), dtype=bool)
    for mask, size in zip(drawn, sizes, strict=True):
        mask[random.choice(k, size=size, replace=False)] = True
    return in_order(np.vstack([np.eye(k, dtype=bool), np.ones((1, k), dtype=bool), drawn]))


def in_order(masks: Masks) -> Masks:
    """The masks (s, k) without repeats, by size and then in the order of the columns."""
    unique = np.unique(masks, axis=0)[::-1]
    return unique[np.argsort(unique.sum(axis=1), kind="stable")]


def greedy_path(
    X: Array,
    y: Array,
    longest: int = LONGEST_PATH,
    limits: tuple[Array, Array] | None = None,
) -> Masks:
    """The subsets of a forward selection, (steps, k), from one detector to `longest`.

    Each step adds the detector whose fit with those already there has the lowest penalised log
    loss. Fitted are the `_SHORTLIST` with the largest score statistics (Rao 1948): what a Newton
    step along one alone would gain, the others adapting to it.

    Args:
        X: (n, k) scores of any scale, NaN where missing.
        y: (n,) labels, 0.0 or 1.0, of both classes.
        limits: what each detector costs, (k, c), and the most that a subset may, (c,); it ends
            where none can be added. One detector at least is within them.
    """
    k = X.shape[1]
    tamed = TamedScores().fit(X).scores(X)
    design = np.column_stack([tamed, np.ones(len(tamed))])
    mask = np.zeros(k, dtype=bool)
    path = []
    beta = np.append(np.zeros(k), smoothed_logit(y))
    for _ in range(min(k, longest)):
        statistics = _score_statistics(design, y, beta, mask)
        if limits is not None:
            cost, most = limits
            statistics[(cost[mask].sum(axis=0) + cost > most).any(axis=1)] = -np.inf
            if np.isneginf(statistics).all():
                break
        likely = np.sort(np.argsort(-statistics, kind="stable")[:_SHORTLIST])
        likely = likely[np.isfinite(statistics[likely])]
        longer = mask | np.eye(k, dtype=bool)[likely]
        start = Minima(np.repeat(beta[None, None], len(likely), axis=1))
        fits = subset_path(tamed, y, longer, (_PENALTY,), start)[0]
        losses = log_loss_of_logits(y[:, None], subset_logits(tamed, fits)).sum(axis=0)
        losses += _PENALTY / 2 * (fits[:, :-1] ** 2).sum(axis=1)
        best = int(np.argmin(losses))
        mask, beta = longer[best], fits[best]
        path.append(mask)
    return np.array(path)


def _score_statistics(design: Array, y: Array, beta: Array, mask: NDArray[np.bool_]) -> Array:
    """The score statistic (k,) of each detector outside the mask; -inf inside."""
    p = expit(design @ beta)
    gradient = (p - y) @ design
    weighted = design * (p * (1.0 - p))[:, None]
    inside = np.flatnonzero(np.append(mask, True))
    across = design[:, inside].T @ weighted
    across[np.arange(len(inside)), inside] += _PENALTY
    adapted = np.einsum("ij,ij->j", across, np.linalg.solve(across[:, inside], across))
    free = np.einsum("ij,ij->j", design, weighted) + _PENALTY - adapted
    statistic = gradient**2 / np.maximum(free, _PENALTY / 2)
    return np.where(mask, -np.inf, statistic[:-1])
