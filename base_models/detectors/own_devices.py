"""Where users' own networks compute: in float32, as nobody knows what bf16 would spoil in them."""

from dataclasses import replace

from base_models.compute.devices import Device, reproducible
from base_models.compute.devices import choose_device as choose_any
from base_models.compute.place import Precision

__all__ = ["choose_device", "reproducible"]


def choose_device(
    device: str = "auto", precision: Precision = "auto", threads: int | None = None
) -> Device:
    """See `compute.devices.choose_device`; a logit of bf16 would be too coarse for log loss."""
    return replace(choose_any(device, precision, threads), precision="fp32")
