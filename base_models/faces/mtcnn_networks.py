"""MTCNN's three networks: facenet-pytorch's, by OpenVINO where that is installed.

In float32 both give the same numbers but for the last bit; OpenVINO takes a quarter of the time.
P-Net and R-Net only propose where O-Net looks, and may do that in bf16.
"""

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock, local
from typing import Literal, Protocol

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from torch import Tensor, nn

from base_models.compute.devices import choose_device

#: The sides of the patches that R-Net and O-Net look at; P-Net looks at pictures of any size.
_SIDES = {PNet: 64, RNet: 24, ONet: 48}


class Network(Protocol):
    """Normalised float32 pictures (n, 3, h, w) -> the network's answers, probabilities last."""

    def __call__(self, pictures: Tensor, /) -> tuple[Tensor, ...]:
        """Answer."""


#: Held while networks are made: two threads must not trace networks of torch at once.
_MAKING = Lock()


def load_networks(device: str, *, exact: bool) -> tuple[Network, Network, Network]:
    """P-Net, R-Net and O-Net, with the weights that facenet-pytorch's wheel carries.

    All in float32 if `exact`; else the first two in bf16 where OpenVINO runs them on a CPU that
    multiplies in it. Made once; threads may ask at once.
    """
    with _MAKING:
        return _make_networks(device, exact)


@lru_cache(maxsize=4)
def _make_networks(device: str, exact: bool) -> tuple[Network, Network, Network]:
    proposing: Literal["bf16", "fp32"] = "fp32"
    if not exact and choose_device("cpu").precision == "bf16":
        proposing = "bf16"
    fast = device == "cpu" and find_spec("openvino") is not None
    made = []
    for kind, side in _SIDES.items():
        module = kind().eval().requires_grad_(False).to(device)
        made.append(
            _OpenVinoNetwork(module, side, "fp32" if kind is ONet else proposing)
            if fast
            else module
        )
    return made[0], made[1], made[2]


class _OpenVinoNetwork:
    """A network on the CPU; as many threads may ask at once as torch has when it is made."""

    def __init__(self, module: nn.Module, side: int, precision: Literal["bf16", "fp32"]) -> None:
        runtime = import_module("base_models.backends.openvino_runtime")
        network = runtime.convert_torch(module, torch.zeros(1, 3, side, side))
        whole = side == _SIDES[PNet]
        network.reshape([-1, 3, -1, -1] if whole else [-1, 3, side, side])
        threads = torch.get_num_threads()
        self._compiled = runtime.compile_network(
            network, precision, streams=threads, threads=threads
        )
        self._own = local()

    def __call__(self, pictures: Tensor, /) -> tuple[Tensor, ...]:
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        answers = self._own.request.infer({0: np.ascontiguousarray(pictures.numpy())})
        # The arrays belong to the request, which is used again.
        return tuple(torch.from_numpy(np.array(answer)) for answer in answers.values())
