"""Where a detector computes and how precisely, whatever its framework. Imports none."""

from collections.abc import Callable
from typing import Literal, Protocol

from predictions.errors import InputError

Precision = Literal["auto", "bf16", "fp16", "fp32"]


class Place(Protocol):
    """Where a detector computes: what its framework's `choose_device` answers."""

    @property
    def name(self) -> str:
        """`cpu`, `cuda`, `cuda:1`, ..."""

    @property
    def precision(self) -> Precision:
        """Of its matrix products, settled: never `auto`."""

    @property
    def threads(self) -> int:
        """CPU threads of one operation."""


def settle_device(
    device: str,
    precision: str,
    framework: str,
    kinds: tuple[str, ...],
    precisions: tuple[str, ...],
    gpus: Callable[[], int],
) -> tuple[str, str]:
    """The device with `auto` settled, CUDA where there is one, and its kind: `cuda:1`, `cuda`.

    Args:
        device, precision: as asked for.
        framework: `torch` or `tensorflow`, for the message.
        kinds, precisions: those it knows, but for `auto` as a device.
        gpus: how many GPUs it sees here; asked only where that matters.

    Raises:
        InputError: the device is not here, or a name is unknown.
    """
    if precision not in precisions:
        raise InputError(
            f"precision {precision!r} is none of {framework}",
            option="--precision",
            expected=", ".join(precisions),
        )
    if device == "auto":
        device = "cuda" if gpus() else "cpu"
    kind, _, number = device.partition(":")
    if kind not in kinds or (number and not number.isdecimal()):
        known = ("auto", *(f"{one}, cuda:N" if one == "cuda" else one for one in kinds))
        raise InputError(
            f"device {device!r} is none of {framework}",
            option="--device",
            expected=", ".join(known),
        )
    if kind == "cuda" and int(number or 0) >= gpus():
        raise InputError(
            f"device {device!r}: {framework} sees no such GPU here",
            option="--device",
            remedy="use --device cpu",
        )
    return device, kind
