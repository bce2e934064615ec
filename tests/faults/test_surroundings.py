"""A machine that refuses is one sentence, and costs nothing that was made."""

import resource
from pathlib import Path

import pytest

from tests.faults.commands import call, differences, results
from tests.faults.surroundings import call_limited, removed_under_way


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (resource.RLIMIT_NOFILE, 24),
        (resource.RLIMIT_AS, 700 * 2**20),
        (resource.RLIMIT_FSIZE, 3000),
    ],
    ids=["open files", "memory", "size of files"],
)
def test_a_limit(limit: int, value: int, stacking: tuple[object, ...], tmp_path: Path) -> None:
    words = [tmp_path / "run" if word == "FOLDER" else word for word in stacking]
    whole = [tmp_path / "whole" if word == "FOLDER" else word for word in stacking]
    ended = call_limited(limit, value, *words)
    assert ended.code == 2, ended.output
    assert ended.fault == ""
    assert call(*words).code == 0
    assert call(*whole).code == 0
    assert differences(results(tmp_path / "run"), results(tmp_path / "whole")) == []


def test_a_folder_that_goes_under_way(stacking: tuple[object, ...], tmp_path: Path) -> None:
    words = [word for word in stacking if word not in ("--out", "FOLDER")]
    assert removed_under_way(tmp_path / "run", words).fault == ""
