"""What the head of an ONNX file says: the shape of the picture it takes, its outputs' names.

OpenCV runs the network but does not tell the first, and the second only of files that it can run.
An ONNX file is a protocol buffer; what is read here are a few fields of it (onnx.proto3):
ModelProto.graph = 7, GraphProto.input = 11 and output = 12, ValueInfoProto.name = 1 and type = 2,
TypeProto.tensor_type = 1, then shape = 2, dim = 1, dim_value = 1.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from base_models.foreign_files import LARGEST_GRAPH, mapped, refuse_large_picture
from predictions.errors import InputError

Value = TypeVar("Value")

_LENGTHS = {1: 8, 5: 4}  # bytes of the wire types fixed64 and fixed32
_VARINT, _BYTES = 0, 2


def picture_shape(path: Path) -> tuple[int | None, int | None]:
    """Height and width of the network's picture; None where it takes any.

    Raises:
        InputError: the file is missing, is not ONNX, or takes no picture (1, 3, H, W).
    """
    for shape in _values(path, 11, _shape):
        if len(shape) == 4 and shape[1] == 3:
            refuse_large_picture(shape[2], shape[3], path)
            return shape[2], shape[3]
    raise InputError(
        "takes no picture (1, 3, H, W)", file=path, remedy="give a YuNet or YOLO face network"
    )


def output_names(path: Path) -> list[str]:
    """What the network's outputs are called.

    Raises:
        InputError: the file is missing, or is not ONNX.
    """
    return [name for names in _values(path, 12, _names) for name in names]


def _values(path: Path, number: int, read: Callable[[memoryview], Value]) -> list[Value]:
    """What is said of the inputs (11) or outputs (12) of the graph, each a ValueInfoProto."""
    try:
        with mapped(path, LARGEST_GRAPH) as content:
            return [read(value) for graph in _parts(content, 7) for value in _parts(graph, number)]
    except (IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            "is not an ONNX file", file=path, remedy="give one (YuNet or YOLO)"
        ) from error


def _names(value: memoryview) -> list[str]:
    return [bytes(name).decode("utf-8", "replace") for name in _parts(value, 1)]


def _shape(value: memoryview) -> list[int | None]:
    """Dimensions of a ValueInfoProto; None for those that are free."""
    return [
        next((int(size) for size in _fields(dim, 1, _VARINT) if int(size) > 0), None)
        for kind in _parts(value, 2)
        for tensor in _parts(kind, 1)
        for shape in _parts(tensor, 2)
        for dim in _parts(shape, 1)
    ]


def _parts(message: memoryview, number: int) -> Iterator[memoryview]:
    """The messages in field `number`."""
    for part in _fields(message, number, _BYTES):
        assert isinstance(part, memoryview)
        yield part


def _fields(message: memoryview, number: int, kind: int) -> Iterator[memoryview | int]:
    """The values of field `number` that have the wire type `kind`."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        value: memoryview | int
        if wire == _VARINT:
            value, at = _varint(message, at)
        else:
            if wire == _BYTES:
                length, at = _varint(message, at)
            elif wire in _LENGTHS:
                length = _LENGTHS[wire]
            else:
                raise ValueError(f"wire type {wire}")
            value, at = message[at : at + length], at + length
            if at > len(message):
                raise ValueError("cut off")
        if key >> 3 == number and wire == kind:
            yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number too long")
