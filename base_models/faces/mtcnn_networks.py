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
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from base_models.faces.mtcnn_modules import ONet, PNet, RNet

#: The sides of the patches that R-Net and O-Net look at; P-Net looks at pictures of any size.
_SIDES = {PNet: 64, RNet: 24, ONet: 48}
#: What the networks were trained on: (value - mean) / scale.
_MEAN, _SCALE = 127.5, 128.0
#: How many numbers say how a box is to be shifted.
_SHIFT = 4

_PIXELS = (-_MEAN / _SCALE, _MEAN / _SCALE)
#: What the inputs of the convolutions that compute in int8 reach, but for a ten-thousandth: over
#: frames of speech clips and of FaceForensics++. What judges after them stays in float32: P-Net's
#: last convolution, the others' dense layers.
_RANGES = {
    PNet: (_PIXELS, (-3.5, 14.0), (-10.0, 18.0)),
    RNet: (_PIXELS, (-5.2, 6.4), (-5.2, 6.1)),
    ONet: (_PIXELS, (-1.5, 5.5), (-2.0, 5.0), (-1.0, 4.5)),
}

#: Sizes of the batches that R-Net and O-Net get by OpenVINO, which prepares itself for each size
#: anew, at the price of a dozen patches or more. The last batch is filled up.
_BATCHES = {24: (16, 4), 48: (4, 1)}


class Network(Protocol):
    """Pictures (n, h, w, 3) of values up to 255 -> the network's answers.

    Last of them is the probability of a face, (n,), or (n, rows, columns) of P-Net's cells. The
    pictures are float32 for networks made `exact`, else float32 or uint8 by the device.
    """

    def __call__(self, pictures: Tensor, /) -> tuple[Tensor, ...]:
        """Answer."""


#: Held while networks are made: two threads must not trace networks of torch at once.
_MAKING = Lock()


def load_networks(device: str, *, exact: bool) -> tuple[Network, Network, Network]:
    """P-Net, R-Net and O-Net, with the weights that facenet-pytorch's wheel carries.

    If `exact`, they take float32 and compute in it; else, where OpenVINO runs them, they take
    uint8 and convolve in int8. Made once; threads may ask at once.
    """
    with _MAKING:
        return _make_networks(device, exact)


@lru_cache(maxsize=4)
def _make_networks(device: str, exact: bool) -> tuple[Network, Network, Network]:
    fast = device == "cpu" and find_spec("openvino") is not None
    made: list[Network] = []
    for kind, side in _SIDES.items():
        module = kind().eval().requires_grad_(False).to(device)
        made.append(_OpenVinoNetwork(module, side, exact) if fast else _TorchNetwork(module))
    return made[0], made[1], made[2]


class _TorchNetwork:
    """A network by torch, on any device."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module

    def __call__(self, pictures: Tensor, /) -> tuple[Tensor, ...]:
        planes = pictures.permute(0, 3, 1, 2).float().contiguous()
        *answers, probability = self._module((planes - _MEAN) / _SCALE)
        return *answers, probability[:, 1]


class _OpenVinoNetwork:
    """A network on the CPU; as many threads may ask at once as torch has when it is made."""

    def __init__(self, module: nn.Module, side: int, exact: bool) -> None:
        runtime = import_module("base_models.backends.openvino_runtime")
        given = _joined(module) if isinstance(module, PNet) else module
        network = runtime.convert_torch(given, torch.zeros(1, 3, side, side), plain=True)
        if not exact:
            int8 = import_module("base_models.backends.openvino_int8")
            network = int8.with_int8_convolutions(network, _RANGES[type(module)])
        self._side = -1 if isinstance(module, PNet) else side
        network.reshape([-1, 3, self._side, self._side])
        kind = "float32" if exact else "uint8"
        self._network = runtime.taking_pixels(network, kind, _MEAN, _SCALE)
        self._threads = torch.get_num_threads()
        self._compiled: dict[int, Any] = {}
        self._own = local()

    def __call__(self, pictures: Tensor, /) -> tuple[Tensor, ...]:
        given = np.ascontiguousarray(pictures.numpy())
        if self._side < 0:
            (both,) = self._answers(given, -1)
            return both[:, :_SHIFT], torch.sigmoid(both[:, -1] - both[:, -2])
        parts = [
            tuple(answer[:real] for answer in self._answers(part, len(part)))
            for real, part in _batches(given, _BATCHES[self._side])
        ]
        *answers, probability = map(torch.cat, zip(*parts, strict=True))
        return *answers, probability[:, 1]

    def _answers(self, pictures: NDArray[Any], batch: int) -> tuple[Tensor, ...]:
        requests = self._own.__dict__.setdefault("requests", {})
        if batch not in requests:
            requests[batch] = self._compile(batch).create_infer_request()
        answers = requests[batch].infer({0: pictures}, share_inputs=True)
        # The arrays belong to the request, which is used again.
        return tuple(torch.from_numpy(np.array(answer)) for answer in answers.values())

    def _compile(self, batch: int) -> Any:
        """The network for batches of one size; -1 for any."""
        with _MAKING:
            if batch not in self._compiled:
                runtime = import_module("base_models.backends.openvino_runtime")
                self._network.reshape([batch, self._side, self._side, 3])
                self._compiled[batch] = runtime.compile_network(
                    self._network, "fp32", streams=self._threads, threads=self._threads
                )
            return self._compiled[batch]


def _joined(pnet: PNet) -> nn.Module:
    """P-Net with its two last convolutions in one: shift, then a logit for no face and for one.

    Each reads all that the network has found out and makes little of it, so one costs half of two.
    """
    judging = (pnet.shift, pnet.probability)
    last = nn.Conv2d(pnet.shift.in_channels, 2 + _SHIFT, kernel_size=1)
    states = [one.state_dict() for one in judging]
    last.load_state_dict({name: torch.cat([one[name] for one in states]) for name in states[0]})
    return nn.Sequential(pnet.body, last).eval()


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
