"""How detectors on sound are trained: see `fold_training.Trainer`."""

from base_models.compute.devices import choose_device
from base_models.detectors.registry import DetectorSpec, Weights
from base_models.detectors.start_weights import NO_PUBLIC_WEIGHTS, StartWeights
from base_models.detectors.voice import create_voice, local_voice
from base_models.training.fold import FoldData, network_seed
from base_models.training.settings import TrainSettings
from base_models.training.torch import TorchWork, read_checkpoint, session

__all__ = ["begin", "read_checkpoint", "session", "settle_start"]


def settle_start(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """From a weights folder where it holds this detector, else from random weights.

    There are no public weights, so `pretrained` and a folder for other detectors mean scratch,
    with a note.
    """
    path = local_voice(spec, weights)
    if path is not None:
        return StartWeights("local", path)
    if weights in ("auto", "scratch"):
        return StartWeights("scratch")
    return StartWeights("scratch", notes=(NO_PUBLIC_WEIGHTS(detector=spec.name),))


def begin(
    spec: DetectorSpec, data: FoldData, settings: TrainSettings, start: StartWeights, where: str
) -> TorchWork:
    """A training at its first epoch."""
    detector = create_voice(spec, start.weights, spec.size, network_seed(spec, data, settings))
    device = choose_device(settings.device, settings.precision, settings.threads)
    return TorchWork(detector.to(device), data, settings, where)
