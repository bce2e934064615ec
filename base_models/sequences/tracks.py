"""The face tracks of many videos as rows to train on and to score."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_video import video_path
from base_models.scoring.crops import CropIndex
from base_models.sequences.store import Embeddings, load_embeddings

#: The `frame` of a score that is of the whole video (of one face through it).
WHOLE_VIDEO = -1


def index_tracks(crops: CropIndex) -> CropIndex:
    """One row a video and track of the faces in `crops`; `frame` is `WHOLE_VIDEO`.

    The digests are those of the faces. `place` counts the tracks of a video.
    """
    pairs = np.unique(np.stack([crops.video, crops.face]), axis=1).astype(np.int32)
    video, face = pairs
    start = np.searchsorted(video, video)
    return CropIndex(
        videos=crops.videos,
        video=video,
        place=(np.arange(len(video)) - start).astype(np.int32),
        frame=np.full(len(video), WHOLE_VIDEO, np.int32),
        face=face,
        digests=crops.digests,
    )


class Sequences:
    """The tracks of an index as embeddings (see `sources.Source`).

    Args:
        index: which tracks.
        folder: where the embeddings are.
        size: side of the crops that were embedded.
        cache_bytes: keep embeddings in memory up to this many bytes.
    """

    def __init__(self, index: CropIndex, folder: Path, size: int, *, cache_bytes: float) -> None:
        self.index = index
        self.size = size
        self._folder = folder
        self._room = cache_bytes
        self._kept: dict[int, Embeddings] = {}

    def read(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Embeddings in the order of the frames: float32 (len(rows), steps, width).

        Frames without the face are left out; what is shorter than the longest ends in NaN.
        """
        tracks = [
            self._track(int(self.index.video[row]), int(self.index.face[row])) for row in rows
        ]
        if not tracks:
            return np.empty((0, 0, 0), np.float32)
        steps, width = max(map(len, tracks)), tracks[0].shape[1]
        out = np.full((len(tracks), steps, width), np.nan, np.float32)
        for target, one in zip(out, tracks, strict=True):
            target[: len(one)] = one
        return out

    def vary(self, faces: NDArray[np.float32], rngs: Sequence[np.random.Generator]) -> None:
        """Sequences of embeddings stay as they are."""

    def _track(self, video: int, face: int) -> NDArray[np.float32]:
        if video not in self._kept:
            faces = load_embeddings(video_path(self._folder, self.index.videos[video]))
            if faces.embedding.nbytes > self._room:
                return faces.embedding[faces.track == face]
            self._room -= faces.embedding.nbytes
            self._kept[video] = faces
        faces = self._kept[video]
        return faces.embedding[faces.track == face]
