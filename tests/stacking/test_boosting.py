"""Boosted trees: how many are kept, and that they are what a training of their own would give."""

import numpy as np
import pytest
import xgboost

from calibration import log_loss_of_logits
from stacking.inner_folds import inner_folds
from stacking.learners.boosting import XGBoostLearner, matrix_of


def table(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n).astype(float)
    X = (2 * y - 1)[:, None] * [0.4, 0.2] + random.standard_normal((n, 2))
    return X, y, np.arange(n) // 2


def test_out_of_fold_logits_are_those_of_trees_without_the_fold():
    X, y, groups = table()
    folds = inner_folds(y, groups, 3, 0)
    learner = XGBoostLearner()
    logit = learner.fit_out_of_fold(X, y, groups, folds)
    for fold in range(3):
        held = folds == fold
        settings = learner._settings(X[~held], y[~held], learner.leaf_, learner.monotone_)
        alone = xgboost.train(settings, matrix_of(X[~held], y[~held]), learner.rounds_)
        wanted = alone.predict(matrix_of(X[held]), output_margin=True)
        np.testing.assert_allclose(logit[held], wanted, atol=1e-5)


def test_trees_stop_growing_where_they_help_no_more(monkeypatch):
    X, y, groups = table()
    folds = inner_folds(y, groups, 3, 0)
    parts = [folds == fold for fold in range(3)]
    learner = XGBoostLearner()
    grown = list(learner._grown(X, y, parts, 10.0, False))
    losses = [log_loss_of_logits(y, logit).mean() for _, logit, _ in grown]
    best = int(np.argmin(losses))
    assert len(grown) == best + 1 + XGBoostLearner.PATIENCE < len(XGBoostLearner.ROUNDS)
    monkeypatch.setattr(XGBoostLearner, "PATIENCE", 99)
    whole = list(learner._grown(X, y, parts, 10.0, False))
    assert [rounds for rounds, _, _ in whole] == list(XGBoostLearner.ROUNDS)
    for (_, one, _), (_, other, _) in zip(grown, whole, strict=False):
        np.testing.assert_array_equal(one, other)


def test_a_part_that_leaves_one_class_gets_its_smoothed_share():
    X, y, groups = table(60)
    folds = np.where(y == 1, 0, 1)  # what is left without a fold holds one class
    logit = XGBoostLearner().fit_out_of_fold(X, y, groups, folds)
    assert (logit[y == 1] < 0).all()
    assert (logit[y == 0] > 0).all()


@pytest.mark.parametrize(("rows", "monotone"), [(5000, True), (5001, False)])
def test_monotone_trees_are_tried_on_few_rows_only(rows, monotone, monkeypatch):
    tried = []
    monkeypatch.setattr(
        XGBoostLearner, "_grown", lambda self, X, y, parts, *choice: tried.append(choice) or []
    )
    monkeypatch.setattr(XGBoostLearner, "ROUNDS", (1,))
    X, y, groups = table(rows)
    XGBoostLearner().fit_out_of_fold(X, y, groups, groups % 2)
    assert any(is_monotone for _, is_monotone in tried) == monotone
