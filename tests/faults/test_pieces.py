"""Every kind of file of a run of score files, spoiled: refused by name, or made anew."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import pieces
from tests.faults.commands import call_here, one_process, results


@pytest.fixture(scope="module")
def runs(
    scores: Path, stacking: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, tuple[object, ...]]:
    """A run, another one, and the words that made the first."""
    folder = tmp_path_factory.mktemp("runs")
    run, other = folder / "run", folder / "other"
    alone = one_process(stacking)
    maker = tuple(run if word == "FOLDER" else word for word in alone)
    assert call_here(*maker).code == 0
    there = tuple(other if word == "FOLDER" else word for word in alone)
    assert call_here(*there, "--seed", "5").code == 0
    return run, other, maker


def test_nothing_is_wrong_in_silence(
    scores: Path, runs: tuple[Path, Path, tuple[object, ...]], tmp_path: Path
) -> None:
    run, other, maker = runs
    answer = tmp_path / "answer.csv"
    readers = [("apply", run, scores, "--out", answer)]
    assert call_here(*readers[0]).code == 0
    whole = {**results(run), answer.name: answer.read_bytes()}
    draws = random.Random(0)
    wrong = []
    kinds = pieces.kinds_of_files(run, draws)
    assert len(kinds) > 11
    for number, path in enumerate(kinds.values()):
        damage = pieces.DAMAGES[number % len(pieces.DAMAGES)]
        damage(run / path, other / path, draws)
        faults = pieces.judge(run, whole, readers, maker, path.as_posix(), answer)
        wrong += [f"{path} {damage.__name__}: {fault}" for fault in faults]
    assert wrong == []


@pytest.fixture(autouse=True, scope="module")
def without_reports() -> Iterator[None]:
    """They take seconds each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAKEODDS_REPORT", "0")
        yield


def test_a_damage_is_a_damage(tmp_path: Path) -> None:
    """What is tried here does change the file."""
    for damage in pieces.DAMAGES:
        file, other = tmp_path / "file", tmp_path / "other"
        file.write_bytes(bytes(range(200)))
        shutil.copy(file, other)
        other.write_bytes(b"other")
        before = file.read_bytes()
        damage(file, other, random.Random(1))
        assert not file.exists() or file.read_bytes() != before
