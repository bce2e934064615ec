"""The network that gives the features of a run, and its features of every crop, made once."""

from pathlib import Path
from typing import cast

from base_models.compute.devices import choose_device, reproducible
from base_models.compute.per_video import keep_only
from base_models.detectors.registry import DetectorSpec, create_detector
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_detectors import TimmDetector
from base_models.features.rows import features_folder
from base_models.scoring.crops import CropIndex, generator
from base_models.sequences.embed import Embed, Embedding, embed_videos
from base_models.training.settings import TrainSettings
from predictions.products import key_of
from predictions.progress import Progress, silent


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
        settings: device (the first of several), precision, seed, threads.
        progress: told (`embed DETECTOR`, videos done, all videos).

    Raises:
        InputError: a faces file is missing, or the weights are another network's.
    """
    place = choose_device(settings.devices[0], settings.precision, settings.threads)
    mark = key_of(
        network=spec.architecture,
        start=start.digest,
        seed=settings.seed if start.path is None else None,
        precision=place.precision,
    )
    wanted = Embedding(mark, size, features_folder(spec.name, faces_dir), steps=None)

    def load() -> Embed:
        return start_network(spec, start, size, settings).to(place).features

    with reproducible(place):
        embed_videos(
            index,
            faces_dir,
            wanted,
            load,
            stage=f"embed {spec.name}",
            progress=progress,
        )
    keep_only(wanted.folder, index.videos)
