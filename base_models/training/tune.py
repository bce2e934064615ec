"""What of a network is trained: all of it, its normalisation layers and its head, or the head.

Tuning the normalisation layers alone keeps what a foundation backbone knows, and is how the best
detectors of 2025 and 2026 are made (GenD: Yermakov et al., WACV 2026); of batch normalisation it
was looked at by Frankle et al. (ICLR 2021).
"""

from typing import Any

import torch
from torch import nn

from base_models.detectors.registry import DetectorSpec
from base_models.detectors.timm_detectors import build_network
from base_models.training.settings import TrainSettings
from predictions.errors import InputError

_NORMS = (
    *(nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.modules.batchnorm._BatchNorm),
    nn.modules.instancenorm._InstanceNorm,
)
#: Where timm has its own, which are of none of torch's kinds.
_TIMMS = ("norm", "norm_act", "evo_norm", "filter_response_norm", "inplace_abn")


def check_tune(spec: DetectorSpec, settings: TrainSettings) -> None:
    """Refuse a network that cannot be tuned as asked; no memory is taken for it.

    Raises:
        InputError: it has no normalisation layers, or its last layer is not a linear one.
    """
    with torch.device("meta"):
        module: Any = build_network(spec, 0)
    if settings.tune == "norm" and not norm_layers(module):
        raise InputError(
            f"{spec.name} has no normalisation layers",
            option="--tune",
            remedy="use --tune all or head",
        )
    if settings.tune == "head" and not isinstance(module.get_classifier(), nn.Linear):
        raise InputError(
            f"the last layer of {spec.name} is not a linear one",
            option="--tune",
            remedy="use --tune all or norm",
        )


def norm_layers(module: nn.Module) -> list[nn.Module]:
    """The normalisation layers with something to train."""
    return [
        layer
        for layer in module.modules()
        if _is_norm(layer) and any(True for _ in layer.parameters(recurse=False))
    ]


def freeze_all_but_norms(module: nn.Module) -> None:
    """Leave only the normalisation layers and the last layer to be trained."""
    network: Any = module
    module.requires_grad_(False)
    for layer in [*norm_layers(module), network.get_classifier()]:
        layer.requires_grad_(True)


def _is_norm(layer: nn.Module) -> bool:
    home, _, name = type(layer).__module__.rpartition(".")
    return isinstance(layer, _NORMS) or (home == "timm.layers" and name in _TIMMS)
