"""One detector's probabilities, calibrated: of its own rows out of fold, of new ones by all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.calibrators.auto import AutoCalibrator
from calibration.calibrators.base import Calibrator
from calibration.inputs import Codes, Floats, check_scored
from calibration.registry import create_calibrator
from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.groups import group_codes
from predictions.logits import to_logit, to_probability


@dataclass(frozen=True, eq=False)
class CalibratedScores:
    """What `calibrate` gives.

    Attributes:
        out_of_fold: probabilities of FAKE of the rows it learned from, (n,), each from a map that
            had not seen its group: what to measure by.
        calibrator: the map learned on all rows, which takes logits.
        fold: of each row, (n,).

    Examples:
        >>> from calibration import calibrate
        >>> y, too_sure = [1, 0, 1, 1, 0, 0, 1, 0, 1, 0] * 20, [0.99, 0.01] * 100
        >>> mended = calibrate(y, too_sure, groups=[i // 10 for i in range(200)])
        >>> mended.apply([0.01, 0.99]).round(1).tolist()
        [0.2, 0.8]
    """

    out_of_fold: Floats
    calibrator: Calibrator
    fold: Codes

    def apply(self, p: ArrayLike) -> Floats:
        """Calibrated probabilities of FAKE of new rows, from their probabilities (m,)."""
        logit = to_logit(np.asarray(p, dtype=np.float64))
        return to_probability(self.calibrator.map_logits(logit))


def calibrate(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    method: str = "auto",
    n_splits: int = 5,
    seed: int = 0,
) -> CalibratedScores:
    """Calibrate one detector's probabilities, and judge that by rows the map has not seen.

    Args:
        y: labels, (n,), 1 = FAKE.
        p: its probabilities of FAKE, (n,).
        groups: kept whole in the folds, (n,); without them rows of equal p are kept together.
        method: a name in CALIBRATORS, or "auto": the simplest that is as good as any, chosen
            within each fold anew.
        n_splits: folds; fewer where a label has fewer groups.
        seed: of the folds.

    Returns:
        The rows' probabilities out of fold, and the map learned on all of them.

    Raises:
        InputError: as the measures; scores that are no probabilities, one label only, a label
            with one group, no such method.

    Examples:
        >>> from calibration import calibrate, log_loss
        >>> y, too_sure = [1, 0, 1, 1, 0, 0, 1, 0, 1, 0] * 20, [0.99, 0.01] * 100
        >>> mended = calibrate(y, too_sure, groups=[i // 10 for i in range(200)])
        >>> round(log_loss(y, too_sure), 2), round(log_loss(y, mended.out_of_fold), 2)
        (0.93, 0.5)
    """
    outside = np.asarray(p, dtype=np.float64)
    if ((outside < 0) | (outside > 1)).any():
        raise InputError(
            "some scores lie outside [0, 1], and calibrate takes probabilities",
            remedy="of logits give to_probability(logits); raw scores of any scale and direction "
            "are calibrated by Stack().fit(scores, y, groups=groups), also a single column",
        )
    labels, probability, _ = check_scored(y, p)
    rows = len(labels)
    owner = probability if groups is None else group_codes(groups, rows, sort=True)
    codes = np.unique(owner, return_inverse=True)[1].astype(np.intp)
    splits = min(n_splits, *(len(np.unique(codes[labels == label])) for label in (0, 1)))
    if splits < 2:
        raise InputError(
            "a label has fewer than 2 groups, so nothing is left to learn from when it is judged",
            remedy="give rows of both REAL and FAKE in at least 2 groups each",
        )
    fold = assign_folds(labels, codes, splits, seed).astype(np.intp)
    logit = to_logit(probability)
    out_of_fold = np.empty(rows)
    for held in range(splits):
        out = fold == held
        fitted = _fitted(method, logit[~out], labels[~out], codes[~out], seed)
        out_of_fold[out] = to_probability(fitted.map_logits(logit[out]))
    return CalibratedScores(out_of_fold, _fitted(method, logit, labels, codes, seed), fold)


def _fitted(method: str, z: Floats, y: Floats, groups: Codes, seed: int) -> Calibrator:
    if method == "auto":
        return AutoCalibrator(seed=seed).fit_logits(z, y, groups=groups)
    return create_calibrator(method).fit_logits(z, y)
