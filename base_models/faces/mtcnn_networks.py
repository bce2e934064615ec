"""MTCNN's three networks: facenet-pytorch's, by OpenVINO where that is installed.

In float32 both give the same numbers but for the last bit; OpenVINO takes a quarter of the time,
and half of that where it computes in 8-bit whole numbers.
"""

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock, local
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

#: The networks, and the sides of the patches that they look at; P-Net sees pictures of any size.
SIDES = {"pnet": None, "rnet": 24, "onet": 48}
#: How many numbers say how a box is to be shifted.
SHIFT = 4

#: Sizes of the batches that R-Net and O-Net get by OpenVINO, which prepares itself for each size
#: anew, at the price of a dozen patches or more. The last batch is filled up.
_BATCHES = {24: (16, 4), 48: (4, 1)}

Answers = tuple[NDArray[np.float32], ...]


class Network(Protocol):
    """Pictures (n, h, w, 3) of values up to 255 -> the network's answers.

    Last of them is the probability of a face, (n,), or (n, rows, columns) of P-Net's cells. The
    pictures are arrays or tensors, float32 for networks made `exact`, else float32 or uint8 by the
    device.
    """

    def __call__(self, pictures: Any, /) -> Answers:
        """Answer."""


#: Held while networks are made: two threads must not trace networks of torch at once.
_MAKING = Lock()


def load_networks(device: str, *, exact: bool, threads: int) -> tuple[Network, Network, Network]:
    """P-Net, R-Net and O-Net, with the weights that facenet-pytorch's wheel carries.

    If `exact`, they take float32 and compute in it; else, where OpenVINO runs them, they take
    uint8 and convolve in int8. Made once for so many threads of the CPU, which may ask at once.
    """
    with _MAKING:
        return _make_networks(device, exact, threads)


@lru_cache(maxsize=4)
def _make_networks(device: str, exact: bool, threads: int) -> tuple[Network, Network, Network]:
    made: list[Network]
    if device == "cpu" and find_spec("openvino") is not None:
        exports = import_module("base_models.faces.mtcnn_exports").exported(exact)
        sides = SIDES.values()
        made = [
            _OpenVinoNetwork(export, side, threads)
            for export, side in zip(exports, sides, strict=True)
        ]
    else:
        modules = import_module("base_models.faces.mtcnn_modules")
        made = [modules.TorchNetwork(name, device, threads) for name in SIDES]
    return made[0], made[1], made[2]


class _OpenVinoNetwork:
    """An export on the CPU; `threads` may ask at once.

    `side`: of the patches that it takes; None: pictures of any size.
    """

    def __init__(self, export: Any, side: int | None, threads: int) -> None:
        self._export = export
        self._side = side
        self._threads = threads
        self._compiled: dict[int, Any] = {}
        self._own = local()

    def __call__(self, pictures: Any, /) -> Answers:
        given = np.ascontiguousarray(pictures)
        if self._side is None:
            (both,) = self._answers(given, -1)
            return both[:, :SHIFT], expit(both[:, -1] - both[:, -2])
        parts = [
            tuple(answer[:real] for answer in self._answers(part, len(part)))
            for real, part in _batches(given, _BATCHES[self._side])
        ]
        *answers, probability = map(np.concatenate, zip(*parts, strict=True))
        return *answers, probability[:, 1]

    def _answers(self, pictures: NDArray[Any], batch: int) -> Answers:
        requests = self._own.__dict__.setdefault("requests", {})
        if batch not in requests:
            requests[batch] = self._compile(batch).create_infer_request()
        answers = requests[batch].infer({0: pictures}, share_inputs=True)
        # The arrays belong to the request, which is used again.
        return tuple(np.array(answer) for answer in answers.values())

    def _compile(self, batch: int) -> Any:
        """The network for batches of one size; -1 for any."""
        with _MAKING:
            if batch not in self._compiled:
                runtime = import_module("base_models.backends.openvino_runtime")
                side = self._side or -1
                self._export.reshape([batch, side, side, 3])
                self._compiled[batch] = runtime.compile_network(
                    self._export, "fp32", streams=self._threads, threads=self._threads
                )
            return self._compiled[batch]


def _batches(patches: NDArray[Any], sizes: tuple[int, int]) -> Iterator[tuple[int, NDArray[Any]]]:
    """The patches in batches of two sizes, large and small, and how many of each are real."""
    large, small = sizes
    at = 0
    while at < max(len(patches), 1):
        size = large if 2 * (len(patches) - at) > large else small
        part = patches[at : at + size]
        fill = np.zeros((size - len(part), *patches.shape[1:]), patches.dtype)
        yield len(part), np.concatenate([part, fill])
        at += size
