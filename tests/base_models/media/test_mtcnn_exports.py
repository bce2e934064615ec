"""MTCNN's networks in the user's cache: made once, whole or made anew, and never in the way."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("openvino")

from base_models.faces.mtcnn_exports import exported
from tests.forks import Forked

#: Finds no face in a grey picture, and tells which of these were imported for it.
LOOK = (
    "import sys, numpy as np\n"
    "from base_models.faces.mtcnn import MtcnnFinder\n"
    "assert not len(MtcnnFinder().find(np.full((1, 60, 80, 3), 90, np.uint8)).box)\n"
    "heavy = {'torch', 'torchvision', 'facenet_pytorch', 'timm'}\n"
    "print(sorted(heavy & set(sys.modules)))"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def kept(home: Path) -> Path:
    (folder,) = (home / "cache" / "mtcnn").iterdir()
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_once_they_are_kept_torch_is_not_imported(home: Path) -> None:
    exported(exact=False)
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("spoil", [Path.unlink, _empty])
@pytest.mark.parametrize("name", ["rnet.bin", "pnet.xml", "export.json"])
def test_what_is_damaged_is_made_anew(
    home: Path, spoil: Callable[[Path], object], name: str
) -> None:
    exported(exact=True)
    whole = content(kept(home))
    spoil(kept(home) / name)
    assert len(exported(exact=True)) == 3
    assert content(kept(home)) == whole


def test_where_nothing_can_be_kept_they_are_made_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "file"))
    assert [len(network.outputs) for network in exported(exact=False)] == [1, 2, 3]


def test_processes_that_make_them_at_once_all_have_them(home: Path) -> None:
    processes = [Forked(LOOK, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.communicate()[0]
        assert process.returncode == 0
    assert set(content(kept(home))) == {
        *(f"{name}.{ending}" for name in ("pnet", "rnet", "onet") for ending in ("xml", "bin")),
        "export.json",
    }
