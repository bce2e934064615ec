"""The code of docs/python.md runs, from top to bottom."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sklearn

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_the_page_runs_as_it_stands(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    make_scores: Callable[..., pd.DataFrame],
) -> None:
    monkeypatch.chdir(tmp_path)
    known = make_scores(200, seed=1).rename(columns={"group": "actor"})
    known.to_csv("scores.csv", index=False)
    make_scores(20, seed=2).drop(columns=["label", "group"]).to_csv("new.csv", index=False)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    with sklearn.config_context():  # what the page sets is undone
        for block in blocks:
            exec(block, names)
    assert len(names["p"]) == 20
    assert names["search"].best_params_ in list(
        names["sklearn"].model_selection.ParameterGrid(names["grid"])
    )
    assert capsys.readouterr().out.count("expect 0.") == 2


def test_routing_brings_the_groups_to_the_stack_within_a_search(
    make_scores: Callable[..., pd.DataFrame],
) -> None:
    from sklearn.model_selection import GridSearchCV

    from fakeodds import GroupFolds, Stack

    table = make_scores(100, seed=1)
    seen = []

    class Watched(Stack):
        def fit(self, X: Any, y: Any, groups: Any = None) -> Any:
            seen.append(None if groups is None else len(set(groups)))
            return super().fit(X, y, groups)

    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(Watched(meta="mean"), {"calibration": ["none"]}, cv=GroupFolds(4))
        search.fit(table[["strong", "bold"]], table["label"], groups=table["group"])
    assert seen == [15, 15, 15, 15, 20]
