"""The one way in which a detector of torch answers for arrays."""

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from base_models.compute.devices import Device, reproducible


class TorchDetector(Protocol):
    """What answers: a network on a device."""

    module: nn.Module
    device: Device

    def forward(self, images: Tensor, /) -> Tensor:
        """Logits (n,) of what the detector looks at, (n, ...)."""


def torch_logits(detector: TorchDetector, arrays: NDArray[Any]) -> NDArray[np.float32]:
    """Logits (n,) float32, high = FAKE, of what the detector looks at, (n, ...).

    All n go through at once; callers choose batches. The same give the same bytes, whoever asks.
    Leaves the network in evaluation mode.
    """
    if not len(arrays):
        return np.empty(0, np.float32)
    detector.module.eval()
    with reproducible(detector.device), torch.inference_mode():
        batch = torch.from_numpy(np.ascontiguousarray(arrays)).to(detector.device.name)
        return detector.forward(batch).float().cpu().numpy()
