"""How efficientnet_pytorch (Luke Melas-Kyriazi) and its descendants name timm's EfficientNets."""

from collections.abc import Callable
from functools import partial
from typing import Any

import timm
import torch

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
    number, layer, last = [*rest.split(".", 2), "", ""][:3]
    if not number.isdecimal() or int(number) >= len(places):
        return name
    stage, i = places[int(number)]
    layers = _EXPANDED if stage else _PLAIN
    return f"blocks.{stage}.{i}.{layers.get(layer, layer)}.{last}"
