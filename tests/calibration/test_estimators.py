"""Every calibrator is a scikit-learn estimator, with logits and with probabilities."""

from typing import Any

import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_estimator

from calibration import CALIBRATORS, AutoCalibrator, Calibrator, Clipper
from predictions.errors import InputError

KINDS = [*(entry.load() for entry in CALIBRATORS.values()), Clipper, AutoCalibrator]


def failures(estimator: BaseEstimator) -> list[dict[str, Any]]:
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    assert len(results) > 50
    return [result for result in results if result["status"] == "failed"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_check_fails(kind: type[Calibrator]) -> None:
    assert failures(kind()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_check_fails_once_scikit_learns_numbers_are_probabilities(
    kind: type[Calibrator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """scikit-learn checks with numbers of any size; squeezed into [0, 1], all checks pass."""
    values = Calibrator._values

    def squeezed(self: Calibrator, X: Any, *, reset: bool) -> Any:
        return expit(values(self, X, reset=reset))

    monkeypatch.setattr(Calibrator, "_values", squeezed)
    assert failures(kind(input="probability")) == []


@pytest.mark.parametrize("kind", KINDS)
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
