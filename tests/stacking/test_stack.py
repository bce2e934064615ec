"""The whole stack: honest, calibrated, deterministic, and clear about what it cannot use."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_score

from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.notes import note_from_json
from stacking import Stack, nested_predictions, report_metrics
from stacking.clipping import CLIPPED
from stacking.inner_folds import LEAST_TO_CALIBRATE_AGAIN
from stacking.learners.blend import BLENDED
from stacking.stack import FEW_ROWS, NOT_CALIBRATED


def table(n: int = 600, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 2, n)
    signal = y * 2 - 1
    X = pd.DataFrame(
        {
            "a": signal + 1.2 * random.standard_normal(n),
            "b": -signal + 2 * random.standard_normal(n),
            "c": random.standard_normal(n),
        },
        index=[f"v{i}" for i in range(n)],
    )
    return X, y, np.arange(n) // 3


def log_loss(y, p):
    return -np.log(np.where(y == 1, p, 1 - p)).mean()


def test_groups_are_a_routed_parameter():
    X, y, groups = table(90)
    with sklearn.config_context(enable_metadata_routing=True):
        losses = cross_val_score(
            Stack("mean"), X, y, cv=GroupKFold(3), params={"groups": groups}, scoring="neg_log_loss"
        )
    assert np.isfinite(losses).all()


def test_stages_and_base_columns():
    X, y, groups = table()
    folds = assign_folds(y, groups)
    oof = nested_predictions(Stack("logistic"), X, y, groups, folds, {"a": "logit"})
    assert list(oof.columns) == ["base/a", "base/b", "base/c", "mean", "stacked", "calibrated"]
    assert oof.index.equals(X.index)
    np.testing.assert_allclose(oof["base/a"], 1 / (1 + np.exp(-X["a"])))
    assert log_loss(y, oof["base/b"]) < np.log(2)  # raw, the other direction: Platt turns it
    np.testing.assert_allclose(oof["mean"], oof.filter(like="base/").mean(axis=1))
    assert log_loss(y, oof["calibrated"]) < log_loss(y, oof["base/b"])


def test_no_row_teaches_its_own_fold():
    """Labels of a fold turned round leave that fold's predictions as they were."""
    X, y, groups = table(300)
    folds = assign_folds(y, groups)
    before = nested_predictions(Stack("splines"), X, y, groups, folds)
    turned = np.where(folds == 2, 1 - y, y)
    after = nested_predictions(Stack("splines"), X, turned, groups, folds)
    pd.testing.assert_frame_equal(before[folds == 2], after[folds == 2])


def test_shuffled_labels_promise_nothing():
    X, y, groups = table(800)
    shuffled = np.random.default_rng(5).permutation(y)
    folds = assign_folds(shuffled, groups)
    oof = nested_predictions(Stack(), X, shuffled, groups, folds)
    assert log_loss(shuffled, oof["calibrated"]) >= 0.685  # .693 less its own noise
    assert oof["calibrated"].std() < 0.1


def test_rows_without_a_score_get_their_own_share():
    X, y, groups = table(600)
    X.iloc[:100] = np.nan
    y[:100] = (np.arange(100) < 90).astype(int)
    stack = Stack("logistic").fit(X, y, groups=groups)
    nothing = stack.predict_stages(X.iloc[:1])["calibrated"].item()
    assert 0.82 < nothing < 0.9
    assert stack.predict_stages(X.iloc[200:]).notna().all().all()


def test_statistics_columns_are_not_models():
    X, y, groups = table(300)
    X["a:spread"] = np.random.default_rng(0).random(300)
    X = X[["a:spread", "a", "b", "c"]]
    oof = nested_predictions(Stack("logistic"), X, y, groups, assign_folds(y, groups))
    assert "base/a:spread" not in oof
    with pytest.raises(InputError, match="no column holds"):
        Stack().fit(X[["a:spread"]], y)


@pytest.mark.parametrize("meta", ["auto", "greedy"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda X: X * 0.0,
        lambda X: X * np.nan,
        lambda X: X.assign(d=X["a"], e=X["a"]),
        lambda X: np.sign(X) * 104.0,
        lambda X: X.where(X > 0),
    ],
)
def test_strange_tables_get_an_answer(spoil, meta):
    X, y, groups = table(60)
    stages = Stack(meta).fit(spoil(X), y, groups=groups).predict_stages(spoil(X))
    assert stages.gt(0).all().all()
    assert stages.lt(1).all().all()


