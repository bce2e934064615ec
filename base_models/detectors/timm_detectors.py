"""Detectors whose network is one of timm's, with one output: the logit of FAKE."""

from functools import partial
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from base_models.compute.devices import Device, autocast, choose_device
from base_models.detectors.public_files import public_names, refuse_sibling
from base_models.detectors.registry import DetectorSpec, Weights, check_crops
from base_models.detectors.start_names import as_timm
from base_models.detectors.start_weights import StartWeights, another_head
from base_models.detectors.weights import lay_in, read_named_state, read_state, resolve_weights

#: Standard deviation of the weights of a fresh head.
HEAD_SCALE = 0.01


class TimmDetector:
    """A timm network as a detector (see `registry.Detector`).

    Attributes:
        spec: its entry in the registry.
        size: side of the crops in pixels.
        module: the torch network, (n, 3, size, size) normalised -> (n, 1).
        mean, std: normalisation per channel of pixels scaled to [0, 1].
        start: `pretrained`, `scratch` or `local`.
        notes: decisions to show.
        device: where it computes, and how precisely.
    """

    def __init__(self, spec: DetectorSpec, module: nn.Module, size: int, start: StartWeights):
        self.spec = spec
        self.size = size
        self.module = module
        self.mean = spec.mean
        self.std = spec.std
        self.start: str = start.kind
        self.notes = list(start.notes)
        self.to(choose_device())

    def to(self, device: Device) -> Self:
        """Move to `device` and compute in its precision."""
        self.device = device
        self.module.to(device.name).to(memory_format=torch.channels_last)
        # One multiply and one add: x/255 normalised by mean and std.
        std = torch.tensor(self.std, device=device.name)
        mean = torch.tensor(self.mean, device=device.name)
        self._scale = (1 / (255 * std)).view(3, 1, 1)
        self._shift = (-mean / std).view(3, 1, 1)
        return self

    def normalise(self, images: Tensor) -> Tensor:
        """RGB uint8 (n, size, size, 3) -> float32 (n, 3, size, size), channels last in memory."""
        pixels = images.permute(0, 3, 1, 2).float() * self._scale + self._shift
        return pixels.flip(1) if self.spec.channels == "BGR" else pixels

    def forward(self, images: Tensor) -> Tensor:
        """Logits (n,) float32 of RGB uint8 crops (n, size, size, 3); differentiable.

        The head runs in float32: a bf16 logit has eight bits, too coarse for log loss.
        """
        network: Any = self.module
        with autocast(self.device):
            features = network.forward_features(self.normalise(images))
        return network.forward_head(features.float()).squeeze(1)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        All n go through at once; callers choose batches. Leaves the network in evaluation mode.
        """
        check_crops(images, self.size)
        if not len(images):
            return np.empty(0, np.float32)
        self.module.eval()
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(images)).to(self.device.name)
            return self.forward(batch).float().cpu().numpy()


def create_timm(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> TimmDetector:
    """The factory behind the registry's timm entries; see `create_detector`."""
    start = resolve_timm(spec, weights)
    module = build_network(spec, seed)
    if start.path is not None:
        state, said = read_named_state(start.path)
        refuse_sibling(said, spec.architecture, start.path)
        state = as_timm(state, spec.architecture, module, start.path)
        lay_in(module, state, head_of(module), start.path)
    return TimmDetector(spec, module, size, start)


def resolve_timm(spec: DetectorSpec, weights: Weights) -> StartWeights:
    """Where the weights of `spec` come from, fetched where needed (see `resolve_weights`).

    Raises:
        InputError: they cannot be had.
    """
    folder = None if weights in ("auto", "pretrained", "scratch") else Path(weights)
    return resolve_weights(spec, weights, public_names(spec.architecture, folder))


def load_timm(spec: DetectorSpec, path: Path, size: int, place: Device) -> TimmDetector:
    """A detector with its own trained weights, head and all, from the file `path`.

    Raises:
        InputError: the file is damaged or another network's.
    """
    module = build_network(spec, 0)
    if not lay_in(module, read_state(path), head_of(module), path):
        raise another_head(path)
    return TimmDetector(spec, module, size, StartWeights("local", path)).to(place)


def build_network(spec: DetectorSpec, seed: int) -> nn.Module:
    """The network with random weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: Any = timm.create_model(spec.architecture, pretrained=False, num_classes=1)
        # timm draws the heads of EfficientNet and MobileNet from [-1, 1] when there is one output,
        # and the first logits are then in the dozens. Small, every training starts at loss log 2.
        head = module.get_classifier()
        nn.init.normal_(head.weight, std=HEAD_SCALE)
        nn.init.zeros_(head.bias)
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                setattr(layer, "forward", partial(_forward_grouped, layer))  # noqa: B010
        return cast(nn.Module, module)


def _forward_grouped(layer: nn.Conv2d, images: Tensor) -> Tensor:
    """A depthwise convolution, in float32 while it is trained on a CPU.

    Its backward pass in bf16 is slow there: MobileNetV3 trains 1.9 times, EfficientNet-B4 1.6
    times as fast this way. When only scoring, bf16 is the faster one, and it is left alone.
    """
    if not layer.training or images.device.type != "cpu":
        return type(layer).forward(layer, images)
    with torch.autocast("cpu", enabled=False):
        return type(layer).forward(layer, images.float())


def head_of(module: nn.Module) -> str:
    """The name of the last layer, as timm records it."""
    network: Any = module
    return str(network.pretrained_cfg["classifier"])
