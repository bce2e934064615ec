"""Any network of timm as a detector, without an entry in the registry.

It is asked for as `timm:NAME`, with or without timm's tag of its weights (`resnet50`,
`resnet50.a1_in1k`). Folders, files and columns bear the name `timm-NAME`, which no file system
objects to and which is understood too.
"""

import difflib
from functools import lru_cache
from typing import Any

import timm
import torch

from base_models.detectors.catalogue import TIMM
from base_models.detectors.registry import TIMM_PREFIX, DetectorSpec, PublishedWeights
from base_models.detectors.timm_detectors import patch_of
from predictions.errors import InputError


@lru_cache(maxsize=64)
def find_timm(name: str) -> DetectorSpec:
    """The spec of timm's network `name`, from timm's own record of it.

    Raises:
        InputError: timm has no such network or weights, or it has not one head.
    """
    if not timm.is_model(name) or ":" in name or "/" in name:
        near = difflib.get_close_matches(name.lower(), timm.list_models(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "see timm.list_models()"
        raise InputError(f"timm has no network called {name!r}", remedy=hint)
    try:
        config: Any = timm.models.get_pretrained_cfg(name)
    except RuntimeError as error:
        base = name.partition(".")[0]
        tags = [tag for tag in timm.list_pretrained() if tag.startswith(f"{base}.")]
        raise InputError(
            f"timm has no weights {name!r}: there are {', '.join(tags) or 'none'}"
        ) from error
    if config is None or not isinstance(config.classifier, str):
        raise InputError(f"timm:{name} has several heads or none and cannot be a detector")
    parameters, patch = _measure(name)
    return DetectorSpec(
        name=f"{TIMM_PREFIX}{name}",
        architecture=name,
        size=int(config.input_size[-1]),
        mean=_three(config.mean),
        std=_three(config.std),
        parameters=parameters,
        published=_published(config),
        fixed_size=bool(config.fixed_input_size) and not patch,
        multiple=patch or 1,
        **TIMM,
    )


def _measure(name: str) -> tuple[int, int]:
    """Parameters with one output, and see `patch_of`; no memory is taken for them."""
    with torch.device("meta"):
        module: Any = timm.create_model(name, pretrained=False, num_classes=1)
    if not hasattr(module.get_classifier(), "weight"):
        raise InputError(f"timm:{name} has a head of its own kind and cannot be a detector")
    return sum(parameter.numel() for parameter in module.parameters()), patch_of(module)


def _published(config: Any) -> PublishedWeights | None:
    # `hf`: laid in by code of its own, which is not run here.
    if not config.hf_hub_id or config.hf_hub_filename or config.custom_load == "hf":
        return None
    about = ", ".join(part for part in (config.tag, config.license) if part)
    return PublishedWeights(config.hf_hub_id, "model.safetensors", about)


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue
