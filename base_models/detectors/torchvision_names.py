"""How torchvision names the tensors of the networks that timm names otherwise."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

#: Names of layers: torchvision's -> timm's.
Layers = Mapping[str, str]


def efficientnet(network: nn.Module) -> Layers:
    """Of timm's `efficientnet_b0` to `b7`."""
    blocks: Any = network.blocks
    layers = _ends(len(blocks) + 1, "classifier.1")
    for stage, some in enumerate(blocks):
        for i, block in enumerate(some):
            place = f"features.{stage + 1}.{i}.block"
            layers |= _block(block, place, f"blocks.{stage}.{i}", flat_last=False)
    return layers


def mobilenet_v2(network: nn.Module) -> Layers:
    """Of timm's `mobilenetv2_100`."""
    blocks = _flat(network)
    layers = _ends(len(blocks) + 1, "classifier.1")
    for number, (name, block) in enumerate(blocks.items(), start=1):
        layers |= _block(block, f"features.{number}.conv", name, flat_last=True)
    return layers


def mobilenet_v3(network: nn.Module) -> Layers:
    """Of timm's `mobilenetv3_large_100`: torchvision's first linear layer is timm's `conv_head`."""
    *blocks, last = _flat(network).items()
    layers = _ends(len(blocks) + 1, "classifier.3")
    # What ends the features is a block of timm's.
    layers[f"features.{len(blocks) + 1}.0"] = f"{last[0]}.conv"
    layers[f"features.{len(blocks) + 1}.1"] = f"{last[0]}.bn1"
    layers["classifier.0"] = "conv_head"
    for number, (name, block) in enumerate(blocks, start=1):
        layers |= _block(block, f"features.{number}.block", name, flat_last=False)
    return layers


def renaming(layers: Layers) -> Callable[[str], str]:
    """A function of a tensor's name; one that has no counterpart comes back as it is."""

    def rename(name: str) -> str:
        layer, _, last = name.rpartition(".")
        return f"{layers[layer]}.{last}" if layer in layers else name

    return rename


def _ends(last: int, classifier: str) -> dict[str, str]:
    return {
        "features.0.0": "conv_stem",
        "features.0.1": "bn1",
        f"features.{last}.0": "conv_head",
        f"features.{last}.1": "bn2",
        classifier: "classifier",
    }


def _flat(network: nn.Module) -> dict[str, nn.Module]:
    stages: Any = network.blocks
    return {
        f"blocks.{stage}.{i}": block
        for stage, blocks in enumerate(stages)
        for i, block in enumerate(blocks)
    }


def _block(block: Any, theirs: str, ours: str, *, flat_last: bool) -> dict[str, str]:
    """The layers of one block; `flat_last`: the last convolution and norm lie side by side."""
    expanded = hasattr(block, "conv_pwl")
    layers = ["conv_pw", "conv_dw", "conv_pwl"] if expanded else ["conv_dw", "conv_pw"]
    names, number = dict[str, str](), 0
    for i, layer in enumerate(layers, start=1):
        if flat_last and i == len(layers):
            pair = (f"{theirs}.{number}", f"{theirs}.{number + 1}")
        else:
            pair = (f"{theirs}.{number}.0", f"{theirs}.{number}.1")
        names |= {pair[0]: f"{ours}.{layer}", pair[1]: f"{ours}.bn{i}"}
        number += 1
        if layer == "conv_dw" and hasattr(block.se, "conv_reduce"):
            names[f"{theirs}.{number}.fc1"] = f"{ours}.se.conv_reduce"
            names[f"{theirs}.{number}.fc2"] = f"{ours}.se.conv_expand"
            number += 1
    return names
