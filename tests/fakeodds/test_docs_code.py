"""The Python that the documentation shows runs, page by page, where its files are."""

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
#: The page for Python users has a test of its own, with what it speaks of.
PAGES = [
    *(ROOT / "README.md", ROOT / "CONTRIBUTING.md"),
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if page.name != "python.md"),
]


def blocks_of(page: Path) -> list[str]:
    """The Python of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^[ \t]*```(?:python|py)\n(.*?)^[ \t]*```", text, re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(block) for block in found]


WITH_CODE = [page for page in PAGES if blocks_of(page)]


@pytest.fixture
def where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_scores: Callable[..., pd.DataFrame]
) -> Path:
    """A working folder with what the pages speak of: scores.csv, videos/, the scores that ship."""
    scores = make_scores(100).rename(columns={"group": "actor"})
    scores.to_csv(tmp_path / "scores.csv", index=False)
    for label in ("real", "fake"):
        (tmp_path / "videos" / label).mkdir(parents=True)
        (tmp_path / "videos" / label / "a.mp4").write_bytes(b"a video")
    (tmp_path / "fakeodds").mkdir()
    (tmp_path / "fakeodds" / "demo_scores").symlink_to(ROOT / "fakeodds" / "demo_scores")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.name)
def test_what_a_page_shows_runs(page: Path, where: Path, cli: Callable[..., Any]) -> None:
    names: dict[str, Any] = {"__name__": "shown"}
    if any("runs/mine" in block for block in blocks_of(page)):
        cli("stack", "scores.csv", "--group", "actor", "--out", "runs/mine", "--meta", "mean")
    for number, block in enumerate(blocks_of(page)):
        exec(compile(block, f"{page.name}, block {number + 1}", "exec"), names)
        # What the tour's own command makes of these, with less choice.
        if (where / "known.csv").exists() and not (where / "runs").exists():
            files = ("known.csv", "--test", "new.csv", "--out", "runs/known")
            quick = ("--meta", "mean", "--take", "all", "--jobs", "1")
            cli("stack", *files, "--kind", "logit", "--domain", "none", *quick)


def test_the_reference_shows_code_of_every_room() -> None:
    shown = {page.stem for page in WITH_CODE if page.parent.name == "reference"}
    assert {"predictions", "calibration", "stacking", "base_models"} <= shown


def test_a_matrix_is_judged_as_a_table_is(scores: pd.DataFrame) -> None:
    from predictions import assign_folds
    from stacking import Stack, nested_predictions

    X = scores[["strong", "bold"]].set_axis(["x0", "x1"], axis=1)
    given = (scores["label"].to_numpy(), scores["group"].to_numpy())
    folds = assign_folds(*given, n_splits=3)
    stack = Stack(meta="logistic", calibration="none", n_jobs=1)
    table, matrix = (nested_predictions(stack, one, *given, folds) for one in (X, X.to_numpy()))
    assert list(matrix) == list(table)
    np.testing.assert_array_equal(matrix, table)
