"""Every public calibrator is a scikit-learn estimator, with logits and with probabilities."""

import inspect
from typing import Any

import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_estimator

import calibration
from calibration import CALIBRATORS, Calibrator
from predictions.errors import InputError

#: Found by what they are, not by a list: a new one cannot be forgotten.
PUBLIC = [
    found
    for name in calibration.__all__
    if inspect.isclass(found := getattr(calibration, name))
    and issubclass(found, BaseEstimator)
    and found is not Calibrator
]


def failures(estimator: BaseEstimator) -> list[dict[str, Any]]:
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) > 50
    return [result for result in results if result["status"] == "failed"]


def test_all_of_the_registry_is_public() -> None:
    assert set(CALIBRATORS.values()) <= set(PUBLIC)
    assert len(PUBLIC) == len(CALIBRATORS) + 2  # Clipper and AutoCalibrator


@pytest.mark.parametrize("kind", PUBLIC)
def test_no_check_fails(kind: type[Calibrator]) -> None:
    assert failures(kind()) == []


@pytest.mark.parametrize("kind", PUBLIC)
def test_no_check_fails_once_scikit_learns_numbers_are_probabilities(
    kind: type[Calibrator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn checks with numbers of any size; squeezed into [0, 1], all checks pass."""
    values = Calibrator._values

    def squeezed(self: Calibrator, X: Any, *, reset: bool) -> Any:
        return expit(values(self, X, reset=reset))

    monkeypatch.setattr(Calibrator, "_values", squeezed)
    assert failures(kind(input="probability")) == []


@pytest.mark.parametrize("kind", PUBLIC)
def test_what_fails_with_probabilities_fails_for_refusing_what_is_none(
    kind: type[Calibrator],
) -> None:
    """Without the squeezing, each failed check goes back to the one sentence of refusal."""
    failed = failures(kind(input="probability"))
    assert failed
    for result in failed:
        error, refusals = result["exception"], []
        while error is not None:
            refusals.append(isinstance(error, InputError) and "no probability" in str(error))
            error = error.__cause__ or error.__context__
        assert any(refusals), result["check_name"]
