"""Stages judged on parts of the rows: the parts add up, and rank against the right REAL rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, roc_auc_score

from stacking import report_slices


def made(seed: int, n: int = 120) -> tuple[pd.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    y[:4] = [0, 1, 0, 1]
    p = 1 / (1 + np.exp(-(2 * y - 1 + rng.normal(0, 1.5, n))))
    method = np.where(y == 0, "original", rng.choice(["a", "b", "c"], n))
    oof = pd.DataFrame({"mean": p, "calibrated": 0.5 + 0.8 * (p - 0.5)})
    return oof, y, rng.integers(0, 20, n), method


@given(st.integers(0, 10_000))
def test_log_losses_weighted_by_rows_add_up_to_the_whole(seed: int) -> None:
    oof, y, groups, method = made(seed)
    found = report_slices(oof, y, groups, method, n_boot=20)
    assert sum(part["rows"] for part in found.values()) == len(y)
    for stage in oof:
        whole = sum(p["rows"] * p["stages"][stage]["log_loss"]["value"] for p in found.values())
        assert whole / len(y) == pytest.approx(log_loss(y, oof[stage]))


def test_a_method_ranks_against_all_reals_and_reals_have_no_auc() -> None:
    oof, y, groups, method = made(3)
    found = report_slices(oof, y, groups, method, n_boot=50)
    assert list(found) == ["original", "a", "b", "c"]
    assert found["original"]["fakes"] == 0
    assert found["original"]["stages"]["mean"]["auc"] is None
    for name in "abc":
        rows = (method == name) | (y == 0)
        area = found[name]["stages"]["mean"]["auc"]
        assert area["value"] == pytest.approx(roc_auc_score(y[rows], oof["mean"][rows]))
        assert area["low"] <= area["value"] <= area["high"]


def test_a_data_set_with_both_classes_ranks_within_itself() -> None:
    oof, y, groups, _ = made(4)
    names = np.where(np.arange(len(y)) % 3 == 0, "one", "two").astype(object)
    names[-5:] = None  # rows of no slice
    found = report_slices(oof, y, groups, names, n_boot=50)
    for name in ("one", "two"):
        rows = names == name
        assert found[name]["rows"] == rows.sum()
        area = found[name]["stages"]["calibrated"]["auc"]["value"]
        assert area == pytest.approx(roc_auc_score(y[rows], oof["calibrated"][rows]))
