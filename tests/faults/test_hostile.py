"""Nothing that is loaded is run."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("tensorflow")

from tests.faults.hostile import LOADED, load


@pytest.mark.parametrize("name", LOADED)
def test_it_does_not_run(name: str, tmp_path: Path, own_catalogue: None) -> None:
    assert load(name, tmp_path) == ""


def test_it_would_run(tmp_path: Path) -> None:
    """Whoever unpickles it carelessly does run it."""
    import pickle

    from tests.faults.hostile import pickled

    pickle.loads(pickled(tmp_path / "ran"))
    assert (tmp_path / "ran").exists()
