"""timm's networks for OpenVINO, with the normalisation of pixels built in."""

from typing import Any

import numpy as np
import torch
from openvino.preprocess import PrePostProcessor
from torch import Tensor, nn

from base_models.backends.agreement import CannotExport
from base_models.backends.exported import Exported
from base_models.backends.openvino_runtime import convert_torch, openvino
from base_models.detectors.timm_detectors import TimmDetector


class _Features(nn.Module):
    """A timm network without its last layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        network: Any = self.network
        features: Tensor = network.forward_head(network.forward_features(images), pre_logits=True)
        return features


def export_timm(detector: TimmDetector) -> Exported:
    """The network and the head of a detector.

    Raises:
        CannotExport: the last layer is of a kind of its own, or OpenVINO cannot take the network.
    """
    network: Any = detector.module
    head = network.get_classifier()
    if not isinstance(head, nn.Linear) or head.out_features != 1:
        raise CannotExport(f"{detector.spec.name}: its last layer is not a linear one")
    example = torch.zeros(2, 3, detector.size, detector.size, device=detector.device.name)
    try:
        with torch.no_grad():
            converted = convert_torch(_Features(network).eval(), example, plain=True)
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise CannotExport(f"{detector.spec.name}: OpenVINO cannot convert its network") from error
    converted.reshape([-1, 3, detector.size, detector.size])
    return Exported(
        with_pixels(converted, detector.mean, detector.std, detector.spec.channels),
        head.weight.detach().cpu().numpy()[0].astype(np.float64),
        float(head.bias.detach()),
    )


def with_pixels(
    network: Any,
    mean: tuple[float, float, float],
    std: tuple[float, float, float],
    channels: str = "RGB",
) -> Any:
    """The network on RGB uint8 (n, size, size, 3) instead of normalised (n, 3, size, size)."""
    steps = PrePostProcessor(network)
    entry = steps.input()
    entry.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    entry.model().set_layout(openvino.Layout("NCHW"))
    pixels = entry.preprocess().convert_element_type(openvino.Type.f32)
    pixels.mean([255 * value for value in mean]).scale([255 * value for value in std])
    if channels == "BGR":
        pixels.reverse_channels()
    return steps.build()
