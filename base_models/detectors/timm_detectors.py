"""Detectors whose network is one of timm's, with one output: the logit of FAKE."""

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import timm
import torch
from numpy.typing import NDArray
from timm.layers import PatchEmbed
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from base_models.compute.devices import Device, autocast, choose_device
from base_models.detectors.public_files import public_names, refuse_sibling
from base_models.detectors.registry import DetectorSpec, Weights, check_crops
from base_models.detectors.start_names import as_timm
from base_models.detectors.start_weights import StartWeights, another_head
from base_models.detectors.torch_logits import torch_logits
from base_models.detectors.weights import (
    StateDict,
    lay_in,
    read_named_state,
    read_state,
    resolve_weights,
    without_part,
)
from base_models.features.head import LinearHead
from predictions.errors import InputError

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
        return network.forward_head(self._maps(images)).squeeze(1)

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the last layer is given (n, width), of RGB uint8 crops (n, size, size, 3).

        All n go through at once. Leaves the network in evaluation mode.
        """
        check_crops(images, self.size)
        network: Any = self.module.eval()
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(images)).to(self.device.name)
            pooled: Tensor = network.forward_head(self._maps(batch), pre_logits=True)
            return pooled.float().cpu().numpy()

    def set_head(self, head: LinearHead) -> None:
        """Take this head in place of its own."""
        network: Any = self.module
        last = network.get_classifier()
        with torch.no_grad():
            last.weight.copy_(torch.from_numpy(head.weight)[None])
            last.bias.fill_(float(head.bias))

    def _maps(self, images: Tensor) -> Tensor:
        """Features before they are pooled, float32."""
        network: Any = self.module
        with autocast(self.device):
            maps: Tensor = network.forward_features(self.normalise(images))
        return maps.float()

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        All n go through at once; callers choose batches. Leaves the network in evaluation mode.
        """
        check_crops(images, self.size)
        return torch_logits(self, images)


def create_timm(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> TimmDetector:
    """The factory behind the registry's timm entries; see `create_detector`."""
    start = resolve_timm(spec, weights)
    module = build_network(spec, seed)
    if start.path is not None:
        state, claim = read_named_state(start.path)
        refuse_sibling(claim, spec.architecture, start.path)
        state = as_timm(without_part(state), spec.architecture, module, start.path)
        lay_in_timm(module, state, start.path)
    # After: public weights have places of patches for the size that they were trained at.
    fit_size(module, size)
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
    fit_size(module, size)
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


def patch_of(module: nn.Module) -> int:
    """Side in pixels of the patches of a vision transformer that can be set to other sizes.

    0 for all other networks: they take any size, or their own alone.
    """
    embed = getattr(module, "patch_embed", None)
    # Others cut maps into windows, or have tables of relative places, which fit few sizes.
    if not isinstance(module, VisionTransformer | Eva) or type(embed) is not PatchEmbed:
        return 0
    return int(embed.patch_size[0]) if hasattr(module, "set_input_size") else 0


def fit_size(module: nn.Module, size: int) -> None:
    """Make a vision transformer ready for crops of this side: its places are interpolated."""
    network: Any = module
    if patch_of(module) and tuple(network.patch_embed.img_size) != (size, size):
        with torch.no_grad():
            network.set_input_size(img_size=(size, size))


def lay_in_timm(module: nn.Module, state: StateDict, path: Path) -> None:
    """Copy a start's tensors into a network, under timm's names or those of who made them.

    What timm renames for the network's family (OpenAI's and OpenCLIP's CLIP, DINOv2 and DINOv3,
    Perception Encoder, ConvNeXt, ...) is renamed where the names are not timm's, and places of
    patches are interpolated to the network's own size.

    Raises:
        InputError: the tensors are those of another network.
    """
    head = head_of(module)
    try:
        lay_in(module, state, head, path)
    except InputError as error:
        rename = getattr(import_module(type(module).__module__), "checkpoint_filter_fn", None)
        if rename is None:
            raise
        try:
            renamed = rename(dict(state), module)
        except (KeyError, RuntimeError, AttributeError, ValueError, IndexError, TypeError):
            raise error from None  # not of this family: the first sentence says what differs
        try:
            lay_in(module, renamed, head, path)
        except InputError:
            raise error from None


def _forward_grouped(layer: nn.Conv2d, images: Tensor) -> Tensor:
    """A depthwise convolution, in float32 while it is trained on a CPU.

    Its backward pass in bf16 is slow there: MobileNetV3 trains 1.9 times, EfficientNet-B4 1.6
    times as fast this way. When only scoring, bf16 is the faster one, and it is left alone.
    """
    if not layer.training or images.device.type != "cpu":
        return type(layer).forward(layer, images)
    with torch.autocast("cpu", enabled=False):
        return type(layer).forward(layer, images.float())


def last_layer(spec: DetectorSpec) -> str:
    """The name of the last layer of a network that is not built."""
    return str(cast(Any, timm.models.get_pretrained_cfg(spec.architecture)).classifier)


def head_of(module: nn.Module) -> str:
    """The name of the last layer, as timm records it."""
    network: Any = module
    return str(network.pretrained_cfg["classifier"])
