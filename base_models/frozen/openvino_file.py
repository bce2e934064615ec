"""Detectors that are files of networks which OpenVINO reads: ONNX, TFLite, its own IR.

A file holds a graph of operations out of OpenVINO's own set: nothing in it is code.
"""

import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from openvino.preprocess import ColorFormat, PrePostProcessor

from base_models.backends.openvino_runtime import compile_network, core, openvino
from base_models.compute.devices import Device
from base_models.detectors.registry import DetectorSpec
from base_models.foreign_files import (
    LARGEST_ARRAY,
    LARGEST_GRAPH,
    refuse_large_picture,
    refuse_unless_file,
)
from base_models.frozen.card import Card, Pixels
from base_models.frozen.detector import FrozenDetector
from base_models.frozen.kinds import Draft, card_name
from base_models.frozen.onnx_files import external_files
from predictions.errors import InputError

__all__ = ["draft", "load"]

#: Last operations that make probabilities of logits.
_PROBABLE = ("Softmax", "Sigmoid")
#: Operations that leave values as they are.
_MOVING = ("Convert", "Reshape", "Squeeze", "Unsqueeze")


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
    if not entry.element_type.is_real() and min(spec.std) > 1 / 254:
        raise InputError(
            "the network takes whole numbers from 0 to 255, its card says other pixels",
            file=path,
            remedy="say --pixels raw",
        )
    size = spec.size
    # A graph that was traced for so many pictures may have the number written into it elsewhere.
    count = next(iter(entry.partial_shape))
    batch = count.get_length() if count.is_static else None
    shape = [batch or -1, *((size, size, 3) if channels_last else (3, size, size))]
    takes = str(entry.partial_shape)
    other_size = InputError(f"the network takes {takes}, its card says {size} pixels", file=path)
    # Not tried: what OpenVINO fails at can end the process later, in another network.
    if any(side.is_static and side.get_length() != size for side in _sides(entry)):
        raise other_size
    try:
        network.reshape(openvino.PartialShape(shape))
    except RuntimeError as error:
        raise other_size from error
    _refuse_enormous(network, path)
    number = next(i for i, one in enumerate(network.outputs) if one.node == result.node)
    try:
        compiled = compile_network(
            _on_pixels(network, spec, channels_last), "fp32", threads=place.threads
        )
    except (RuntimeError, MemoryError) as error:
        raise InputError("OpenVINO cannot compute this network", file=path) from error

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        request = compiled.create_infer_request()
        step = batch or len(images)
        parts = []
        for first in range(0, len(images), step):
            some = images[first : first + step]
            full = np.concatenate([some, some[:1].repeat(step - len(some), axis=0)])
            try:
                request.infer({0: np.ascontiguousarray(full)})
            except RuntimeError as error:
                raise InputError(
                    f"the network fails on {count(len(full), 'picture')}",
                    file=path,
                    remedy="export it for one picture at a time, or for any number of them",
                ) from error
            values = np.array(request.get_output_tensor(number).data, np.float64)
            if values.shape[:1] != (len(full),):
                raise InputError(
                    f"the network gives values of shape {values.shape} for "
                    f"{count(len(full), 'picture')}",
                    file=path,
                    remedy="export it for one picture at a time, or for any number of them",
                )
            parts.append(values.reshape(len(full), -1)[: len(some)])
        return np.concatenate(parts)

    return FrozenDetector(spec, outputs)


