"""Every calibrator is a scikit-learn estimator."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from calibration import CALIBRATORS, AutoCalibrator, Calibrator

KINDS = [*(entry.load() for entry in CALIBRATORS.values()), AutoCalibrator]


@pytest.mark.parametrize("kind", KINDS)
def test_no_check_fails(kind: type[Calibrator]) -> None:
    results = check_estimator(kind(), on_fail=None, on_skip=None)
    assert len(results) > 50
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []
