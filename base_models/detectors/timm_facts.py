"""What a run keeps of a network of timm that is in no list, so that its export needs no timm."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from base_models.detectors.catalogue import TIMM
from base_models.detectors.registry import TIMM_PREFIX, DetectorSpec, PublishedWeights

_NUMBERS = ("size", "parameters", "fixed_size", "multiple")


def facts_of_timm(spec: DetectorSpec) -> dict[str, Any]:
    """What timm says of the network, as JSON values."""
    return {
        **{name: getattr(spec, name) for name in _NUMBERS},
        "mean": list(spec.mean),
        "std": list(spec.std),
        "published": None if spec.published is None else asdict(spec.published),
    }


def spec_of_timm(name: str, facts: Mapping[str, Any]) -> DetectorSpec:
    """The entry of the network `timm-NAME`, of what `facts_of_timm` gave."""
    published = facts["published"]
    return DetectorSpec(
        name=name,
        architecture=name.removeprefix(TIMM_PREFIX),
        **{number: facts[number] for number in _NUMBERS},
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        published=None if published is None else PublishedWeights(**published),
        **TIMM,
    )
