"""The run folder knows what is finished."""

from pathlib import Path

import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder, hash_of
from predictions import InputError


def test_a_stage_runs_once_and_again_when_its_inputs_or_outputs_change(tmp_path: Path) -> None:
    piece = tmp_path / "run" / "piece.txt"

    def attempt(setting: int) -> bool:
        with RunFolder.open(tmp_path / "run").stage("make", {"setting": setting}, [piece]) as todo:
            if todo:
                piece.parent.mkdir(exist_ok=True)
                piece.write_text(str(setting))
        return todo

    assert attempt(1)
    assert not attempt(1)
    assert attempt(2)
    piece.unlink()
    assert attempt(2)


def test_a_stage_that_fails_is_not_finished(tmp_path: Path) -> None:
    run = RunFolder.open(tmp_path)
    with pytest.raises(InputError), run.stage("make", {}, []):
        raise InputError("no.")
    with run.stage("make", {}, []) as todo:
        assert todo


def test_the_hash_sees_values_names_and_order() -> None:
    table = pd.DataFrame({"video": ["a", "b"], "label": [0.0, None]})
    same = pd.DataFrame({"video": ["a", "b"], "label": [0.0, None]})
    assert hash_of({"t": table, "n": 1}) == hash_of({"n": 1, "t": same})
    for other in (table.iloc[::-1], table.rename(columns={"label": "y"}), table.fillna(1.0)):
        assert hash_of({"t": table}) != hash_of({"t": other})


def test_folders_that_are_no_runs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        RunFolder.open(tmp_path / "file")
    with pytest.raises(InputError, match=r"no run\.json"):
        RunFolder.existing(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match="not a run's record"):
        RunFolder.existing(tmp_path)
