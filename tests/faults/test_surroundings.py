"""A machine that refuses is one sentence, and costs nothing that was made."""

import resource
from pathlib import Path

import pytest

from tests.faults.commands import call, differences, fork, one_process, results
from tests.faults.surroundings import call_limited, removed_under_way


@pytest.fixture(scope="module")
def whole(
    stacking: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """What the command writes on a machine that has enough."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert call(*_in(folder, stacking), begin=fork).code == 0
    return results(folder)


def _in(folder: Path, words: tuple[object, ...]) -> list[object]:
    return one_process([folder if word == "FOLDER" else word for word in words])


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        (resource.RLIMIT_NOFILE, 6, "ulimit -n"),
        (resource.RLIMIT_AS, 700 * 2**20, "700 MB"),
        (resource.RLIMIT_FSIZE, 3000, "ulimit -f"),
    ],
    ids=["open files", "memory", "size of files"],
)
def test_a_limit(
    limit: int,
    value: int,
    said: str,
    stacking: tuple[object, ...],
    whole: dict[str, bytes],
    tmp_path: Path,
) -> None:
    words = _in(tmp_path / "run", stacking)
    ended = call_limited(limit, value, *words)
    assert ended.code == 2, ended.output
    assert ended.fault == ""
    assert said in ended.output
    assert call(*words, begin=fork).code == 0
    assert differences(results(tmp_path / "run"), whole) == []


def test_a_folder_that_goes_under_way(stacking: tuple[object, ...], tmp_path: Path) -> None:
    words = one_process([word for word in stacking if word not in ("--out", "FOLDER")])
    assert removed_under_way(tmp_path / "run", words).fault == ""
