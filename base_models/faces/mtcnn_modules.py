"""MTCNN's three networks as torch modules, with the weights that facenet-pytorch's wheel carries.

They are facenet-pytorch's (MIT), layer for layer. Its package is not imported: that brings
torchvision and with it all of torch.compile, 2 seconds and 200 MB for a process that looks for
faces.
"""

from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from base_models.faces.mtcnn_networks import SHIFT, SIDES
from base_models.faces.mtcnn_weights import MEAN, SCALE, weights_file

#: How many pictures a network sees at a time.
_AT_ONCE = 1024


class _Convolutions(nn.Sequential):
    """`convN`, `preluN` and `poolN` for each (kernel, channels, pool); a pool of 0 is none."""

    def __init__(self, *layers: tuple[int, int, int]) -> None:
        super().__init__()
        before = 3
        for number, (kernel, channels, pool) in enumerate(layers, start=1):
            self.add_module(f"conv{number}", nn.Conv2d(before, channels, kernel))
            self.add_module(f"prelu{number}", nn.PReLU(channels))
            if pool:
                self.add_module(f"pool{number}", nn.MaxPool2d(pool, 2, ceil_mode=True))
            before = channels


class PNet(nn.Module):
    """Pictures (n, 3, h, w) -> corrections (n, 4, h', w') and, of no face and of a face,
    probabilities (n, 2, h', w') of each cell."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _Convolutions((3, 10, 2), (3, 16, 0), (3, 32, 0))
        self.probability, self.shift = nn.Conv2d(32, 2, 1), nn.Conv2d(32, 4, 1)
        _load(self, "pnet", {"conv4_1": "probability", "conv4_2": "shift"})

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        cells = self.body(pictures)
        return self.shift(cells), self.probability(cells).softmax(dim=1)


class RNet(nn.Module):
    """Patches (n, 3, 24, 24) -> corrections (n, 4), probabilities (n, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _Convolutions((3, 28, 3), (3, 48, 3), (2, 64, 0))
        self.dense, self.prelu = nn.Linear(576, 128), nn.PReLU(128)
        self.probability, self.shift = nn.Linear(128, 2), nn.Linear(128, 4)
        names = {"dense4": "dense", "prelu4": "prelu"}
        _load(self, "rnet", {**names, "dense5_1": "probability", "dense5_2": "shift"})

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        features = self.prelu(self.dense(_flat(self.body(patches))))
        return self.shift(features), self.probability(features).softmax(dim=1)


class ONet(nn.Module):
    """Patches (n, 3, 48, 48) -> corrections (n, 4), landmarks (n, 10), probabilities (n, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = _Convolutions((3, 32, 3), (3, 64, 3), (3, 64, 2), (2, 128, 0))
        self.dense, self.prelu = nn.Linear(1152, 256), nn.PReLU(256)
        self.probability, self.shift = nn.Linear(256, 2), nn.Linear(256, 4)
        self.points = nn.Linear(256, 10)
        names = {"dense5": "dense", "prelu5": "prelu", "dense6_3": "points"}
        _load(self, "onet", {**names, "dense6_1": "probability", "dense6_2": "shift"})

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        features = self.prelu(self.dense(_flat(self.body(patches))))
        probability = self.probability(features).softmax(dim=1)
        return self.shift(features), self.points(features), probability


def _flat(maps: Tensor) -> Tensor:
    """Feature maps (n, c, h, w) as rows, columns first, as MATLAB had them."""
    return maps.permute(0, 3, 2, 1).flatten(start_dim=1)


def _load(module: nn.Module, name: str, renamed: dict[str, str]) -> None:
    """Load a network of the wheel; layers that are not `renamed` are those of `body`."""
    state = {}
    held = torch.load(weights_file(name), weights_only=True, map_location="cpu")
    for key, tensor in held.items():
        layer, _, kind = key.partition(".")
        state[f"{renamed.get(layer, f'body.{layer}')}.{kind}"] = tensor
    module.load_state_dict(state)


_KINDS: dict[str, type[nn.Module]] = {"pnet": PNet, "rnet": RNet, "onet": ONet}


class TorchNetwork:
    """A `mtcnn_networks.Network` by torch, on any device; `threads`: of torch on the CPU."""

    def __init__(self, name: str, device: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self._module = _KINDS[name]().eval().requires_grad_(False).to(device)
        self._device = device

    @torch.inference_mode()
    def __call__(self, pictures: Any, /) -> tuple[NDArray[np.float32], ...]:
        parts = torch.as_tensor(pictures, device=self._device).split(_AT_ONCE)
        answers = zip(*map(self._answers, parts), strict=True)
        return tuple(torch.cat(parts).cpu().numpy() for parts in answers)

    def _answers(self, pictures: Tensor) -> tuple[Tensor, ...]:
        planes = pictures.permute(0, 3, 1, 2).float().contiguous()
        *answers, probability = self._module((planes - MEAN) / SCALE)
        return *answers, probability[:, 1]


def converted(name: str) -> Any:
    """A network as OpenVINO's, for normalised pictures (n, 3, h, w)."""
    runtime = import_module("base_models.backends.openvino_runtime")
    module = _KINDS[name]().eval().requires_grad_(False)
    side = SIDES[name] or 64
    given = _joined(module) if isinstance(module, PNet) else module
    return runtime.convert_torch(given, torch.zeros(1, 3, side, side), plain=True)


def _joined(pnet: PNet) -> nn.Module:
    """P-Net with its two last convolutions in one: shift, then a logit for no face and for one.

    Each reads all that the network has found out and makes little of it, so one costs half of two.
    """
    judging = (pnet.shift, pnet.probability)
    last = nn.Conv2d(pnet.shift.in_channels, 2 + SHIFT, kernel_size=1)
    states = [one.state_dict() for one in judging]
    last.load_state_dict({name: torch.cat([one[name] for one in states]) for name in states[0]})
    return nn.Sequential(pnet.body, last).eval()
