"""What files with weights of timm's networks are called, and whose they say they are.

Networks such as `efficientnet_b4` and `tf_efficientnet_b4` have tensors of the same names and
shapes and make other numbers of them. Nothing in the tensors tells one from the other, so what is
said beside them is heeded: by the checkpoint of a training (`arch`), by the `config.json` of a
folder from the Hugging Face hub, and by the file's hash, which is part of the names of the files
that timm publishes.
"""

import re
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision

from predictions.errors import InputError
from predictions.files import read_json
from predictions.products import checksum

#: timm's networks that torchvision calls otherwise.
_TORCHVISION = {
    "mobilenetv2_100": "mobilenet_v2",
    "mobilenetv3_large_100": "mobilenet_v3_large",
}
#: What the hub calls weights, whichever network's they are.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
#: torch.hub's convention: NAME-<first digits of the SHA-256>.pth
_DIGITS = re.compile(r"-([a-f0-9]{8,})\.pth$")


def public_names(architecture: str, folder: Path | None) -> list[str]:
    """What a file with weights of a network may be called, besides after the detector.

    Args:
        architecture: timm's name, with or without a tag.
        folder: where it lies; the hub's names tell nothing without its `config.json` there.
    """
    base = architecture.partition(".")[0]
    config: Any = timm.models.get_pretrained_cfg(architecture)
    urls = [config.url] if config is not None and config.url else []
    name = _TORCHVISION.get(base, base)
    if name in torchvision.models.list_models(torchvision.models):
        urls += [weights.url for weights in torchvision.models.get_model_weights(name)]
    names = [url.rpartition("/")[2] for url in urls]
    return [*names, *_HUB_FILES] if folder is not None and _hub_network(folder) else names


def refuse_sibling(claim: str, architecture: str, path: Path) -> None:
    """Refuse weights of a network that gives other numbers with tensors of the same shapes.

    Args:
        claim: the network that the checkpoint says it is of; empty where it says none.
        architecture: timm's name of the network that they are for.
        path: the file.

    Raises:
        InputError: they are said to be another network's.
    """
    hub = _hub_network(path.parent) if path.name in _HUB_FILES else ""
    hashed = _published_networks().get(checksum(path)[:8], "") if path.suffix == ".pth" else ""
    sources = ((claim, "so the checkpoint says"), (hub, "so config.json says"))
    for name, how in (*sources, (hashed, "by its hash, as timm publishes it")):
        base = name.partition(".")[0]
        if base and timm.is_model(base) and not _alike(base, architecture.partition(".")[0]):
            raise InputError(
                f"these are the weights of {base} ({how}), which are not those of "
                f"{architecture}, even where all shapes are the same",
                file=path,
                remedy=f"use them for timm:{base}",
            )


def _hub_network(folder: Path) -> str:
    """What the `config.json` of a folder from the hub calls timm's network."""
    try:
        config = read_json(folder / "config.json")
    except (OSError, InputError):
        return ""
    name = config.get("architecture") if isinstance(config, dict) else None
    return name if isinstance(name, str) else ""


@cache
def _published_networks() -> dict[str, str]:
    """The first eight digits of the hashes of files that timm publishes -> the network."""
    networks = {}
    for name in timm.list_pretrained():
        config: Any = timm.models.get_pretrained_cfg(name)
        digits = _DIGITS.search(config.url or "")
        if digits:
            networks[digits.group(1)[:8]] = name.partition(".")[0]
    return networks


@cache
def _alike(one: str, other: str) -> bool:
    """Whether two names of timm's are of the same layers with the same settings."""
    return one == other or _layers(one) == _layers(other)


def _layers(name: str) -> str:
    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter("ignore")  # of names that timm has given up
        return repr(timm.create_model(name, pretrained=False, num_classes=1))
