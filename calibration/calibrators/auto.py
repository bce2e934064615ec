"""The calibrator chosen by cross-validation, the simpler one where it is as good."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from calibration.calibrators.base import Calibrator, Input
from calibration.inputs import Codes, Floats, group_codes
from calibration.measures.bootstrap import standard_error
from calibration.measures.scores import row_log_loss
from calibration.registry import create_calibrator
from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.logits import to_probability

#: What *auto* tries, from the simplest to the most flexible.
DEFAULT_CANDIDATES = (
    "identity",
    "temperature",
    "affine",
    "beta",
    "quadratic",
    "spline",
    "venn_abers",
)


class AutoCalibrator(Calibrator):
    """Tries several calibrators on group folds and keeps the simplest that is as good as any.

    Each candidate is learned on all folds but one and judged by the log loss of that one. Of the
    candidates whose mean is within one standard error of the best (of the paired difference, over
    groups; Breiman et al. 1984), the first in the order given is learned again on all rows.
    Leaving the logits as they are is a candidate: a calibrator costs more than it gains where
    there is little to learn from. The reported losses judge the candidates, not the choice among
    them; for that, cross-validate this estimator itself, as stacking does.

    Args:
        input: whether X holds logits or probabilities.
        candidates: names of CALIBRATORS, the simplest first.
        n_splits: folds; fewer where a label has fewer groups.
        seed: of the folds, where groups are given.
        one_se: False takes the lowest mean outright.

    Attributes:
        name_: the chosen calibrator's name.
        calibrator_: it, learned on all rows.
        scores_: by candidate {"log_loss", "difference", "standard_error"}: the cross-validated
            log loss, its difference to the best and that difference's standard error (nats).
            Empty where nothing could be cross-validated.
        notes_: a sentence on what was chosen and why.
    """

    # fit takes groups wherever metadata routing brings them, without being asked to.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        input: Input = "logit",
        candidates: Sequence[str] = DEFAULT_CANDIDATES,
        n_splits: int = 5,
        seed: int = 0,
        one_se: bool = True,
    ) -> None:
        super().__init__(input)
        self.candidates = candidates
        self.n_splits = n_splits
        self.seed = seed
        self.one_se = one_se

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Choose and learn the map.

        Args:
            X, y, sample_weight: as for every calibrator.
            groups: kept whole in the folds, (n,). Without them, rows with the same score are
                kept together and the folds take turns along the sorted scores.
        """
        z, t, w, counted = self._check_fit(X, y, sample_weight)
        if isinstance(self.candidates, str) or len(self.candidates) == 0:
            raise InputError(f"candidates are {self.candidates!r}; give a list of names.")
        codes = None if groups is None else group_codes(groups, len(counted))[counted]
        folds, units = _folds(z, t, codes, self.n_splits, self.seed)
        self.scores_: dict[str, dict[str, float]] = {}
        if len(self.candidates) == 1:
            self.name_ = self.candidates[0]
            self.notes_ = [f"Calibration: {self.name_}, the only candidate."]
        elif folds is None:
            known = "identity" in self.candidates
            self.name_ = "identity" if known else self.candidates[0]
            self.notes_ = [
                f"Calibration: {self.name_}, because fewer than two groups of a label leave "
                "nothing to cross-validate on."
            ]
        else:
            losses = {name: _held_out(name, z, t, w, folds) for name in self.candidates}
            self._choose(losses, w, units)
        self.calibrator_ = create_calibrator(self.name_).fit_logits(z, t, w)
        return self

    def fit_logits(
        self,
        z: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Choose and learn the map from logits (n,), whatever `input` says."""
        return self.fit(self._as_input(z), y, sample_weight, groups)

    def _choose(self, losses: dict[str, Floats], w: Floats, units: Codes) -> None:
        means = {name: float(np.average(loss, weights=w)) for name, loss in losses.items()}
        best = min(means, key=lambda name: means[name])
        for name, loss in losses.items():
            difference = loss - losses[best]
            self.scores_[name] = {
                "log_loss": means[name],
                "difference": float(np.average(difference, weights=w)),
                "standard_error": standard_error(difference, units, weights=w),
            }
        near = [
            name
            for name, score in self.scores_.items()
            if score["difference"] <= score["standard_error"] or name == best
        ]
        self.name_ = near[0] if self.one_se else best
        self.notes_ = [_told(self.name_, best, means)]

    def _map(self, z: Floats) -> Floats:
        return self.calibrator_.map_logits(z)


def _told(chosen: str, best: str, means: dict[str, float]) -> str:
    loss = means[chosen]
    if chosen == "identity":
        gain = "nothing helped" if best == "identity" else "nothing helped by a standard error"
        return (
            f"Calibration: identity, because {gain} (log loss {loss:.4f}, best {means[best]:.4f})."
        )
    before = f", {means['identity']:.4f} without" if "identity" in means else ""
    why = "" if chosen == best else f"; {best} is within a standard error at {means[best]:.4f}"
    return f"Calibration: {chosen} (cross-validated log loss {loss:.4f}{before}{why})."


def _folds(
    z: Floats, t: Floats, codes: Codes | None, n_splits: int, seed: int
) -> tuple[Codes | None, Codes]:
    """The fold of each row, None if no two can be made, and the unit of each row."""
    if n_splits < 2:
        raise InputError(f"n_splits is {n_splits}; give at least 2.")
    if codes is None:
        # A row given twice must count as its weight would: equal scores are one unit, and the
        # folds take turns along them, so that no fold depends on how often a row is there.
        units = np.unique(z, return_inverse=True)[1]
        per_label = [len(np.unique(units[t == label])) for label in (0, 1)]
        splits = min(n_splits, *per_label)
        folds: Codes = units % max(splits, 1)
    else:
        units = codes
        per_label = [len(np.unique(units[t == label])) for label in (0, 1)]
        splits = min(n_splits, *per_label)
        if splits >= 2:
            folds = assign_folds(t, units, splits, seed).astype(np.intp)
    if splits < 2:
        return None, units
    for fold in range(splits):
        rest = t[folds != fold]
        if rest.size == 0 or rest.min() == rest.max():
            return None, units
    return folds, units


def _held_out(name: str, z: Floats, t: Floats, w: Floats, folds: Codes) -> Floats:
    """Log loss of each row under the candidate learned on the other folds, (n,)."""
    loss = np.empty(len(z))
    for fold in np.unique(folds):
        out = folds == fold
        fitted = create_calibrator(name).fit_logits(z[~out], t[~out], w[~out])
        loss[out] = row_log_loss(t[out], to_probability(fitted.map_logits(z[out])))
    return loss


def describe_choice(fitted: BaseEstimator) -> list[dict[str, Any]]:
    """The candidates of a fitted AutoCalibrator as rows for a table, in the order tried.

    Columns: `calibrator`, `log_loss`, `difference` (to the best), `standard_error`, `chosen`.
    """
    return [
        {"calibrator": name, **score, "chosen": name == fitted.name_}
        for name, score in fitted.scores_.items()
    ]
