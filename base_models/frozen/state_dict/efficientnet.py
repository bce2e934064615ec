"""EfficientNets that were made with efficientnet_pytorch (Luke Melas-Kyriazi), in timm's network.

Its tensors have other names than timm's, and its strided convolutions are padded as they would be
for the size that the network was made at, whatever the picture's: for 380 pixels in B4.
"""

import math
from typing import Any

import timm
from torch import Tensor, nn
from torch.nn import functional

from base_models.detectors.efficientnet_pytorch_names import names

__all__ = ["SIZES", "PaddedConv", "build", "names"]

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
