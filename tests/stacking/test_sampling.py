"""Of very many rows some teach; all are answered for."""

import numpy as np
import pandas as pd
import pytest

from stacking import Procedure, Stack, sampling
from stacking.learners import base


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """600 rows of 100 groups, of which 400 teach."""
    monkeypatch.setattr(sampling, "MOST_ROWS", 400)
    random = np.random.default_rng(0)
    y = random.integers(0, 2, 600)
    X = pd.DataFrame({"a": 2.0 * y + random.normal(size=600), "b": y + random.normal(size=600)})
    return X, y, np.arange(600) // 6


def test_so_many_are_drawn_over_all_groups(table):
    rows, _ = sampling.rows_that_teach(600, seed=0)
    assert len(np.unique(rows)) == 400
    assert (np.diff(rows) > 0).all()
    assert len(np.unique(rows // 6)) == 100
    np.testing.assert_array_equal(sampling.rows_that_teach(400, seed=0)[0], np.arange(400))


@pytest.mark.parametrize("wrap", [Stack, lambda meta: Procedure(Stack(meta))])
def test_it_is_said_and_the_order_of_rows_changes_nothing(wrap, table):
    X, y, groups = table
    back = np.arange(600)[::-1]
    one = wrap("logistic").fit(X, y, groups)
    other = wrap("logistic").fit(X.iloc[back], y[back], groups[back])
    pd.testing.assert_frame_equal(one.predict_stages(X), other.predict_stages(X))
    notes = one.notes if isinstance(wrap("mean"), Procedure) else one.notes_
    said = [note for note in notes if note.code == "stacking.sampled"]
    assert [note.facts for note in said] == [{"taught": 400, "rows": 600}]


def test_what_was_not_drawn_teaches_nothing(table):
    X, y, groups = table
    stack = Stack("logistic").fit(X, y, groups)
    taught = Stack("logistic")
    # In the order of fit, the rows that are drawn.
    from predictions.order import row_order

    rows = row_order(X.to_numpy(), y, groups)[sampling.rows_that_teach(600, seed=0)[0]]
    taught.fit(X.iloc[rows], y[rows], groups[rows])
    pd.testing.assert_frame_equal(stack.predict_stages(X), taught.predict_stages(X))


@pytest.mark.parametrize("meta", ["splines", "xgboost", "mean_logit"])
def test_blocks_of_rows_are_answered_as_all_at_once(meta, table, monkeypatch):
    X, y, groups = table
    stack = Stack(meta).fit(X, y, groups)
    whole = stack.predict_stages(X)
    monkeypatch.setattr(base, "_BLOCK", 77)
    np.testing.assert_allclose(stack.predict_stages(X), whole, rtol=1e-12)
