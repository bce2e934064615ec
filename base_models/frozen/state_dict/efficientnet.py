"""EfficientNets that were made with efficientnet_pytorch (Luke Melas-Kyriazi), in timm's network.

Its tensors have other names than timm's, and its strided convolutions are padded as they would be
for the size that the network was made at, whatever the picture's: for 380 pixels in B4.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional

#: Sides in pixels that the networks are made at, by timm's name.
SIZES = {
    f"tf_efficientnet_b{n}": side for n, side in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
}


class PaddedConv(nn.Conv2d):
    """A convolution whose input is padded by fixed numbers of zeros.

    Attributes:
        pads: zeros before and after, along both axes.
    """

    pads: tuple[int, int] = (0, 0)

    def forward(self, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, k, h', w')."""
        before, after = self.pads
        padded = functional.pad(images, (before, after, before, after))
        return functional.conv2d(
            padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def build(name: str, outputs: int, *, padded_stem: bool = True) -> nn.Module:
    """timm's network with the paddings of efficientnet_pytorch's.

    Args:
        name: timm's name, `tf_efficientnet_b4`.
        outputs: of its last layer, `classifier`.
        padded_stem: whether its first convolution is padded.
    """
    network: Any = timm.create_model(name, pretrained=False, num_classes=outputs)
    side = SIZES[name]
    _fix_pads(network, "conv_stem", side if padded_stem else None)
    side = math.ceil(side / 2)
    for stage, blocks in enumerate(network.blocks):
        strided = blocks[0].conv_dw
        if strided.stride[0] > 1:
            _fix_pads(network, f"blocks.{stage}.0.conv_dw", side)
            side = math.ceil(side / strided.stride[0])
    made: nn.Module = network
    return made


def _fix_pads(network: nn.Module, name: str, side: int | None) -> None:
    """Pad the convolution `name` as for pictures of `side` pixels; with None not at all."""
    old: Any = network.get_submodule(name)
    kernel, stride = old.kernel_size[0], old.stride[0]
    lacking = 0
    if side is not None:
        lacking = max(0, (math.ceil(side / stride) - 1) * stride + kernel - side)
    new = PaddedConv(
        old.in_channels, old.out_channels, kernel, stride, groups=old.groups, bias=False
    )
    new.pads = (lacking // 2, lacking - lacking // 2)
    new.weight = old.weight
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, new)


#: Layers of a block: theirs -> timm's, without and with an expansion.
_PLAIN = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
_EXPANDED = {
    **_PLAIN,
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_ENDS = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}


def names(network: str) -> Callable[[str], str]:
    """A function from the names of efficientnet_pytorch to those of timm's `network`.

    A name that has no counterpart comes back as it is.
    """
    with torch.device("meta"):
        module: Any = timm.create_model(network, pretrained=False)
    places = [(stage, i) for stage, blocks in enumerate(module.blocks) for i in range(len(blocks))]
    return partial(_renamed, places)


def _renamed(places: list[tuple[int, int]], name: str) -> str:
    first, _, rest = name.partition(".")
    if first != "_blocks":
        layer = _ENDS.get(first, "classifier" if first == "_fc" else first)
        return f"{layer}.{rest}"
    number, layer, last = rest.split(".", 2)
    if not number.isdigit() or int(number) >= len(places):
        return name
    stage, i = places[int(number)]
    layers = _EXPANDED if stage else _PLAIN
    return f"blocks.{stage}.{i}.{layers.get(layer, layer)}.{last}"
