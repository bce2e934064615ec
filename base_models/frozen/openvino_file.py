"""Detectors that are files of networks which OpenVINO reads: ONNX, TFLite, its own IR.

A file holds a graph of operations out of OpenVINO's own set: nothing in it is code.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from base_models.backends.openvino_runtime import compile_network, core, openvino
from base_models.compute.devices import Device
from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card
from base_models.frozen.detector import FrozenDetector
from base_models.frozen.kinds import Draft, card_name
from predictions.errors import InputError

__all__ = ["draft", "load"]

#: Last operations that make probabilities of logits.
_PROBABLE = ("Softmax", "Sigmoid")


def load(spec: DetectorSpec, path: Path, place: Device) -> FrozenDetector:
    """The network in the file `path` as a detector, in float32 on the CPU.

    Raises:
        InputError: OpenVINO cannot read it, or it takes and gives other things than its card says.
    """
    card = spec.card
    assert card is not None
    network = _read(path)
    entry = _entry(network, path)
    result = _result(network, card.network, path)
    channels_last = _is_channels_last(entry)
    size = spec.size
    # A graph that was traced for so many pictures may have the number written into it elsewhere.
    count = next(iter(entry.partial_shape))
    batch = count.get_length() if count.is_static else None
    shape = [batch or -1, *((size, size, 3) if channels_last else (3, size, size))]
    try:
        network.reshape({entry.any_name: shape})
    except RuntimeError as error:
        raise InputError(
            f"the network takes {entry.partial_shape}, its card says {size} pixels", file=path
        ) from error
    number = next(i for i, one in enumerate(network.outputs) if one.node == result.node)
    compiled = compile_network(
        _on_pixels(network, spec, channels_last), "fp32", threads=place.threads
    )

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        request = compiled.create_infer_request()
        step = batch or len(images)
        parts = []
        for first in range(0, len(images), step):
            some = images[first : first + step]
            full = np.concatenate([some, some[:1].repeat(step - len(some), axis=0)])
            request.infer({0: np.ascontiguousarray(full)})
            values = np.array(request.get_output_tensor(number).data, np.float64)
            if len(values) != len(full):
                raise InputError(
                    f"the network gives {len(values)} answers of {len(full)} pictures",
                    file=path,
                    remedy="export it for one picture at a time, or for any number of them",
                )
            parts.append(values.reshape(len(full), -1)[: len(some)])
        return np.concatenate(parts)

    return FrozenDetector(spec, outputs)


def draft(path: Path) -> Draft:
    """What the graph in a file tells: sizes, how many outputs, whether they are probabilities.

    Raises:
        InputError: OpenVINO cannot read it, or it does not take pictures.
    """
    network = _read(path)
    entry = _entry(network, path)
    shape = list(entry.partial_shape)
    sides = shape[1:3] if _is_channels_last(entry) else shape[2:4]
    known = all(side.is_static for side in sides)
    size = sides[0].get_length() if known else None
    doubts: list[str] = []
    if known and sides[1].get_length() != size:
        raise InputError("the network takes pictures that are not square", file=path)
    if not known:
        doubts.append("The network takes pictures of any size: say --size.")
    result = network.outputs[0]
    named = ""
    if len(network.outputs) > 1:
        named = result.any_name
        names = ", ".join(output.any_name for output in network.outputs)
        doubts.append(
            f"It has several outputs ({names}); {named} is taken: say --network for another."
        )
    axes = list(result.partial_shape)
    count = axes[1].get_length() if len(axes) > 1 and axes[1].is_static else 1
    probable = _source(result).get_type_name() in _PROBABLE
    gives: Literal["logits", "probabilities"] = "probabilities" if probable else "logits"
    doubts.append("A graph does not say what its pixels are, nor which output is FAKE.")
    card = Card(
        card_name(path),
        "openvino",
        tuple(file.name for file in _files(path)),
        network=named,
        size=size,
    )
    guesses = {"size": "the graph's input"} if known else {}
    if probable:
        guesses["outputs.gives"] = f"the last operation is a {_source(result).get_type_name()}"
    return Draft(card, guesses, doubts, count, gives)


def _files(path: Path) -> list[Path]:
    """The file and those that hold its weights."""
    beside = [path.with_suffix(".bin")] if path.suffix == ".xml" else []
    beside += [path.with_name(path.name + end) for end in (".data", "_data")]
    beside.append(path.with_suffix(".data"))
    return [path, *(other for other in dict.fromkeys(beside) if other.is_file())]


def _read(path: Path) -> Any:
    try:
        return core().read_model(path)
    except (RuntimeError, openvino.frontend.OpConversionFailure) as error:
        raise InputError(
            "OpenVINO cannot read this network (damaged, cut short, or without its weights beside "
            "it?)",
            file=path,
        ) from error


def _entry(network: Any, path: Path) -> Any:
    if len(network.inputs) != 1 or len(network.input().partial_shape) != 4:
        raise InputError(
            "the network does not take pictures",
            file=path,
            expected="one input of four axes: pictures, channels, height, width",
        )
    return network.input()


def _is_channels_last(entry: Any) -> bool:
    shape = list(entry.partial_shape)
    return shape[3].is_static and shape[3].get_length() == 3 and not _is_three(shape[1])


def _is_three(side: Any) -> bool:
    return bool(side.is_static and side.get_length() == 3)


def _result(network: Any, named: str, path: Path) -> Any:
    for output in network.outputs:
        if not named or named in output.names:
            return output
    names = ", ".join(output.any_name for output in network.outputs)
    raise InputError(f"the network has no output {named!r}", file=path, expected=f"one of {names}")


def _source(result: Any) -> Any:
    """The operation whose values an output gives."""
    return result.node.input_value(0).get_node()


def _on_pixels(network: Any, spec: DetectorSpec, channels_last: bool) -> Any:
    """The network on RGB uint8 (n, size, size, 3)."""
    steps = PrePostProcessor(network)
    entry = steps.input()
    tensor = entry.tensor()
    tensor.set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.RGB)
    entry.model().set_layout(openvino.Layout("NHWC" if channels_last else "NCHW"))
    pixels = entry.preprocess().convert_element_type(openvino.Type.f32)
    pixels.mean([255 * value for value in spec.mean]).scale([255 * value for value in spec.std])
    if spec.channels == "BGR":
        pixels.convert_color(ColorFormat.BGR)
    return steps.build()
