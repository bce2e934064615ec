"""What the machine is, by the system's word: a framework would take seconds to be imported."""

import sys
from functools import lru_cache
from pathlib import Path

#: Where Linux tells of its CPU and shows its devices.
_CPU, _DEVICES = Path("/proc/cpuinfo"), Path("/dev")
#: The GPUs that CUDA or ROCm compute on, Jetson's and those of WSL too.
_GPUS = ("nvidia*", "nvhost*", "nvmap", "kfd", "dxg")


def may_have_gpus() -> bool:
    """Whether a framework might see one; where the system does not tell, it might."""
    if sys.platform != "linux":
        return True
    return any(True for name in _GPUS for _ in _DEVICES.glob(name))


@lru_cache(maxsize=1)
def cpu_flags() -> frozenset[str] | None:
    """What this x86 CPU can do, in Linux's words (`avx512_vnni`, ...); None where nobody tells."""
    try:
        lines = _CPU.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "flags":
            return frozenset(value.split())
    return None
