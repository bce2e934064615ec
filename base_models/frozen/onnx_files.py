"""The files beside an ONNX network that hold its tensors, by the names that stand in it.

ONNX is a message of protocol buffers; what is read of it here are the few fields on the way to
`TensorProto.external_data` (see `onnx/onnx.proto`), so that no package is needed for it.
"""

from collections.abc import Iterator
from pathlib import Path

from base_models.foreign_files import LARGEST_GRAPH, mapped
from predictions.errors import InputError

#: Message -> number of the field -> message in it, on the way to tensors that lie elsewhere.
_WAY = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph"},
    "tensor": {13: "entry"},
}
#: Graphs in graphs, and nothing in the field has more than two or three.
_DEEPEST = 40


def external_files(path: Path) -> list[str]:
    """Names of the files beside `path` that hold tensors of it, in their order.

    Raises:
        InputError: it is damaged, or names a file that does not lie beside it.
    """
    names: dict[str, None] = {}
    try:
        with mapped(path, LARGEST_GRAPH) as content:
            for name in _locations(content, "model", 0):
                names.setdefault(name)
    except (IndexError, UnicodeDecodeError) as error:
        raise InputError("is no ONNX network (damaged or cut short?)", file=path) from error
    for name in names:
        if Path(name).name != name or name in ("", ".", ".."):
            raise InputError(
                f"its tensors are in {name!r}, which does not lie beside it",
                file=path,
                remedy="save it again with its tensors in the same folder",
            )
    return list(names)


def _locations(message: memoryview, kind: str, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        raise IndexError("graphs in graphs without an end")
    if kind == "entry":
        texts = {number: bytes(value) for number, value in _fields(message)}
        if texts.get(1) == b"location":
            yield texts.get(2, b"").decode()
        return
    way = _WAY[kind]
    for number, value in _fields(message):
        if number in way:
            yield from _locations(value, way[number], depth + 1)


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and content of the fields that have a length; the others are passed over."""
    place = 0
    while place < len(message):
        tag, place = _number(message, place)
        wire = tag & 7
        if wire == 2:
            length, place = _number(message, place)
            if place + length > len(message):
                raise IndexError("a field reaches over the end")
            yield tag >> 3, message[place : place + length]
            place += length
        elif wire == 0:
            _, place = _number(message, place)
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            raise IndexError(f"no field is of kind {wire}")


def _number(message: memoryview, place: int) -> tuple[int, int]:
    """A number of variable length, seven bits a byte, and the place behind it."""
    value = shift = 0
    while True:
        byte = message[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
        if shift > 63:
            raise IndexError("a number without an end")
