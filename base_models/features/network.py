"""The network that gives the features of a run, and its features of every crop, made once."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from base_models.compute.devices import choose_device, reproducible
from base_models.compute.per_video import keep_only, video_path, work_on_videos
from base_models.detectors.registry import DetectorSpec, create_detector
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_detectors import TimmDetector
from base_models.faces.store import faces_path, load_faces
from base_models.features.rows import features_folder
from base_models.scoring.crops import CropIndex, generator, resize
from base_models.sequences.store import EMBEDDINGS, Embeddings
from base_models.training.settings import TrainSettings
from predictions.products import key_of
from predictions.progress import Progress, silent

#: Goes into the key: features written by an older way of working are made again.
_FORMAT = 1
#: Crops that go through the network at once. Always so many, filled up where there are fewer, so
#: that the features of a crop do not depend on its company, nor on where a run was killed.
_BATCH = 32

#: A video's faces file, and the digest of its faces.
_Source = tuple[Path, str]


def start_network(
    spec: DetectorSpec, start: StartWeights, size: int, settings: TrainSettings
) -> TimmDetector:
    """The network as it starts: the same for all folds, so that they can share its features."""
    seed = int(generator(settings.seed, *spec.name.encode()).integers(2**31))
    made = create_detector(spec.name, weights=start.weights, size=size, seed=seed)
    return cast(TimmDetector, made)


def embed_crops(
    spec: DetectorSpec,
    start: StartWeights,
    size: int,
    index: CropIndex,
    faces_dir: Path,
    settings: TrainSettings,
    *,
    progress: Progress = silent,
) -> None:
    """Compute the features of all crops of `index` that are not there; resumes at the next video.

    A file depends on the start weights, the size, the precision, and the video's crops.

    Args:
        spec, start: the network and the weights that it starts from.
        size: side of the crops in pixels.
        index: the crops, all of those that are wanted: files of other videos are removed.
        faces_dir: where the crops are.
        settings: device (the first of several), precision, seed.
        progress: told (`embed DETECTOR`, videos done, all videos).

    Raises:
        InputError: a faces file is missing, or the weights are another network's.
    """
    place = choose_device(settings.devices[0], settings.precision)
    folder = features_folder(spec.name, faces_dir)
    sources = {
        video: (faces_path(faces_dir, video), digest)
        for video, digest in zip(index.videos, index.digests, strict=True)
    }

    def key(source: _Source) -> str:
        return key_of(
            format=_FORMAT,
            network=spec.architecture,
            start=start.digest,
            seed=settings.seed if start.path is None else None,
            size=size,
            precision=place.precision,
            faces=source[1],
        )

    def missing() -> list[_Source]:
        return [
            source
            for video, source in sources.items()
            if EMBEDDINGS.describe(video_path(folder, video), key(source)) is None
        ]

    def network() -> TimmDetector:
        return start_network(spec, start, size, settings).to(place)

    with reproducible(place):
        files = work_on_videos(
            *(EMBEDDINGS, folder, sources, key, _Together(network, missing)),
            stage=f"embed {spec.name}",
            progress=progress,
        )
        deque(files, maxlen=0)
    keep_only(folder, index.videos)


@dataclass
class _Together:
    """The features of one video after the other, computed with those of the next ones.

    Attributes:
        open: makes the network; called once, where there is work.
        missing: the sources that are to come, in their order; likewise.
    """

    open: Callable[[], TimmDetector]
    missing: Callable[[], Sequence[_Source]]
    network: TimmDetector | None = None
    coming: deque[_Source] = field(default_factory=deque)
    done: dict[_Source, Embeddings] = field(default_factory=dict)

    def __call__(self, source: _Source) -> Embeddings:
        """The features of the next video."""
        if self.network is None:
            self.network, self.coming = self.open(), deque(self.missing())
        while source not in self.done:
            self._go_on(self.network)
        return self.done.pop(source)

    def _go_on(self, network: TimmDetector) -> None:
        """Take videos until they fill a batch."""
        taken, crops, total = [], [], 0
        while self.coming and total < _BATCH:
            source = self.coming.popleft()
            faces = load_faces(source[0])
            taken.append((source, faces))
            crops.append(resize(faces.decode(), network.size) if len(faces) else None)
            total += len(faces)
        some = [images for images in crops if images is not None]
        features = np.empty((0, 1), np.float32)
        if some:
            features = _in_batches(network, np.concatenate(some))
        ends = np.cumsum([len(faces) for _, faces in taken])
        for (source, faces), mine in zip(taken, np.split(features, ends[:-1]), strict=True):
            # A video without a face has a file too: it is known to have none.
            known = mine if len(mine) else np.empty((0, 1), np.float32)
            self.done[source] = Embeddings(faces.frame, faces.track, known)


def _in_batches(network: TimmDetector, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Features (n, width) of crops (n, size, size, 3)."""
    parts = []
    for first in range(0, len(images), _BATCH):
        some = images[first : first + _BATCH]
        lacking = _BATCH - len(some)
        full = np.concatenate([some, np.zeros((lacking, *some.shape[1:]), np.uint8)])
        parts.append(network.features(full)[: len(some)])
    return np.concatenate(parts)
