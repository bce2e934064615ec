"""Labels that were turned round on purpose: in the terminal, label_doubts.csv, report and JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fakeodds.report.contents import Contents
from fakeodds.report.sections import mistakes
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.label_doubts import LABELS_DOUBTED, as_records, doubts_in_dataset
from predictions.errors import InputError

Cli = Callable[..., Any]

_TURNED = range(0, 400, 20)


def _scores(rows: int = 400) -> pd.DataFrame:
    """Two detectors that hardly err, four videos a group."""
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, rows)
    logits = {name: 3 * (2 * label - 1) + rng.normal(0, 1.2, rows) for name in ("one", "other")}
    about = {
        "video": [f"set/v{i:03d}.mp4" for i in range(rows)],
        "label": label,
        "group": [f"g{i // 4}" for i in range(rows)],
    }
    return pd.DataFrame({**about, **{name: 1 / (1 + np.exp(-z)) for name, z in logits.items()}})


def _stacked(cli: Cli, folder: Path, table: pd.DataFrame) -> tuple[Path, str]:
    table.to_csv(folder / "scores.csv", index=False)
    out = folder / "run"
    fast = ("--meta", "logistic", "--take", "all", "--folds", "3", "--jobs", "1")
    return out, cli("stack", folder / "scores.csv", "--out", out, *fast).output


def test_planted_errors_are_named(tmp_path: Path, cli: Cli) -> None:
    table = _scores()
    table.loc[list(_TURNED), "label"] = 1 - table["label"]
    run, said = _stacked(cli, tmp_path, table)
    doubts = pd.read_csv(run / "label_doubts.csv")
    planted = {f"set/v{i:03d}.mp4" for i in _TURNED}
    assert len(planted & {*doubts["video"].head(20)}) >= 15
    assert doubts["wrong"].is_monotonic_decreasing
    metrics = json.loads((run / "metrics.json").read_text())
    alert = next(one for one in metrics["alerts"] if one["code"] == LABELS_DOUBTED.code)
    likely = doubts[doubts["likely"]]
    assert alert["facts"]["n"] == metrics["label_doubts"]["likely"] == len(likely)
    assert likely["video"].isin(planted).mean() >= likely["wrong"].mean() - 0.1
    assert "look wrong, and about" in " ".join(said.split())
    assert doubts["video"][0] in said
    _check_report(run, doubts)
    _check_dataset(run, doubts, tmp_path)


def _check_report(run: Path, doubts: pd.DataFrame) -> None:
    section = mistakes.build(Contents(RunFolder.existing(run, reads=True)))
    assert section is not None
    title = "Labels that are doubted most"
    (table,) = (part for part in section.parts if getattr(part, "title", "") == title)
    assert [row[0] for row in table.rows] == doubts["video"].head(10).tolist()
    assert "rather wrong than right" in section.lead


def _check_dataset(run: Path, doubts: pd.DataFrame, empty: Path) -> None:
    names = [f"v{i:03d}.mp4" for i in range(100)]  # a part of them, in another folder
    found = doubts_in_dataset(names, run)
    own = [video.removeprefix("set/") for video in doubts["video"]]
    assert found.index.tolist() == [video for video in own if video in names]
    first = as_records(found)[0]
    assert first["video"] == found.index[0]
    assert first["label"] in ("fake", "real")
    json.dumps(as_records(found))
    with pytest.raises(InputError, match="judged none of the videos"):
        doubts_in_dataset(["elsewhere.mp4"], run)
    with pytest.raises(InputError, match="holds no run"):
        doubts_in_dataset(names, empty / "nothing")


def test_who_shows_nothing_contradicts_no_label(tmp_path: Path, cli: Cli) -> None:
    table = _scores(200)
    noise = np.random.default_rng(1).random((200, 2))
    table[["one", "other"]] = noise
    run, said = _stacked(cli, tmp_path, table)
    assert "look wrong" not in said
    assert pd.read_csv(run / "label_doubts.csv").empty
    assert doubts_in_dataset(table["video"], run).empty


def test_clean_labels_raise_no_alarm(tmp_path: Path, cli: Cli) -> None:
    run, said = _stacked(cli, tmp_path, _scores())
    assert "look wrong" not in said
    doubts = pd.read_csv(run / "label_doubts.csv")
    assert not doubts["likely"].any()
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["label_doubts"]["right"] == 0
