"""The calibrator chosen by cross-validation, the simpler one where it is as good."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from calibration.calibrators.base import Calibrator
from calibration.inputs import Codes, Floats
from calibration.measures.bootstrap import standard_error
from calibration.measures.scores import row_log_loss
from calibration.registry import DEFAULT_CANDIDATES, create_calibrator
from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.logits import to_probability
from predictions.notes import NoteKind


def _sentence(calibrator: str, reason: str, **judged: Any) -> str:
    if reason == "only candidate":
        why = ", the only candidate"
    elif reason == "few groups":
        why = ", because fewer than two groups of a label leave nothing to cross-validate on"
    elif calibrator == "identity":
        gain = "nothing helped" + " by a standard error" * (judged["best"] != "identity")
        losses = f"log loss {judged['log_loss']:.4f}, best {judged['best_log_loss']:.4f}"
        why = f" (every logit stays as it is), because {gain} ({losses})"
    else:
        why = f" (cross-validated log loss {judged['log_loss']:.4f}"
        if judged["before"] is not None:
            why += f", {judged['before']:.4f} without"
        if judged["best"] != calibrator:
            why += f"; {judged['best']} is within a standard error at {judged['best_log_loss']:.4f}"
        why += ")"
    return f"Calibration: {calibrator}{why}."


#: Which calibrator was taken: `calibrator`; the `reason`, "judged", "only candidate" or "few
#: groups"; where it was judged its cross-validated `log_loss`, the `best` with its `best_log_loss`,
#: and `before`, the loss of the logits as they are, None if they were no candidate.
CHOSEN = NoteKind("calibration.chosen", _sentence)


class AutoCalibrator(Calibrator):
    """Tries several calibrators on group folds and keeps the simplest that is as good as any.

    Each candidate is learned on all folds but one and judged by the log loss of that one. Of the
    candidates whose mean is within one standard error of the best (of the paired difference, over
    groups; Breiman et al. 1984), the first in the order given is learned again on all rows.
    Leaving the logits as they are is a candidate: a calibrator costs more than it gains where
    there is little to learn from. The reported losses judge the candidates, not the choice among
    them; for that, cross-validate this estimator itself, as stacking does.

    Args:
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
        notes_: what was chosen and why, one note of the kind CHOSEN.

    Examples:
        >>> from calibration import AutoCalibrator
        >>> z, y = [-6.0, 6.0] * 100, [0, 1, 0, 1, 1, 1, 0, 1, 0, 0] * 20
        >>> fitted = AutoCalibrator().fit_logits(z, y, groups=[i // 10 for i in range(200)])
        >>> fitted.name_
        'temperature'
        >>> print(fitted.notes_[0])
        Calibration: temperature (cross-validated log loss 0.5004, 1.2025 without).
    """

    # fit takes groups wherever metadata routing brings them, without being asked to.
    __metadata_request__fit = {"groups": True}  # noqa: RUF012

    def __init__(
        self,
        candidates: Sequence[str] = DEFAULT_CANDIDATES,
        n_splits: int = 5,
        seed: int = 0,
        one_se: bool = True,
    ) -> None:
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
        z, t, w, codes = self._check_fit(X, y, sample_weight, groups)
        if isinstance(self.candidates, str) or len(self.candidates) == 0:
            raise InputError(f"candidates are {self.candidates!r}", remedy="give a list of names")
        folds, units = _folds(z, t, codes, self.n_splits, self.seed)
        self.scores_: dict[str, dict[str, float]] = {}
        if len(self.candidates) == 1:
            self._take(self.candidates[0], "only candidate")
        elif folds is None:
            known = "identity" in self.candidates
            self._take("identity" if known else self.candidates[0], "few groups")
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
        """Choose and learn the map from logits (n,)."""
        return self.fit(np.asarray(z, dtype=np.float64)[:, None], y, sample_weight, groups)

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
        name = near[0] if self.one_se else best
        self._take(
            name,
            "judged",
            log_loss=means[name],
            best=best,
            best_log_loss=means[best],
            before=means.get("identity"),
        )

    def _take(self, name: str, reason: str, **judged: Any) -> None:
        self.name_ = name
        self.notes_ = [CHOSEN(calibrator=name, reason=reason, **judged)]

    def _map(self, z: Floats) -> Floats:
        return self.calibrator_.map_logits(z)


def _folds(
    z: Floats, t: Floats, codes: Codes | None, n_splits: int, seed: int
) -> tuple[Codes | None, Codes]:
    """The fold of each row, None if no two can be made, and the unit of each row."""
    if n_splits < 2:
        raise InputError(f"n_splits is {n_splits}", remedy="give at least 2")
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
