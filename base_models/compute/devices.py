"""Where the networks compute, how precisely, and with the same bytes every time.

torch is imported where it is needed: what OpenVINO computes on the CPU goes without.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, get_args

from base_models.compute.hardware import cpu_flags, may_have_gpus
from base_models.compute.place import Precision, settle_device
from base_models.compute.threads import available_threads
from predictions.errors import InputError


@dataclass(frozen=True)
class Device:
    """A device and the precision of its matrix products.

    Attributes:
        name: torch's name: `cpu`, `cuda`, `cuda:1`, ...
        precision: `bf16` or `fp16` (autocast; weights stay float32), or `fp32`.
        threads: CPU threads of one operation.
    """

    name: str
    precision: Literal["bf16", "fp16", "fp32"]
    threads: int


def choose_device(
    device: str = "auto", precision: Precision = "auto", threads: int | None = None
) -> Device:
    """Settle `auto`: CUDA where there is one; bf16 where the hardware multiplies in it, fp16 on a
    CUDA device that does not, else fp32.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        precision: `auto`, `bf16`, `fp16` (CUDA alone) or `fp32`.
        threads: CPU threads; all that this process may use when None.

    Raises:
        InputError: the device is not here, or a name is unknown.
    """
    device, kind = settle_device(
        device, precision, "torch", ("cpu", "cuda", "mps"), get_args(Precision), _gpus
    )
    if kind == "mps" and not _torch().backends.mps.is_available():
        raise InputError(
            f"device {device!r}: torch sees no Apple GPU here",
            option="--device",
            remedy="use --device cpu",
        )
    if precision == "fp16" and kind != "cuda":
        raise InputError(
            f"precision fp16: only CUDA devices train in it, not {device}",
            option="--precision",
            remedy="use bf16",
        )
    return Device(device, _settled(precision, kind), threads or available_threads())


def _torch() -> Any:
    return import_module("torch")


def _gpus() -> int:
    if "torch" not in sys.modules and not may_have_gpus():
        return 0
    cuda = _torch().cuda
    return int(cuda.device_count()) if cuda.is_available() else 0


def _settled(precision: Precision, kind: str) -> Literal["bf16", "fp16", "fp32"]:
    if precision != "auto":
        return precision
    if _has_bf16(kind):
        return "bf16"
    return "fp16" if kind == "cuda" else "fp32"


def _has_bf16(kind: str) -> bool:
    if kind == "cuda":
        return bool(_torch().cuda.is_bf16_supported(including_emulation=False))
    return kind == "cpu" and not _cpu_flags().isdisjoint(("amx_bf16", "avx512_bf16"))


def has_fast_int8() -> bool:
    """Whether this CPU adds up products of bytes in one instruction, as x86 does with VNNI."""
    return not _cpu_flags().isdisjoint(("avx512_vnni", "avx_vnni"))


def _cpu_flags() -> frozenset[str]:
    """What this CPU can do, in words that Linux and torch share."""
    known = cpu_flags()
    if known is not None:
        return known
    cpu = _torch().cpu
    if hasattr(cpu, "get_capabilities"):
        told = cpu.get_capabilities()
    else:  # torch before 2.10 tells of bf16 only, and only through these
        told = {
            "amx_bf16": cpu._is_amx_tile_supported(),
            "avx512_bf16": cpu._is_avx512_bf16_supported(),
        }
    return frozenset(name for name, has in told.items() if has)


def autocast(device: Device) -> AbstractContextManager:
    """Matrix products and convolutions in bf16 or fp16 where `device` says so."""
    if device.precision == "fp32":
        return nullcontext()
    torch = _torch()
    kind = torch.bfloat16 if device.precision == "bf16" else torch.float16
    context: AbstractContextManager = torch.autocast(torch.device(device.name).type, dtype=kind)
    return context


@contextmanager
def reproducible(device: Device) -> Iterator[None]:
    """Fixed threads and deterministic algorithms inside the block, as before after it.

    Where torch has no deterministic algorithm (a few on CUDA) it warns and goes on. The same
    bytes are promised for one kind of CPU, one number of threads (however many cores there are)
    and one version of torch.
    """
    torch = _torch()
    # cuBLAS reads this when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    fine_print: Any = import_module("torch.utils.deterministic")

    threads = torch.get_num_threads()
    mode = torch.get_deterministic_debug_mode()
    filled, benchmark = fine_print.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    torch.set_num_threads(device.threads)
    # Not `use_deterministic_algorithms`, which imports all of torch.compile: seconds a process.
    torch.set_deterministic_debug_mode("warn")
    # Filling memory that is overwritten anyway costs time; it is a debugging aid.
    fine_print.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_deterministic_debug_mode(mode)
        fine_print.fill_uninitialized_memory = filled
        torch.backends.cudnn.benchmark = benchmark
