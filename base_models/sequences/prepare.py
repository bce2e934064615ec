"""The embedding network of a run: written once, and used on whatever is not embedded yet."""

from pathlib import Path

from base_models.compute.devices import choose_device, reproducible
from base_models.detectors.facenet_lstm import Embedder, key_of_embedder
from base_models.detectors.registry import DetectorSpec
from base_models.detectors.start_weights import StartWeights
from base_models.scoring.crops import CropIndex
from base_models.scoring.fold_models import MENDED_BY
from base_models.sequences.embed import Embed, Embedding, embed_videos
from predictions.errors import InputError
from predictions.products import key_of
from predictions.progress import Progress, silent

#: Beside the folds of its detector: new videos are embedded by the same network.
EMBEDDER = "embedder.safetensors"


def settle_embedder(start: StartWeights, seed: int, model_dir: Path) -> None:
    """Write the embedding network of a training into `model_dir`, unless it is there.

    Raises:
        InputError: its weights cannot be read.
    """
    mark = key_of(start=start.digest, seed=seed if start.kind == "scratch" else None)
    if key_of_embedder(model_dir / EMBEDDER) == mark:
        return
    embedder = Embedder.start(start.path, seed, choose_device("cpu", "fp32"))
    embedder.save(model_dir / EMBEDDER, mark)


def wanted_embedding(spec: DetectorSpec, model_dir: Path, folder: Path) -> Embedding:
    """Which embeddings in `folder` are those of the network in `model_dir`.

    Raises:
        InputError: the network is not there.
    """
    mark = key_of_embedder(model_dir / EMBEDDER)
    if mark is None:
        raise InputError(
            "the network of the embeddings is not here, or not as it was written",
            file=model_dir / EMBEDDER,
            remedy=MENDED_BY,
        )
    return Embedding(mark, spec.size, folder)


def embed_all(
    spec: DetectorSpec,
    index: CropIndex,
    faces_dir: Path,
    folder: Path,
    model_dir: Path,
    *,
    device: str,
    threads: int | None = None,
    progress: Progress = silent,
) -> None:
    """Embed the faces of the videos of `index` into `folder`; what is there is kept.

    Raises:
        InputError: a faces file is missing, or the device is not here.
    """
    place = choose_device(device, "fp32", threads)

    def load() -> Embed:
        return Embedder.load(model_dir / EMBEDDER, place).embed

    with reproducible(place):
        embed_videos(
            index,
            faces_dir,
            wanted_embedding(spec, model_dir, folder),
            load,
            stage=f"embed {spec.name}",
            progress=progress,
        )
