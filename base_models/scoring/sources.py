"""What detectors look at, behind one interface: single faces, faces in their order, sound.

Sound is looked at as spectrograms, or heard as the samples that it is (`waveform`).

Everything that one kind needs lies in folders beside each other: `faces/`, `sound/`, and
`embeddings/`, which is made from the faces when it is needed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.registry import DetectorSpec
from base_models.faces.views import view_of_card
from base_models.features.rows import Features
from base_models.scoring.crops import CropIndex, Crops, index_views
from base_models.sequences.tracks import Sequences, index_tracks
from base_models.sound.ears import Ear, MelEar, WaveEar
from base_models.sound.windows import Sounds, index_sounds


class Source(Protocol):
    """Rows of something to look at; `Crops`, `Sequences` and `Sounds` are such.

    Attributes:
        index: the video, frame and face of each row, as they stand in the frame scores.
        size: what the detector's `size` says: a side in pixels, mel bands, or samples.
    """

    index: CropIndex
    size: int

    def read(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """The rows, (len(rows), ...); a new array."""


class Varied(Source, Protocol):
    """A source that knows how its rows are varied in training; pictures are augmented elsewhere."""

    def vary(self, arrays: NDArray[Any], rngs: Sequence[np.random.Generator]) -> None:
        """Vary what `read` gave, in place, each row by its generator."""


#: What a head looks at that is trained by itself: the features of single faces.
FEATURES = "features"

#: What a video lacks that has no row, by what is looked at.
LACKING = {"face": "a face", "faces": "a face", "sound": "sound", "waveform": "sound"}

#: Detectors that look at one of these listen; called with their size.
EARS: Mapping[str, Callable[[int], Ear]] = {"sound": MelEar, "waveform": WaveEar}


def folder_of(spec: DetectorSpec, faces_dir: Path) -> Path:
    """Where that lies which a detector looks at: the faces, or beside them."""
    if spec.looks_at == "faces":
        return faces_dir.with_name("embeddings") / f"model={spec.name}"
    return sound_beside(faces_dir) if spec.looks_at in EARS else faces_dir


def sound_beside(faces_dir: Path) -> Path:
    """The sound folder that belongs to a faces folder."""
    return faces_dir.with_name("sound")


def size_of(spec: DetectorSpec, choice: int | None) -> int:
    """The input size of a detector; only that of single faces is the user's choice."""
    return choice or spec.size if spec.looks_at == "face" else spec.size


def media_of(spec: DetectorSpec) -> str:
    """What a detector looks at, down to the view: those with the same share an index."""
    if spec.looks_at in EARS:
        return f"{spec.looks_at} {spec.size}"
    view = view_of_card(spec.card)
    return spec.looks_at if view is None else f"{spec.looks_at} {view.name}"


def index_media(
    specs: Iterable[DetectorSpec], videos: Sequence[str], faces_dir: Path
) -> dict[str, CropIndex]:
    """The rows of `videos` for everything that the detectors look at, by `media_of`.

    Raises:
        InputError: a file of faces or sound is missing or damaged, or faces were cut without a view
            that one of the detectors asks for.
    """
    specs = list(specs)
    wanted, indexes = {media_of(spec) for spec in specs}, {}
    views = {media_of(spec): view_of_card(spec.card) for spec in specs if spec.looks_at == "face"}
    if "faces" in wanted:
        views["face"] = None
    if views:
        crops = index_views(videos, faces_dir, list(views.values()))
        indexes = dict(zip(views, crops, strict=True))
    if "faces" in wanted:
        indexes["faces"] = index_tracks(indexes["face"])
    for spec in specs:
        name = media_of(spec)
        if spec.looks_at in EARS and name not in indexes:
            ear = EARS[spec.looks_at](spec.size)
            indexes[name] = index_sounds(videos, sound_beside(faces_dir), ear)
    return {name: indexes[name] for name in sorted(wanted)}


def open_source(
    looks_at: str,
    index: CropIndex,
    folder: Path,
    size: int,
    *,
    cache_bytes: float,
    threads: int = 1,
) -> Crops | Varied:
    """What detectors that look at `looks_at` see, for the rows of `index`; see `folder_of`."""
    if looks_at == "faces":
        return Sequences(index, folder, size, cache_bytes=cache_bytes)
    if looks_at in EARS:
        return Sounds(index, folder, EARS[looks_at](size), size, cache_bytes=cache_bytes)
    if looks_at == FEATURES:
        return Features(index, folder, size, cache_bytes=cache_bytes)
    return Crops(index, folder, size, cache_bytes=cache_bytes, threads=threads)
