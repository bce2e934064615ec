"""A torch network on arrays of floats (embeddings, spectrograms) as a detector."""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from base_models.compute.devices import Device, autocast, choose_device
from base_models.detectors.registry import DetectorSpec
from base_models.detectors.start_weights import other_network
from base_models.detectors.torch_logits import torch_logits
from base_models.detectors.weights import read_state, refuse_not_finite
from predictions.notes import Note


class ArrayDetector:
    """A network with one output (see `registry.Detector`), trained like those on pictures.

    Attributes:
        spec: its entry in the registry.
        size: what the spec says.
        module: the torch network, float32 (n, ...) -> logits (n,).
        start: `pretrained`, `scratch` or `local`.
        notes: decisions to show; none here.
        device: where it computes, and how precisely.
    """

    def __init__(self, spec: DetectorSpec, module: nn.Module, start: str) -> None:
        self.spec = spec
        self.size = spec.size
        self.module = module
        self.start = start
        self.notes: list[Note] = []
        self.to(choose_device())

    def to(self, device: Device) -> Self:
        """Move to `device` and compute in its precision."""
        self.device = device
        self.module.to(device.name)
        return self

    def forward(self, arrays: Tensor) -> Tensor:
        """Logits (n,) float32 of arrays (n, ...); differentiable."""
        with autocast(self.device):
            logits: Tensor = self.module(arrays.float())
        return logits.float()

    def logits(self, arrays: NDArray[np.floating]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of arrays (n, ...).

        All n go through at once; callers choose batches. Leaves the network in evaluation mode.
        """
        return torch_logits(self, arrays)


def load_into(spec: DetectorSpec, module: nn.Module, path: Path, place: Device) -> ArrayDetector:
    """A detector with its trained weights from the file `path`.

    Raises:
        InputError: the file is damaged or another network's.
    """
    lay_all(module, path)
    return ArrayDetector(spec, module, "local").to(place)


def lay_all(module: nn.Module, path: Path) -> None:
    """Copy every tensor of the file `path` into `module`.

    Raises:
        InputError: the file is damaged or another network's, or its weights are not finite.
    """
    state, own = read_state(path), module.state_dict()
    for name in state.keys() & own.keys():
        refuse_not_finite(name, state[name], own[name], path)
    try:
        module.load_state_dict(state)
    except RuntimeError as error:  # names or shapes differ
        raise other_network(path) from error
