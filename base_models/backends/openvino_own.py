"""Users' own networks for OpenVINO, with the normalisation of pixels built in."""

import numpy as np
import torch
from torch import Tensor, nn

from base_models.backends.agreement import CannotExport
from base_models.backends.exported import Exported
from base_models.backends.openvino_runtime import convert_torch
from base_models.backends.openvino_torch import with_pixels
from base_models.detectors.own_network import OwnDetector


class _Logits(nn.Module):
    """A user's network whose logits are a column."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits.reshape(-1, 1)


def export_own(detector: OwnDetector) -> Exported:
    """The network, whose logit is the one feature that the head passes on.

    Raises:
        CannotExport: OpenVINO cannot take the network.
    """
    size = detector.size
    example = torch.zeros(2, 3, size, size, device=detector.device.name)
    try:
        with torch.no_grad():
            network = convert_torch(_Logits(detector.module).eval(), example)
        network.reshape([-1, 3, size, size])
        network = with_pixels(network, detector.mean, detector.std)
    # Whatever users' code does while it is traced; the reference computes it as it stands.
    except Exception as error:
        raise CannotExport(f"{detector.spec.name}: OpenVINO cannot convert its network") from error
    return Exported(network, np.ones(1), 0.0)
