"""OpenVINO, imported without its telemetry; every module here that needs it takes it from here."""

import sys
import warnings
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

# Where this package can be imported, converting a network is reported to OpenVINO's makers, and
# nobody is asked. So it can't be, unless it was imported before us.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402

__all__ = [
    *("Products", "compile_network", "convert_torch", "core", "openvino", "save_network"),
    "taking_pixels",
]

#: What numbers are multiplied in. int8 is where a network rounds to it, and float32 elsewhere.
Products = Literal["bf16", "fp32", "int8"]

#: OpenVINO's names of them; what lies between products stays as it is stored.
_PRECISIONS = {"bf16": "bf16", "fp32": "f32", "int8": "f32"}
#: Its types of a picture's values.
_PIXELS = {"uint8": openvino.Type.u8, "float32": openvino.Type.f32}


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


def convert_torch(module: Any, example: Any, *, plain: bool = False) -> openvino.Model:
    """A torch module in evaluation mode as OpenVINO's network; `example` is an input.

    A `plain` one, of layers alone, is not traced a second time for comparison, which would take as
    long again and import what torch has for tensors over many machines.

    Raises:
        RuntimeError, openvino.frontend.OpConversionFailure: OpenVINO cannot take it.
    """
    with warnings.catch_warnings():
        # Of how OpenVINO asks torch for the network, which users cannot change.
        warnings.simplefilter("ignore")
        if plain:
            module = import_module("torch").jit.trace(module, example, check_trace=False)
        return openvino.convert_model(module, example_input=example)


def save_network(network: openvino.Model, path: Path) -> None:
    """Write a network as `path`, and its weights beside it; the same one gives the same bytes."""
    # OpenVINO names by a count of all that this process has made.
    for place, node in enumerate(network.get_ordered_ops()):
        node.friendly_name = f"{node.get_type_name()}_{place}"
    parts = (network.get_results(), network.get_sinks(), network.get_parameters())
    named = openvino.Model(*parts, network.get_variables(), "network")
    # Not as fp16: batch norms laid into the weights of networks that know much leave them so
    # uneven that probabilities moved by up to .01, and that backend was refused.
    openvino.save_model(named, path, compress_to_fp16=False)


def taking_pixels(
    network: openvino.Model, kind: Literal["uint8", "float32"], mean: float, scale: float
) -> openvino.Model:
    """The network for pictures (n, H, W, 3) as they are, instead of normalised (n, 3, H, W).

    kind: the type of the pixels; `mean` is taken off and the rest divided by `scale`.
    """
    steps = openvino.preprocess.PrePostProcessor(network)
    picture = steps.input()
    picture.tensor().set_element_type(_PIXELS[kind]).set_layout(openvino.Layout("NHWC"))
    picture.preprocess().convert_element_type(openvino.Type.f32).mean(mean).scale(scale)
    picture.model().set_layout(openvino.Layout("NCHW"))
    return steps.build()
