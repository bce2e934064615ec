"""A trained detector as an OpenVINO network and a linear head, on disk beside its weights.

The network gives the features before the last layer; the head is one product in float64. In bf16 a
logit would keep eight bits, which is too coarse for log loss; rounding errors of a thousand
features average out.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from base_models.backends.openvino_runtime import core, save_network
from predictions.files import replacing


@dataclass(frozen=True)
class Exported:
    """What computes a detector's logits.

    Attributes:
        network: RGB uint8 (n, size, size, 3) -> features (n, c).
        weight, bias: the logit of FAKE is features @ weight + bias; (c,) and a number.
    """

    network: Any
    weight: NDArray[np.float64]
    bias: float

    def save(self, folder: Path) -> None:
        """Write it into `folder`; the same network gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        save_network(self.network, folder / "network.xml")
        head = {"weight": self.weight, "bias": np.array([self.bias])}
        with replacing(folder / "head.safetensors") as temporary:
            safetensors.numpy.save_file(head, temporary)

    @classmethod
    def load(cls, folder: Path) -> "Exported":
        """What `save` wrote."""
        head = safetensors.numpy.load_file(folder / "head.safetensors")
        network = core().read_model(folder / "network.xml")
        return cls(network, head["weight"], float(head["bias"][0]))
