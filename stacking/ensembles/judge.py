"""Each subset of the detectors as a procedure, learned on some rows and judged on others.

The scores are tamed, an L2-logistic combination is fitted, its penalty, a temperature and a clip
are learned on inner group folds. All subsets are fitted together (see `fits`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from calibration.logistic import fit_slope
from calibration.measures.bootstrap import group_sums
from calibration.measures.scores import row_log_loss
from predictions.parallel import side_by_side
from predictions.progress import Progress
from predictions.threads import one_blas_thread
from stacking.clipping import learned_clip
from stacking.ensembles.fits import (
    Masks,
    held_out_losses,
    subset_logits,
    subset_minima,
    subset_path,
)
from stacking.estimate.outer_folds import OuterFolds
from stacking.features import TamedScores
from stacking.inner_folds import LEAST_TO_CALIBRATE, N_SPLITS, inner_folds, rarer_groups
from stacking.inputs import Array, Codes, Rows

#: Penalties among which the inner folds choose; against the log loss summed over rows.
ALPHAS = (1000.0, 100.0, 10.0, 1.0, 0.1)

#: Subsets fitted together: enough to share the work, few enough to share out over processes.
_CHUNK = 128


@dataclass(frozen=True)
class JudgedSubsets:
    """Losses of s subsets of k detectors on n rows in g groups.

    Attributes:
        sums: (g, s) log losses, summed over the rows of a group.
        singles: (n, k) the single detectors' probabilities of FAKE.
    """

    sums: Array
    singles: Array


def judge_subsets(
    by_fold: list[Array],
    outer: OuterFolds,
    masks: Masks,
    seed: int,
    n_jobs: int | None,
    progress: Progress,
) -> JudgedSubsets:
    """Learn every subset (s, k) outside each outer fold and judge it there.

    Args:
        by_fold: the detectors' scores (n, k), as each outer fold takes them.
    """
    y, groups = outer.labels, outer.groups
    n_groups = int(groups.max()) + 1
    sums = np.zeros((n_groups, len(masks)))
    singles = np.zeros((len(y), masks.shape[1]))
    for held, chunk, p in _judged(by_fold, outer, masks, seed, n_jobs, progress):
        losses = row_log_loss(y[held, None], p)
        sums[:, chunk] += group_sums(losses, groups[held], n_groups)
        alone = np.flatnonzero(masks[chunk].sum(axis=1) == 1)
        singles[np.ix_(held, masks[chunk[alone]].argmax(axis=1))] = p[:, alone]
    return JudgedSubsets(sums, singles)


def subset_predictions(
    by_fold: list[Array],
    outer: OuterFolds,
    masks: Masks,
    seed: int,
    n_jobs: int | None,
    progress: Progress,
) -> Array:
    """The out-of-fold probabilities (n, s) of a few subsets (s, k); else as `judge_subsets`."""
    p = np.empty((len(outer.labels), len(masks)))
    for held, chunk, some in _judged(by_fold, outer, masks, seed, n_jobs, progress):
        p[np.ix_(held, chunk)] = some
    return p


def _judged(
    by_fold: list[Array],
    outer: OuterFolds,
    masks: Masks,
    seed: int,
    n_jobs: int | None,
    progress: Progress,
) -> Iterator[tuple[Rows, NDArray[np.intp], Array]]:
    """Rows of an outer fold, some of the subsets, and their probabilities there, as they come."""
    chunks = np.array_split(np.arange(len(masks)), -(-len(masks) // _CHUNK))
    tasks = [(fold, chunk) for fold in range(len(by_fold)) for chunk in chunks]
    y, groups = outer.labels, outer.groups
    answers = side_by_side(
        subset_probabilities,
        (
            (X[~held], y[~held], groups[~held], X[held], masks[chunk], seed)
            for (X, held, chunk) in ((by_fold[f], outer.held[f], chunk) for f, chunk in tasks)
        ),
        n_jobs,
    )
    progress("subsets on outer folds", 0, len(tasks))
    for done, ((fold, chunk), p) in enumerate(zip(tasks, answers, strict=True), start=1):
        yield outer.held[fold], chunk, p
        progress("subsets on outer folds", done, len(tasks))


def subset_probabilities(
    X: Array,
    y: Array,
    groups: Codes,
    new: Array,
    masks: Masks,
    seed: int = 0,
) -> Array:
    """Learn every subset on X, apply it to `new`.

    Args:
        X, y, groups: (n, k) scores, NaN where missing; (n,) labels of both classes; (n,) codes.
        new: (m, k) scores of rows that teach nothing.
        masks: (s, k) the subsets.

    Returns:
        (m, s) probabilities of FAKE of `new`.
    """
    with one_blas_thread():
        tamed = TamedScores().fit(X)
        design = tamed.transform(X)
        columns = masks[:, np.append(np.arange(X.shape[1]), tamed.missing_columns_)]
        whole = subset_minima(design, y, columns, ALPHAS)
        path = whole.beta
        folds = inner_folds(y, groups, N_SPLITS, seed)
        inner = [(folds == fold) for fold in np.unique(folds)]
        if len(inner) < 2:
            # One group: nothing to choose by, so the strongest penalty.
            picked = np.zeros(len(masks), dtype=np.intp)
            logits = subset_logits(design, path[0])
        else:
            paths = [subset_path(design[~held], y[~held], columns, ALPHAS, whole) for held in inner]
            losses = sum(
                held_out_losses(design[held], y[held], one)
                for held, one in zip(inner, paths, strict=True)
            )
            picked = np.argmin(losses, axis=0)
            logits = np.empty((len(y), len(masks)))
            for held, one in zip(inner, paths, strict=True):
                logits[held] = subset_logits(design[held], _at(one, picked))
        answer = subset_logits(tamed.transform(new), _at(path, picked))
        calibrate = rarer_groups(y, groups) >= LEAST_TO_CALIBRATE
        weight = np.ones(len(y))
        for s in range(len(masks)):
            temperature = 1.0
            if calibrate:
                temperature = 1 / fit_slope(np.ascontiguousarray(logits[:, s]), y, weight)
            out_of_fold = expit(logits[:, s] / temperature)
            low, high = learned_clip(out_of_fold, y, groups) or (0.0, 1.0)
            answer[:, s] = np.clip(expit(answer[:, s] / temperature), low, high)
    return answer


def _at(path: Array, picked: NDArray[np.intp]) -> Array:
    """The coefficients (s, k + 1) of each subset at its penalty."""
    return np.asarray(path[picked, np.arange(path.shape[1])])
