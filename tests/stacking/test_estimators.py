"""Every public estimator of the room passes scikit-learn's checks as it comes."""

import inspect

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import check_estimator

import stacking
from stacking import META_LEARNERS, MetaLearner, XGBoostLearner

#: Found by what they are, not by a list: a new one cannot be forgotten.
KINDS = {entry.load() for entry in META_LEARNERS.values()} | {
    found
    for name in stacking.__all__
    if inspect.isclass(found := getattr(stacking, name))
    and issubclass(found, BaseEstimator)
    and found is not MetaLearner
}


@pytest.mark.parametrize("kind", sorted(KINDS, key=lambda kind: kind.__name__))
def test_no_check_fails(kind: type[BaseEstimator], monkeypatch: pytest.MonkeyPatch) -> None:
    # Trees by the hundred take most of the time and change nothing that is checked.
    monkeypatch.setattr(XGBoostLearner, "ROUNDS", (5, 20))
    results = check_estimator(kind(), on_fail=None, on_skip=None)
    assert len(results) > 50
    assert [result["check_name"] for result in results if result["status"] == "failed"] == []
