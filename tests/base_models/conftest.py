import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from base_models.faces.images import encode_jpeg
from base_models.faces.store import Faces, empty_faces, faces_path, write_faces
from base_models.training.settings import TrainSettings
from tests.forks import run

#: Side of the made-up crops in pixels.
SIDE = 48

_TRAINING = """
import os, signal, sys
from pathlib import Path
import pandas as pd
from base_models.training.out_of_fold import fit_out_of_fold
from base_models.training.settings import TrainSettings
def progress(stage, done, total):
    if stage == sys.argv[5] and done >= int(sys.argv[6]):
        assert not {*sys.argv[7:]} & {*sys.modules}
        os.kill(os.getpid(), signal.SIGKILL)
videos = pd.read_parquet(sys.argv[1])
settings = eval(sys.argv[4], {"TrainSettings": TrainSettings})
fit_out_of_fold(videos, Path(sys.argv[2]), Path(sys.argv[3]), settings, progress=progress)
assert not {*sys.argv[7:]} & {*sys.modules}
"""


@pytest.fixture(autouse=True)
def _no_downloads(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No test waits for the network or finds weights that this machine happens to have."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("torch_home")))


def _crop(fake: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Nine flat squares; a fake carries a grid of light lines."""
    coarse = rng.uniform(60, 180, (3, 3, 3))
    image = np.kron(coarse, np.ones((SIDE // 3, SIDE // 3, 1)))
    if fake:
        image[::4] += 60
    return np.clip(image, 0, 255).astype(np.uint8)


def _make_faces(folder: Path, video: str, fake: bool, frames: int = 4, tracks: int = 1) -> None:
    """Write the faces file of one video; no frames: a video without a face."""
    rng = np.random.default_rng(list(video.encode()))
    n = frames * tracks
    faces = empty_faces("no_face", "no face was found", n_frames=3, size=SIDE)
    if n:
        faces = Faces(
            frame=np.repeat(np.arange(frames, dtype=np.int32) * 10, tracks),
            track=np.tile(np.arange(tracks, dtype=np.int32), frames),
            box=np.tile(np.array([0, 0, 40, 40], np.float32), (n, 1)),
            score=np.full(n, 0.99, np.float32),
            jpeg=[encode_jpeg(_crop(fake, rng)) for _ in range(n)],
            status="ok",
            reason="",
            n_frames=frames,
            size=SIDE,
        )
    write_faces(faces, faces_path(folder, video), "made")


@pytest.fixture(scope="session")
def crop() -> Callable[..., NDArray[np.uint8]]:
    return _crop


@pytest.fixture(scope="session")
def make_faces() -> Callable[..., None]:
    return _make_faces


@pytest.fixture(scope="session")
def make_videos() -> Callable[..., pd.DataFrame]:
    """Makes a manifest of n videos, half of them fake, each its own group; one has no face."""

    def make(folder: Path, n: int = 8, folds: int = 2) -> pd.DataFrame:
        rows = []
        for i in range(n):
            video, fake = f"part/v{i}.mp4", i % 2 == 1
            _make_faces(folder, video, fake, tracks=2 if i == 3 else 1)
            rows.append(
                {"video": video, "label": int(fake), "group": f"g{i}", "fold": i // 2 % folds}
            )
        _make_faces(folder, "part/empty.mp4", False, frames=0)
        rows.append({"video": "part/empty.mp4", "label": 0, "group": "ge", "fold": 0})
        types = {"video": "string", "label": "Int8", "group": "string", "fold": "Int16"}
        return pd.DataFrame(rows).astype(types)

    return make


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the faces of a module's videos."""
    return tmp_path_factory.mktemp("faces")


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """The bytes of every file in a folder, by its path there."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


@pytest.fixture
def train_elsewhere(tmp_path: Path) -> Callable[..., int]:
    """Trains in another process, killed in `stage` when so many crops are done; how it ended.

    It must not have imported the modules `without`.
    """

    def train(
        videos: pd.DataFrame,
        faces: Path,
        out: Path,
        settings: TrainSettings,
        stage: str = "",
        done: int = 0,
        without: Sequence[str] = (),
    ) -> int:
        table = tmp_path / "videos.parquet"
        videos.to_parquet(table)
        arguments = map(str, (table, faces, out, repr(settings), stage, done, *without))
        if without:  # the process is forked with torch
            command = [sys.executable, "-c", _TRAINING, *arguments]
            return subprocess.run(command, check=False).returncode
        return run(_TRAINING, *arguments).returncode

    return train