def draft(path: Path, network: str) -> Draft:
    """What the graph in a file tells: sizes, how many outputs, whether they are probabilities.

    Raises:
        InputError: OpenVINO cannot read it, or it does not take pictures.
    """
    graph = _read(path)
    entry = _entry(graph, path)
    sides = _sides(entry)
    known = all(side.is_static for side in sides)
    size = sides[0].get_length() if known else None
    doubts: dict[str, str] = {}
    if known and sides[1].get_length() != size:
        raise InputError("the network takes pictures that are not square", file=path)
    if not known:
        doubts["size"] = "The network takes pictures of any size: say --size."
    result = _result(graph, network, path)
    named = result.any_name if len(graph.outputs) > 1 else ""
    if named and not network:
        names = ", ".join(output.any_name for output in graph.outputs)
        doubts["several outputs"] = (
            f"It has several outputs ({names}); {named} is taken: say --network for another."
        )
    last = _source(result)
    probable = last in _PROBABLE
    gives: Literal["logits", "probabilities"] = "probabilities" if probable else "logits"
    pixels = None
    if not entry.element_type.is_real():
        pixels = Pixels((0.0, 0.0, 0.0), (1 / 255, 1 / 255, 1 / 255))
    else:
        doubts["pixels"] = "A graph does not say what its pixels are: say --pixels."
    doubts["outputs"] = "A graph does not say which output is FAKE: say --fake."
    card = Card(
        card_name(path),
        "openvino",
        tuple(file.name for file in _files(path)),
        network=named,
        size=size,
        pixels=pixels,
    )
    guesses = {"size": "the graph's input"} if known else {}
    if pixels is not None:
        guesses["pixels"] = "the graph takes whole numbers from 0 to 255"
    if probable:
        guesses["outputs.gives"] = f"the last operation is a {last}"
    return Draft(card, guesses, doubts, _count(result), gives)


def _files(path: Path) -> list[Path]:
    """The file and those that hold its weights."""
    ending = path.suffix.lower()
    beside = [path.with_suffix(".bin").name] if ending == ".xml" else []
    if ending == ".onnx":
        beside = external_files(path)
    others = [path.with_name(name) for name in beside]
    for other in others:
        if not other.is_file():
            raise InputError(
                f"its weights are in {other.name}, which is not beside it",
                file=path,
                remedy="put that file there too",
            )
    return [path, *others]


def _read(path: Path) -> Any:
    refuse_unless_file(path, LARGEST_GRAPH)
    # Before OpenVINO opens what the file names.
    _files(path)
    try:
        network = core().read_model(path)
        _refuse_enormous(network, path)
        return network
    except (RuntimeError, MemoryError, openvino.frontend.OpConversionFailure) as error:
        raise InputError(
            "OpenVINO cannot read this network (damaged, cut short, or with an operation that it "
            "does not know?)",
            file=path,
        ) from error


def _refuse_enormous(network: Any, path: Path) -> None:
    """Refuse a graph that would compute with more numbers than a memory holds."""
    for operation in network.get_ops():
        for output in operation.outputs():
            shape = output.partial_shape
            if shape.is_static and math.prod(list(shape.to_shape())) > LARGEST_ARRAY:
                raise InputError(
                    f"its operation {operation.get_type_name()} gives {shape} numbers",
                    file=path,
                    expected=f"at most {LARGEST_ARRAY:,}",
                )


def _entry(network: Any, path: Path) -> Any:
    if len(network.inputs) != 1 or not _takes_pictures(network.input().partial_shape):
        raise InputError(
            f"the network takes {', '.join(str(one.partial_shape) for one in network.inputs)}",
            file=path,
            expected="one input of pictures in colour: (n, 3, height, width) or (n, height, width, "
            "3)",
        )
    entry = network.input()
    if not entry.element_type.is_real() and entry.element_type != openvino.Type.u8:
        raise InputError(
            f"the network takes numbers of the type {entry.element_type.get_type_name()}",
            file=path,
            expected="floats, or whole numbers from 0 to 255",
        )
    height, width = (side.get_length() if side.is_static else None for side in _sides(entry))
    refuse_large_picture(height, width, path)
    return entry


def _sides(entry: Any) -> list[Any]:
    """Height and width of the pictures."""
    shape = list(entry.partial_shape)
    return shape[1:3] if _is_channels_last(entry) else shape[2:4]


def _takes_pictures(shape: Any) -> bool:
    if shape.rank.is_dynamic or len(shape) != 4:
        return False
    return any(shape[axis].is_dynamic or _is_three(shape[axis]) for axis in (1, 3))


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


def _count(result: Any) -> int | None:
    """How many values an output has for each picture; None where the graph does not tell."""
    shape = result.partial_shape
    if shape.rank.is_dynamic or any(axis.is_dynamic for axis in list(shape)[1:]):
        return None
    return math.prod(axis.get_length() for axis in list(shape)[1:])


def _source(result: Any) -> str:
    """What computes the values that an output gives; what only moves them is passed over."""
    node = result.node.input_value(0).get_node()
    while node.get_type_name() in _MOVING:
        node = node.input_value(0).get_node()
    return str(node.get_type_name())


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
