"""How detectors on embeddings are trained: see `fold_training.Trainer`."""

from dataclasses import replace

import numpy as np

from base_models.compute.devices import choose_device
from base_models.detectors.array_detector import ArrayDetector
from base_models.detectors.facenet_lstm import build_lstm, resolve_facenet
from base_models.detectors.registry import DetectorSpec, Weights
from base_models.detectors.start_weights import StartWeights
from base_models.training.fold import FoldData, network_seed
from base_models.training.settings import TrainSettings
from base_models.training.torch import TorchWork, read_checkpoint, session
from predictions.notes import NoteKind

__all__ = ["begin", "read_checkpoint", "session", "settle_start"]

RANDOM_EMBEDDINGS = NoteKind(
    "weights.random-embeddings",
    "{detector}: its embeddings are those of a network with random weights, which was never shown "
    "a face; expect little of it.",
)

#: Sequences that the embeddings are standardised by, at most.
_SCALED_BY = 2000


def settle_start(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Where the embeddings come from; the LSTM itself always starts at random.

    Raises:
        InputError: the weights cannot be had.
    """
    start = resolve_facenet(spec, weights)
    if start.kind != "scratch":
        return start
    return replace(start, notes=(*start.notes, RANDOM_EMBEDDINGS(detector=spec.name)))


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights, where: str
) -> TorchWork:
    """A training at its first epoch."""
    module = build_lstm(network_seed(spec, data, settings))
    chosen = data.train[np.linspace(0, len(data.train) - 1, _SCALED_BY).astype(np.intp)]
    faces = np.asarray(data.crops.read(np.unique(chosen)), np.float32)
    module.fit_scale(faces[~np.isnan(faces[:, :, 0])])
    detector = ArrayDetector(spec, module, start.kind)
    device = choose_device(settings.device, settings.precision, settings.threads)
    return TorchWork(detector.to(device), data, settings, where)
