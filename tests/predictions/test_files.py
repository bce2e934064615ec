from pathlib import Path

import pandas as pd
import pytest

from predictions import InputError, replacing, write_json, write_table, write_text


def _stop_half_way(path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_text("ne", encoding="utf-8")
        raise KeyboardInterrupt


def test_a_killed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text("old", path)
    with pytest.raises(KeyboardInterrupt):
        _stop_half_way(path)
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_folders_are_made(tmp_path: Path) -> None:
    write_text("x", tmp_path / "a" / "b" / "c.txt")
    assert (tmp_path / "a" / "b" / "c.txt").exists()


def test_json_refuses_what_json_cannot_say(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"log_loss": float("nan")}, tmp_path / "a.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_come_back(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t.{ending}"
    table = pd.DataFrame({"x": [0.1, 1 / 3]}, index=pd.Index(["a", "b"], name="video"))
    write_table(table, path)
    back = pd.read_parquet(path) if ending == "parquet" else pd.read_csv(path, index_col="video")
    pd.testing.assert_frame_equal(back, table)


def test_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.parquet or \.csv"):
        write_table(pd.DataFrame({"x": [1]}), tmp_path / "t.xlsx")
    assert not list(tmp_path.iterdir())
