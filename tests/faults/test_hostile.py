"""Nothing that is loaded is run."""

from importlib.util import find_spec
from pathlib import Path

import pytest

pytest.importorskip("torch")
if find_spec("tensorflow") is None:  # importing it before torch's triton aborts the process
    pytest.skip("tensorflow is not installed", allow_module_level=True)

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
