"""The embeddings of all videos, computed once and kept beside their faces."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_video import video_path
from base_models.faces.store import Faces, faces_path, load_faces
from base_models.scoring.crops import CropIndex, resize
from base_models.sequences.store import Embeddings, digest_of_embeddings, write_embeddings
from predictions.products import key_of
from predictions.progress import Progress, silent

#: Faces of a track that are looked at, evenly chosen of those there are.
STEPS = 30

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

    def path(self, video: str) -> Path:
        """Where the embeddings of a video lie."""
        return video_path(self.folder, video)

    def digest(self, faces: str) -> str:
        """What the embeddings of faces with this digest are marked with."""
        return key_of(mark=self.mark, side=self.side, steps=STEPS, faces=faces)

    def missing(self, index: CropIndex) -> list[int]:
        """Positions of the videos of `index` whose embeddings are not there, or are others."""
        return [
            position
            for position, (video, faces) in enumerate(zip(index.videos, index.digests, strict=True))
            if digest_of_embeddings(self.path(video)) != self.digest(faces)
        ]


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
    missing = wanted.missing(index)
    if not missing:
        return
    embed = load()
    done = len(index.videos) - len(missing)
    progress(stage, done, len(index.videos))
    for position in missing:
        video = index.videos[position]
        faces = load_faces(faces_path(faces_dir, video))
        made = embed_video(faces, embed, wanted.side, batch)
        write_embeddings(made, wanted.path(video), wanted.digest(index.digests[position]))
        done += 1
        progress(stage, done, len(index.videos))


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
