"""Frame rules: compared out of fold, chosen inside, carried by the stack."""

import numpy as np
import pandas as pd
import pytest

from predictions import RULES, InputError, aggregate, assign_folds, by_rule, rule_table, rules_of
from stacking import Procedure, Stack, compare_rules, compare_subsets, nested_predictions
from stacking.choose.frame_rule import CHOSEN, choose_rule


def made(n=160, tracks=1, seed=0):
    """Fakes show in a few frames only, by a high logit: `max` tells them, the mean hardly does."""
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2
    parts = []
    for model in ("a", "b"):
        for track in range(tracks):
            logits = random.normal(0, 1, (n, 20))
            shown = (random.random((n, 20)) < 0.1) & (y[:, None] == 1) & (track == 0)
            logits[shown] += 5
            parts.append(
                pd.DataFrame(
                    {
                        "video": np.repeat([f"v{i:03d}" for i in range(n)], 20),
                        "frame": np.tile(np.arange(20), n),
                        "face": track,
                        "model": model,
                        "logit": logits.ravel(),
                    }
                )
            )
    X = rule_table(pd.concat(parts))
    groups = np.arange(n) // 4
    return pd.concat(parts), X, y, groups


@pytest.mark.parametrize("tracks", [1, 2])
def test_a_rule_table_holds_every_rule(tracks):
    frames, X, *_ = made(tracks=tracks)
    rules = rules_of(X.columns)
    assert len(rules) == len(RULES) * (1 if tracks == 1 else 4)
    for rule, over in rules:
        table = by_rule(X, rule, over)
        pd.testing.assert_frame_equal(table[["a", "b"]], aggregate(frames, rule, over))
        assert "a:spread" in table
        assert not [name for name in table if "/" in name]
    # A test table with a single track has no `longest`, which says the same there.
    single = by_rule(made()[1], "median", "longest")
    pd.testing.assert_frame_equal(single, by_rule(made()[1], "median", "max"))
    with pytest.raises(InputError, match="no frame rule"):
        by_rule(X, "medium")


def test_the_rule_that_tells_is_chosen():
    _, X, y, groups = made()
    folds = assign_folds(y, groups, 5, 0)
    found = compare_rules(X, y, groups, folds, n_boot=100)
    assert found.rule in ("max", "top_mean", "distance_weighted", "confident")
    table = found.table.set_index(["rule", "over_tracks"])
    chosen = table.loc[(found.rule, found.over_tracks)]
    assert chosen["log_loss"] == table["log_loss"].min()
    assert chosen["difference"] < -chosen["standard_error"]
    assert (table["low"] < table["log_loss"]).all()
    assert table["chosen"].sum() == 1


def test_the_default_stays_without_evidence():
    _, X, _, groups = made()
    y = np.random.default_rng(3).integers(0, 2, len(X))
    found = compare_rules(X, y, groups, assign_folds(y, groups, 5, 0), n_boot=20)
    assert (-found.table["difference"] < found.table["standard_error"])[1:].all()
    assert (found.rule, found.over_tracks) == ("mean_logit", "max")
    assert "mean_logit" in str(found.note)
    assert found.note.facts["rule"] == "mean_logit"
    with pytest.raises(InputError, match="one fold"):
        compare_rules(X, y, groups, np.zeros(len(X)))


def test_what_is_shipped_is_a_plain_stack_on_the_chosen_scores():
    _, X, y, groups = made()
    procedure = Procedure(Stack("logistic", calibration="none"))
    fitted = procedure.fit(X, y, groups)
    assert type(fitted.stack) is Stack
    assert fitted.frame_rule == choose_rule(X, y.astype(float), groups).names
    taken = by_rule(X, *fitted.frame_rule)
    plain = Stack("logistic", calibration="none").fit(taken, y, groups=groups)
    pd.testing.assert_frame_equal(fitted.predict_stages(X), plain.predict_stages(taken))
    # The distribution of the frames reaches the meta-learner.
    assert "a:q90" in fitted.stack.feature_names_in_
    assert CHOSEN.among(fitted.notes)[0].facts["rule"] == fitted.frame_rule[0]
    assert fitted.notes[1:] == plain.notes_
    assert not hasattr(procedure.stack, "learner_")  # what is judged again stays unfitted

    fixed = Procedure(Stack("logistic"), ("median", "max")).fit(X, y, groups)
    assert (fixed.frame_rule, fixed.rules) == (("median", "max"), None)
    with pytest.raises(InputError, match="no frame rule"):
        Procedure(frame_rule=("medium", "max")).fit(X, y, groups)


def test_without_rules_it_is_the_plain_stack():
    _, X, y, groups = made()
    X = X[["a", "b"]]
    for scores in (X, X.to_numpy()):
        plain = Stack("logistic").fit(scores, y, groups=groups)
        fitted = Procedure(Stack("logistic")).fit(scores, y, groups)
        assert (fitted.frame_rule, fitted.rules, fitted.robust) == (None, None, None)
        pd.testing.assert_frame_equal(fitted.predict_stages(scores), plain.predict_stages(scores))


def test_nested_and_compare_take_the_rule_of_the_training_part():
    _, X, y, groups = made()
    folds = assign_folds(y, groups, 4, 0)
    procedure = Procedure(Stack("mean_logit", calibration="none", clip="none"))
    judged = nested_predictions(procedure, X, y, groups, folds)
    held = folds == 2
    fitted = procedure.fit(X[~held], y[~held], groups[~held])
    pd.testing.assert_series_equal(
        judged.loc[held, "calibrated"], fitted.predict_stages(X[held])["calibrated"]
    )
    # Other labels in a fold change nothing in what is said of it.
    flipped = nested_predictions(procedure, X, np.where(held, 1 - y, y), groups, folds)
    pd.testing.assert_frame_equal(flipped[held], judged[held])
    plain = by_rule(X)
    found = compare_subsets(X, y, groups, folds, n_boot=50)
    without = compare_subsets(plain, y, groups, folds, n_boot=50)
    assert without.frame_rules is None
    assert found.frame_rules is not None
    assert found.table["log_loss"].min() < without.table["log_loss"].min() - 0.05
    assert found.to_dict()["frame_rules"]["rule"] == found.frame_rules.rule
