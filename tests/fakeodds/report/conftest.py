"""What the tests of the report share: runs whose files were written by hand are sealed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fakeodds.run.folder import RunFolder
from fakeodds.run.products import PRODUCTS


def _seal(run: Path) -> RunFolder:
    folder = RunFolder(run)
    costs = folder.stages()
    for name, owned in PRODUCTS.items():
        if name == "scores" or (owned.files and all((run / file).exists() for file in owned.files)):
            facts = {k: v for k, v in costs.get(name, {}).items() if k != "key"}
            folder.seal(name, folder.key(name) or name, **facts)
    return RunFolder.existing(run, reads=True)


@pytest.fixture(scope="session")
def seal() -> Callable[[Path], RunFolder]:
    """seal(run): its products are those whose files are there now, as if commands had made them."""
    return _seal
