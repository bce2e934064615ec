"""A linear head by logistic regression with an L2 penalty, its strength chosen inside its rows.

What is known as a linear probe. The features are standardised first, so that one strength means the
same for every network; the penalty is that on the standardised weights, the intercept goes free.
"""

from dataclasses import dataclass, field
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from base_models.training.early_stopping import mean_log_loss
from predictions.folds import assign_folds
from predictions.threads import one_blas_thread

#: Penalties that are tried, from strong to weak: lambda / 2 * |w|^2 beside the mean log loss.
PENALTIES = tuple(10.0 ** (-k / 2) for k in range(9))
#: What is taken where there are too few groups to choose by.
USUAL = 0.01
#: Inner folds that the penalty is chosen by.
INNER_FOLDS = 3
#: Weaker penalties are not tried after so many in a row that were no better than the best.
_ENOUGH = 2
#: Steps of the solver; what is unfinished then is separable, and a stronger penalty wins.
_STEPS = 500


@dataclass(frozen=True)
class Fitted:
    """A head that was fitted.

    Attributes:
        weight: (width,) float64, on the features as they are.
        bias: the intercept.
        loss: weighted mean log loss (nats) of the rows that it was fitted on.
        penalty: the one chosen.
        inner_losses: penalty -> mean log loss of rows whose groups were left out; empty where
            there were too few groups.
    """

    weight: NDArray[np.float64]
    bias: float
    loss: float
    penalty: float
    inner_losses: dict[float, float] = field(default_factory=dict)


def fit_head(
    features: NDArray[np.floating],
    labels: NDArray[np.floating],
    weights: NDArray[np.floating],
    groups: NDArray,
    seed: int = 0,
) -> Fitted:
    """Fit a head; the same rows give the same bytes, however many threads there are.

    Args:
        features: (n, width).
        labels: (n,) 1 FAKE, 0 REAL; both must be there.
        weights: (n,) positive, of the rows in the loss.
        groups: (n,) rows of one group are never on both sides of an inner fold.
        seed: decides between equal choices of inner folds.
    """
    rows, mean, scale = _standardised(features, weights)
    with one_blas_thread():
        losses = _inner_losses(rows, labels, weights, groups, seed)
        penalty = min(losses, key=lambda one: losses[one], default=USUAL)
        model = _solve(_model(), rows, labels, weights, penalty)
        inner, intercept = model.coef_[0].astype(np.float64), float(model.intercept_[0])
    loss = mean_log_loss(rows @ inner + intercept, labels, weights)
    weight = inner * scale
    return Fitted(weight, intercept - float(mean @ weight), loss, penalty, losses)


def _standardised(
    features: NDArray[np.floating], weights: NDArray[np.floating]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    """The features less their mean, times a scale: (n, width), (width,), (width,)."""
    rows = np.empty(features.shape, np.float32)
    mean, scale = np.zeros((2, features.shape[1]))
    for i in range(features.shape[1]):  # by columns, as there may be gigabytes
        column = features[:, i].astype(np.float64)
        mean[i] = np.average(column, weights=weights)
        spread = float(np.sqrt(np.average((column - mean[i]) ** 2, weights=weights)))
        # A feature that is the same for all says nothing.
        scale[i] = 1 / spread if spread > 1e-6 * (1e-6 + abs(mean[i])) else 0.0
        rows[:, i] = (column - mean[i]) * scale[i]
    return rows, mean, scale


def _inner_losses(
    rows: NDArray[np.float32],
    labels: NDArray[np.floating],
    weights: NDArray[np.floating],
    groups: NDArray,
    seed: int,
) -> dict[float, float]:
    """What rows cost whose groups were left out, by penalty."""
    of_class = [len(np.unique(groups[labels == label])) for label in (0, 1)]
    parts = min(INNER_FOLDS, *of_class)
    if parts < 2:
        return {}
    folds = assign_folds(labels, groups, parts, seed)
    sides = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(parts)]
    if any(len(np.unique(labels[kept])) < 2 for kept, _ in sides):
        return {}
    models = [_model() for _ in sides]
    losses: dict[float, float] = {}
    for penalty in PENALTIES:
        logits = np.empty(len(rows))
        for model, (kept, left_out) in zip(models, sides, strict=True):
            _solve(model, rows[kept], labels[kept], weights[kept], penalty)
            logits[left_out] = model.decision_function(rows[left_out])
        losses[penalty] = mean_log_loss(logits, labels, weights)
        best = min(losses, key=lambda one: losses[one])
        if list(losses).index(best) < len(losses) - _ENOUGH:
            break
    return losses


def _model() -> LogisticRegression:
    # Each penalty goes on from the last one's solution.
    return LogisticRegression(solver="lbfgs", tol=1e-5, max_iter=_STEPS, warm_start=True)


def _solve(
    model: LogisticRegression,
    rows: NDArray[np.float32],
    labels: NDArray[np.floating],
    weights: NDArray[np.floating],
    penalty: float,
) -> LogisticRegression:
    # scikit-learn's C multiplies the sum of the losses.
    model.set_params(C=1 / (penalty * float(weights.sum())))
    with catch_warnings():
        simplefilter("ignore", ConvergenceWarning)
        return model.fit(rows, labels > 0.5, sample_weight=weights)
