from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from base_models.faces.images import encode_jpeg
from base_models.faces.store import Faces, empty_faces, faces_path, write_faces

#: Side of the made-up crops in pixels.
SIDE = 48


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
