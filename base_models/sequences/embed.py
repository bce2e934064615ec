"""The embeddings of all videos, computed once and kept beside their faces."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_video import work_on_videos
from base_models.faces.store import Faces, faces_path, load_faces
from base_models.scoring.crops import CropIndex, resize
from base_models.sequences.store import EMBEDDINGS, Embeddings
from predictions.products import key_of
from predictions.progress import Progress, silent

#: Faces of a track that are looked at, evenly chosen of those there are.
STEPS = 30

#: Goes into the key: embeddings written by an older way of working are made again.
_FORMAT = 2

#: RGB uint8 (n, side, side, 3) -> float32 (n, width).
Embed = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Embedding:
    """Which embeddings are wanted.

    Attributes:
        mark: the digest of the network that makes them.
        side: of the crops it takes, in pixels.
        folder: where they lie.
    """

    mark: str
    side: int
    folder: Path

    def key(self, faces: str) -> str:
        """What the embeddings of faces with this digest are made for."""
        return key_of(format=_FORMAT, mark=self.mark, side=self.side, steps=STEPS, faces=faces)


def embed_videos(
    index: CropIndex,
    faces_dir: Path,
    wanted: Embedding,
    load: Callable[[], Embed],
    *,
    batch: int = 32,
    stage: str = "embed faces",
    progress: Progress = silent,
) -> None:
    """Write the embeddings that are missing, a file a video; resumes at the next video.

    Args:
        index: the sequences of the videos.
        faces_dir: where their faces are.
        wanted: which embeddings.
        load: gives the network's function, and is called only when there is work.
        batch: crops at once, never of two videos, so that the order of the work changes nothing.
        stage: what `progress` is told, with the videos done and all videos.

    Raises:
        InputError: a faces file is missing or damaged.
    """
    network = cache(load)
    sources = {
        video: (faces_path(faces_dir, video), digest)
        for video, digest in zip(index.videos, index.digests, strict=True)
    }
    files = work_on_videos(
        EMBEDDINGS,
        wanted.folder,
        sources,
        lambda source: wanted.key(source[1]),
        lambda source: embed_video(load_faces(source[0]), network(), wanted.side, batch),
        stage=stage,
        progress=progress,
    )
    deque(files, maxlen=0)


def embed_video(faces: Faces, embed: Embed, side: int, batch: int = 32) -> Embeddings:
    """The embeddings of at most `STEPS` faces of every track."""
    tracks = [
        choose_steps(np.flatnonzero(faces.track == track)) for track in np.unique(faces.track)
    ]
    chosen = np.concatenate([np.empty(0, np.intp), *tracks])
    parts = [
        embed(resize(faces.decode(chosen[i : i + batch]), side))
        for i in range(0, len(chosen), batch)
    ]
    # A video without a face has a file too: it is known to have none.
    embedding = np.concatenate(parts) if parts else np.empty((0, 1), np.float32)
    return Embeddings(faces.frame[chosen], faces.track[chosen], embedding)


def choose_steps(places: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most `STEPS` of the places, in the middle of as many equal parts."""
    if len(places) <= STEPS:
        return places
    middles = (np.arange(STEPS) + 0.5) * len(places) / STEPS
    return places[middles.astype(np.intp)]
