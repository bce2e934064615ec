"""Input nobody should trust, through the stack and its honest estimate."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from predictions.errors import InputError
from predictions.folds import assign_folds
from stacking import Stack, create_meta_learner, nested_predictions

N = 120
RNG = np.random.default_rng(0)
Y = RNG.integers(0, 2, N)
Z = 2.0 * (2 * Y - 1 + RNG.normal(0, 1.5, N))
OTHER = 3.0 * (2 * Y - 1 + RNG.normal(0, 2, N))
GROUPS = np.arange(N) // 3

#: Scores of the first detector, labels; the second is always a good one.
ANSWERED: dict[str, tuple[Any, Any]] = {
    "constant": (np.full(N, 0.7), Y),
    "missing throughout": (np.full(N, np.nan), Y),
    "saturated": (np.sign(Z) * 104.0, Y),
    "perfect": ((2 * Y - 1) * 104.0, Y),
    "perfectly wrong": ((1 - 2 * Y) * 104.0, Y),
    "duplicated": (OTHER, Y),
    "numbers as text": (Z.astype(str), Y),
    "labels as text": (Z, Y.astype(str)),
    "labels true and false": (Z, Y == 1),
    "labels as objects": (Z, Y.astype(object)),
    "enormous": (np.where(Z > 0, 9e99, -9e99), Y),
}


def table(scores: Any) -> pd.DataFrame:
    return pd.DataFrame({"first": scores, "second": OTHER[: len(scores)]})


def at(values: np.ndarray, row: int, value: float) -> np.ndarray:
    return np.where(np.arange(len(values)) == row, value, values)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", ANSWERED)
def test_a_right_answer(case: str) -> None:
    scores, y = ANSWERED[case]
    X = table(scores)
    p = Stack("logistic").fit(X, y, groups=GROUPS).predict_proba(X)[:, 1]
    stages = nested_predictions(Stack("logistic"), X, y, GROUPS, assign_folds(Y, GROUPS))
    for answer in (p, stages["calibrated"].to_numpy()):
        assert ((answer > 0) & (answer < 1)).all()
        # The second detector alone gives .62.
        assert -np.log(np.where(Y == 1, answer, 1 - answer)).mean() < 0.65


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("scores", "y", "groups", "said"),
    [
        (Z, np.ones(N), GROUPS, "one class|all FAKE"),
        (at(Z, 5, np.inf), Y, GROUPS, "row 6, column 'first': the score is infinity"),
        (at(Z, 7, -np.inf), Y, GROUPS, "row 8, column 'first': the score is -infinity"),
        (
            at(Z, 5, 1e160),
            Y,
            GROUPS,
            r"row 6, column 'first': 1e\+160 is no score.*at most 1e\+100",
        ),
        (np.full(N, "high"), Y, GROUPS, "could not convert string to float"),
        (Z, Y, np.zeros(N), "one group"),
        (Z, np.where(Y == 1, "FAKE", "REAL"), GROUPS, "1 for FAKE|1 = FAKE"),
        (Z, at(Y, 3, np.nan), GROUPS, "NaN|nan"),
        (Z, at(Y, 3, 2), GROUPS, "binary|the label is 2"),
        (Z, Y, at(GROUPS, 3, np.nan), "row 4: there is no group"),
        (Z, Y, GROUPS[:-1], "119"),
        (Z, Y[:-1], GROUPS, "119"),
    ],
)
def test_one_clear_sentence(scores: Any, y: Any, groups: Any, said: str) -> None:
    X = table(scores)
    with pytest.raises(ValueError, match=said):
        Stack("logistic").fit(X, y, groups=groups)
    with pytest.raises(ValueError, match=said):
        nested_predictions(Stack("logistic"), X, y, groups, assign_folds(y, groups))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", ["logistic", "xgboost"])
def test_meta_learners_alone_take_and_refuse_the_same(name: str) -> None:
    X = table(np.where(Z > 0, 9e99, -9e99))
    learner = create_meta_learner(name).fit(X, Y.astype(object), groups=GROUPS)
    assert learner.classes_.tolist() == [0, 1]
    assert np.isfinite(learner.decision_function(X)).all()
    for y, value, said in ((Y, np.inf, "row 6, column 'first'"), (Y, 1e160, "at most")):
        with pytest.raises(InputError, match=said):
            create_meta_learner(name).fit(table(at(Z, 5, value)), y)
        with pytest.raises(InputError, match=said):
            learner.predict_proba(table(at(Z, 5, value)))
    with pytest.raises(InputError, match="0 for REAL"):
        create_meta_learner(name).fit(X, np.where(Y == 1, "FAKE", "REAL"))


def test_arrays_name_the_column_by_its_number() -> None:
    stack = Stack("logistic").fit(table(Z).to_numpy(), Y, groups=GROUPS)
    with pytest.raises(InputError, match="row 4, column '1': 1e"):
        stack.predict_proba(np.array([[0.0, 0.0]] * 3 + [[0.0, 1e101]]))


def test_one_class_of_another_name() -> None:
    with pytest.raises(InputError, match=r"one class \(7\)"):
        Stack("logistic").fit(table(Z), np.full(N, 7))


def test_one_class_outside_a_fold() -> None:
    folds = np.arange(N) // 3 % 5
    y = (folds == 2).astype(int)
    with pytest.raises(InputError, match="outside fold 2 are all REAL"):
        nested_predictions(Stack("logistic"), table(Z), y, GROUPS, folds)


def test_one_class_inside_a_fold() -> None:
    folds = np.arange(N) // 3 % 5
    y = np.where(folds == 2, 1, Y)
    stages = nested_predictions(Stack("logistic"), table(Z), y, GROUPS, folds)
    assert stages.notna().all(axis=None)
