"""OpenVINO, imported without its telemetry; every module here that needs it takes it from here."""

import sys
from functools import lru_cache
from typing import Any, Literal

# Converting a network reports to OpenVINO's makers wherever this package can be imported, and nobody
# is asked. So it can't be, unless it was imported before us.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

__all__ = ["compile_network", "core", "openvino"]

#: OpenVINO's names of the precisions of products; what lies between them stays as it is stored.
_PRECISIONS = {"bf16": "bf16", "fp32": "f32"}


@lru_cache(maxsize=1)
def core() -> openvino.Core:
    """The one that knows the devices."""
    return openvino.Core()


def compile_network(
    network: openvino.Model, precision: Literal["bf16", "fp32"], streams: int
) -> Any:
    """A network ready to run on this CPU: `streams` batches at a time, one thread each."""
    return core().compile_model(
        network,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": streams,
            "NUM_STREAMS": streams,
        },
    )
