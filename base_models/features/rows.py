"""The features of many videos as rows to train a head on and to score (see `sources.Source`).

They lie beside the faces, in `embeddings/model=M/`: a file a video, with a row a crop in the order
of its faces file. Nothing here imports torch.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_video import video_path
from base_models.scoring.crops import CropIndex
from base_models.sequences.store import load_embeddings


def features_folder(name: str, faces_dir: Path) -> Path:
    """Where the features of the detector `name` lie."""
    return faces_dir.with_name("embeddings") / f"model={name}"


class Features:
    """The crops of an index as features.

    Args:
        index: which crops.
        folder: where the features are.
        size: side of the crops that they were computed from, in pixels.
        cache_bytes: keep features in memory up to this many bytes.
    """

    def __init__(self, index: CropIndex, folder: Path, size: int, *, cache_bytes: float) -> None:
        self.index = index
        self.size = size
        self._folder = folder
        self._room = cache_bytes
        self._kept: dict[int, NDArray[np.float32]] = {}

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Features of the crops at these rows: float32 (len(rows), width).

        Raises:
            InputError: a file is missing or damaged.
        """
        order = np.argsort(self.index.video[rows], kind="stable")
        videos, first = np.unique(self.index.video[rows[order]], return_index=True)
        out = np.empty((0, 0), np.float32)
        for video, mine in zip(videos.tolist(), np.split(order, first[1:]), strict=True):
            features = self._video(video)[self.index.place[rows[mine]]]
            if not len(out):
                out = np.empty((len(rows), features.shape[1]), np.float32)
            out[mine] = features
        return out

    def vary(self, arrays: NDArray[np.float32], rngs: Sequence[np.random.Generator]) -> None:
        """Features stay as they are."""

    def _video(self, video: int) -> NDArray[np.float32]:
        if video in self._kept:
            return self._kept[video]
        path = video_path(self._folder, self.index.videos[video])
        features = load_embeddings(path).embedding
        if features.nbytes <= self._room:
            self._room -= features.nbytes
            self._kept[video] = features
        return features
