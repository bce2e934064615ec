"""Our readers on spoiled files: a value or a sentence. `benchmarks/faults.py` tries many more."""

import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from tests.faults.fuzz import TARGETS, fault_of, mutate_all, seeds


@pytest.mark.parametrize("name", TARGETS)
def test_a_sound_file_is_read(name: str) -> None:
    TARGETS[name](seeds()[name])


def test_a_spoiled_one_is_a_sentence() -> None:
    wrong = [f"{name}: {fault}" for name, fault in mutate_all(880, seed=0) if fault]
    assert wrong == []


def test_what_a_reader_may_not_do_is_seen() -> None:
    def raising(data: bytes) -> None:
        raise KeyError(data)

    assert fault_of(raising, b"x") == "KeyError: b'x'"
