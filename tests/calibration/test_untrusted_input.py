"""Input nobody should trust, through every calibrator: a right answer, or one clear sentence."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from calibration import CALIBRATORS, AutoCalibrator, Calibrator, create_calibrator
from calibration.calibrators.auto import CHOSEN
from predictions.errors import InputError
from predictions.logits import LOGIT_LIMIT

ALL = [*(create_calibrator(name) for name in CALIBRATORS), AutoCalibrator()]

N = 120
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
Z = 2.0 * (2 * Y - 1 + RNG.normal(0, 1.5, N))
SIDE = 2.0 * Y - 1

#: Logits and labels that have a right answer.
ANSWERED: dict[str, tuple[Any, Any]] = {
    "constant": (np.full(N, 0.7), Y),
    "all 0": (np.zeros(N), Y),
    "saturated": (np.sign(Z) * LOGIT_LIMIT, Y),
    "perfect": (SIDE * LOGIT_LIMIT, Y),
    "perfectly wrong": (-SIDE * LOGIT_LIMIT, Y),
    "three rows": ([2.0, -1.0, 1.0], [1, 0, 1]),
    "two rows": ([-1.0, 1.0], [0, 1]),
    "large": (Z * 1e90, Y),
    "vanishing": (Z * 1e-300, Y),
    "the least number there is": (np.sign(Z) * 5e-324, Y),
    "numbers as text": (Z.astype(str), Y),
    "labels as text": (Z, Y.astype(str)),
    "labels as objects": (Z, Y.astype(object)),
    "labels true and false": (Z, Y == 1),
    "labels -1 and 1": (Z, 2 * Y - 1),
    "duplicated columns": (np.column_stack([Z, Z, Z]), Y),
}


def at(values: np.ndarray, row: int, value: float) -> np.ndarray:
    return np.where(np.arange(len(values)) == row, value, values)


#: Logits and labels that have none, and what the sentence says.
REFUSED: dict[str, tuple[Any, Any, str]] = {
    "one class": (Z, np.ones(N), "one class only"),
    "all missing": (np.full(N, np.nan), Y, "row 1: a score to calibrate is NaN"),
    "infinite": (at(Z, 5, np.inf), Y, "row 6: a score to calibrate is inf"),
    "enormous": (at(Z, 5, 1.7e308), Y, r"row 6: a score to calibrate is 1\.7e\+308"),
    "words": (np.full(N, "high"), Y, "could not convert string to float"),
    "labels FAKE and REAL": (Z, np.where(Y == 1, "FAKE", "REAL"), "1 for FAKE"),
    "a label missing": (Z, at(Y, 3, np.nan), "row 4: the label is NaN"),
    "three labels": (Z, at(Y, 3, 2), "Only binary"),
    "labels in between": (Z, at(Y, 3, 0.5), "Unknown label type|continuous"),
    "a label too few": (Z, Y[:-1], "119 labels"),
    "no rows": (Z[:0], Y[:0], "0 sample"),
}


def column(z: Any) -> np.ndarray:
    values = np.asarray(z)
    return values if values.ndim == 2 else values[:, None]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("calibrator", ALL, ids=lambda calibrator: type(calibrator).__name__)
def test_a_right_answer(calibrator: Calibrator, case: str) -> None:
    z, y = ANSWERED[case]
    p = clone(calibrator).fit(column(z), y).predict_proba(column(z))
    assert np.isfinite(p).all()
    np.testing.assert_allclose(p.sum(axis=1), 1)
    if case in ("large", "saturated") and type(calibrator).__name__ != "IdentityCalibrator":
        # A detector that is right 3 times in 4 must not be believed without end, nor be lost.
        fake = (np.asarray(y) == 1).astype(float)
        loss = -np.log(np.where(fake == 1, p[:, 1], p[:, 0])).mean()
        assert loss < 0.62


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("calibrator", ALL, ids=lambda calibrator: type(calibrator).__name__)
def test_one_clear_sentence(calibrator: Calibrator, case: str) -> None:
    z, y, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        clone(calibrator).fit(column(z), y)


@pytest.mark.parametrize("calibrator", ALL, ids=lambda calibrator: type(calibrator).__name__)
@pytest.mark.parametrize(("value", "said"), [(np.nan, "NaN"), (np.inf, "inf"), (1e200, "1e.200")])
def test_new_scores_are_checked_like_those_of_fit(
    calibrator: Calibrator, value: float, said: str
) -> None:
    fitted = clone(calibrator).fit(column(Z), Y)
    with pytest.raises(InputError, match=f"row 8: .* is {said}"):
        fitted.predict_proba(column(at(Z, 7, value)))


@pytest.mark.parametrize(
    ("groups", "said"),
    [(at(Y, 3, np.nan), "row 4: there is no group"), (Y[:-1], "expected 120 of them")],
)
def test_groups_that_are_none(groups: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        AutoCalibrator().fit(column(Z), Y, groups=groups)


def test_one_group_leaves_the_logits_alone_and_says_so() -> None:
    fitted = AutoCalibrator().fit(column(Z), Y, groups=np.zeros(N))
    assert fitted.name_ == "identity"
    assert CHOSEN.among(fitted.notes_)[0].facts["reason"] == "few groups"
    assert "fewer than two groups" in str(fitted.notes_[0])
