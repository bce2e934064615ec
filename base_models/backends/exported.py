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

from base_models.backends.openvino_runtime import core, openvino
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
        made = self.network
        # OpenVINO names by a count of all that this process has made.
        for place, node in enumerate(made.get_ordered_ops()):
            node.friendly_name = f"{node.get_type_name()}_{place}"
        parts = (made.get_results(), made.get_sinks(), made.get_parameters(), made.get_variables())
        named = openvino.Model(*parts, "network")
        # Not as fp16: batch norms laid into the weights of networks that know much leave them so
        # uneven that probabilities moved by up to .01, and that backend was refused.
        openvino.save_model(named, folder / "network.xml", compress_to_fp16=False)
        head = {"weight": self.weight, "bias": np.array([self.bias])}
        with replacing(folder / "head.safetensors") as temporary:
            safetensors.numpy.save_file(head, temporary)

    @classmethod
    def load(cls, folder: Path) -> "Exported":
        """What `save` wrote."""
        head = safetensors.numpy.load_file(folder / "head.safetensors")
        network = core().read_model(folder / "network.xml")
        return cls(network, head["weight"], float(head["bias"][0]))
