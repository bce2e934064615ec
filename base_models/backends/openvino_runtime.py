"""OpenVINO, imported without its telemetry; every module here that needs it takes it from here."""

import sys
import warnings
from functools import lru_cache
from typing import Any, Literal

# Where this package can be imported, converting a network is reported to OpenVINO's makers, and
# nobody is asked. So it can't be, unless it was imported before us.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

__all__ = ["Products", "compile_network", "convert_torch", "core", "openvino"]

#: What numbers are multiplied in. int8 is where a network rounds to it, and float32 elsewhere.
Products = Literal["bf16", "fp32", "int8"]

#: OpenVINO's names of them; what lies between products stays as it is stored.
_PRECISIONS = {"bf16": "bf16", "fp32": "f32", "int8": "f32"}


@lru_cache(maxsize=1)
def core() -> openvino.Core:
    """The one that knows the devices."""
    return openvino.Core()


def compile_network(
    network: openvino.Model,
    precision: Products,
    *,
    streams: int = 1,
    threads: int = 1,
) -> Any:
    """A network ready to run on this CPU: `streams` batches at a time on `threads` in all."""
    return core().compile_model(
        network,
        "CPU",
        {
            "INFERENCE_PRECISION_HINT": _PRECISIONS[precision],
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": streams,
            # Pinned, the threads of processes side by side would all sit on the first cores.
            "ENABLE_CPU_PINNING": False,
        },
    )


def convert_torch(module: Any, example: Any) -> openvino.Model:
    """A torch module in evaluation mode as OpenVINO's network; `example` is an input.

    Raises:
        RuntimeError, openvino.frontend.OpConversionFailure: OpenVINO cannot take it.
    """
    with warnings.catch_warnings():
        # Of how OpenVINO asks torch for the network, which users cannot change.
        warnings.simplefilter("ignore")
        return openvino.convert_model(module, example_input=example)
