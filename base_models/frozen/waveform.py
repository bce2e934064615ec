"""A frozen network that hears samples, as a detector."""

from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import nn

from base_models.compute.devices import Device
from base_models.detectors.array_detector import ArrayDetector
from base_models.detectors.registry import DetectorSpec

#: Windows that go through at once: AASIST takes some 400 MB for each.
_AT_ONCE = 2


class WaveDetector(ArrayDetector):
    """A network on windows of sound, float32 (n, samples) -> (n, 1) (see `registry.Detector`)."""

    def __init__(self, spec: DetectorSpec, module: nn.Module) -> None:
        super().__init__(spec, nn.Sequential(module, nn.Flatten(0)), "frozen")

    def to(self, device: Device) -> Self:
        """Move to `device`; it computes in float32, as attention over products of nodes is fine."""
        return super().to(replace(device, precision="fp32"))

    def logits(self, arrays: NDArray[np.floating]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of windows (n, samples), a few at a time."""
        pieces = (arrays[i : i + _AT_ONCE] for i in range(0, len(arrays), _AT_ONCE))
        return np.concatenate([np.empty(0, np.float32), *map(super().logits, pieces)])