def test_notes_are_facts_and_their_sentences():
    X, y, groups = table(300)
    notes = Stack("mean").fit(X, y, groups=groups).notes_
    for note in notes:
        again = note_from_json(json.loads(json.dumps(note.to_json())))
        assert (again.code, again.facts, str(again)) == (note.code, note.facts, str(note))
    clip = CLIPPED.among(notes)[0]
    assert set(clip.facts) == {"low", "high", "saved"}
    few = Stack("logistic").fit(X.iloc[:60], y[:60], groups=groups[:60]).notes_
    assert NOT_CALIBRATED.among(few)[0].facts == {
        "groups": min(len(set(groups[:60][y[:60] == label])) for label in (0, 1)),
        "least": LEAST_TO_CALIBRATE_AGAIN,
    }
    blended = BLENDED.among(Stack().fit(X, y, groups=groups).notes_)[0]
    assert sum(blended.facts["weights"].values()) == pytest.approx(1)
    assert str(blended).startswith("Meta-learner: a blend of ")
    assert FEW_ROWS.among(Stack("mean").fit(X * np.nan, y, groups=groups).notes_)


def test_three_rows():
    X, _, _ = table(3)
    stages = Stack().fit(X, [0, 1, 1]).predict_stages(X)
    assert stages["calibrated"].between(0.01, 0.99).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": np.zeros(60)}, "one group"),
        ({"y": np.ones(60)}, "one class"),
        ({"y": np.where(np.arange(60) % 2, "FAKE", "REAL")}, "give 0 for REAL"),
    ],
)
def test_unusable_input_is_one_sentence(change, message):
    X, y, groups = table(60)
    given = {"y": y, "groups": groups, **change}
    with pytest.raises(InputError, match=message):
        Stack().fit(X, **given)


def test_settings_that_do_not_exist():
    X, y, groups = table(60)
    for stack in (Stack("nope"), Stack("logistic", "nope"), Stack("logistic", clip=(0.9, 0.1))):
        with pytest.raises(InputError):
            clone(stack).fit(X, y, groups=groups)


def test_nested_refuses_what_it_cannot_judge():
    X, y, groups = table(60)
    folds = np.arange(60) % 2
    with pytest.raises(InputError):
        nested_predictions(Stack(), X, y, groups, folds)  # splits groups
    with pytest.raises(InputError, match="one fold"):
        nested_predictions(Stack(), X, y, None, np.zeros(60))
    with pytest.raises(InputError, match="row 8: the label is 2"):
        nested_predictions(Stack(), X, np.where(np.arange(60) == 7, 2, y), None, folds)
    with pytest.raises(InputError, match="are all FAKE"):
        nested_predictions(Stack(), X, folds, None, folds)


def test_metrics_have_every_stage_with_its_interval():
    X, y, groups = table(300)
    oof = nested_predictions(Stack("mean"), X, y, groups, assign_folds(y, groups))
    report = report_metrics(oof, y, groups, n_boot=200)
    assert report["rows"] == 300
    assert report["groups"] == 100
    assert list(report["stages"]) == list(oof.columns)
    loss = report["stages"]["calibrated"]["log_loss"]
    assert loss["value"] == pytest.approx(log_loss(y, oof["calibrated"]))
    assert loss["low"] < loss["value"] < loss["high"]


def test_fixed_clip_and_no_calibration():
    X, y, groups = table(300)
    stack = Stack("logistic", calibration="none", clip=(0.2, 0.7)).fit(X, y, groups=groups)
    stages = stack.predict_stages(X)
    np.testing.assert_allclose(stages["calibrated"], stages["stacked"].clip(0.2, 0.7))


def test_missing_model_is_named():
    X, y, groups = table(60)
    stack = Stack("mean").fit(X, y, groups=groups)
    with pytest.raises(InputError, match="lack b"):
        stack.align(X[["a", "c"]])
    assert list(stack.align(X[["c", "b", "a"]]).columns) == ["a", "b", "c"]


def test_a_handful_of_groups_never_makes_auto_sure():
    """Ten rows are separated by chance; the answer stays within what ten rows can say."""
    worst = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = pd.DataFrame(rng.normal(0, 1, (10, 6)), columns=[f"m{i}" for i in range(6)])
        y = np.tile([0, 1], 5)
        p = Stack(seed=0).fit(X, y).predict_proba(X)[:, 1]
        worst.append(max(p.max(), 1 - p.min()))
        assert p.min() >= 0.5 / 11
        assert p.max() <= 10.5 / 11
    assert np.mean(worst) < 0.93


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_stack_that_has_predicted_answers_in_a_forked_process() -> None:
    code = """
import multiprocessing, numpy as np
from stacking import Stack
rng = np.random.default_rng(0)
y = rng.integers(0, 2, 120)
X = y[:, None] + rng.normal(size=(120, 2))
stack = Stack("xgboost", n_splits=2).fit(X, y)
def answer(_): return stack.predict_proba(X).tobytes()
here = answer(0)
with multiprocessing.get_context("fork").Pool(1) as pool:
    print(pool.apply_async(answer, (0,)).get(timeout=60) == here)
"""
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=free)
    assert done.stdout == "True\n", done.stderr
