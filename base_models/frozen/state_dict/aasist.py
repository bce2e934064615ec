"""AASIST (Jung et al., ICASSP 2022) on raw sound, under the names of its authors' tensors.

Band-pass filters and a residual encoder make maps of frequency and time; each of the two axes
becomes a graph whose nodes attend to each other, and two branches let both graphs attend to one
another and to a master node. What is written here is what scores: nothing drops out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from predictions.registry import find

#: Samples of a window, and how many there are in a second.
WINDOW, RATE = 64_600, 16_000

_FILTERS, _TAPS = 70, 129
_TEMPERATURE, _MIXED_TEMPERATURE = 2.0, 100.0
#: Of the 23 maps of frequency that the encoder leaves.
_BANDS = 23


@dataclass(frozen=True)
class _Sizes:
    """Channels of the encoder's end, of the graphs, and the shares of nodes that are kept.

    `kept`: of the graph of frequency, of that of time, and of either in the branches.
    """

    channels: int
    graph: int
    kept: tuple[float, float, float]
    mixed: int = 32


_SIZES: Mapping[str, _Sizes] = {
    "AASIST": _Sizes(64, 64, (0.5, 0.7, 0.5)),
    "AASIST-L": _Sizes(24, 24, (0.4, 0.5, 0.7)),
}


def band_passes(filters: int, taps: int, rate: int) -> Tensor:
    """Windowed band-pass filters side by side from 0 Hz to half the rate, equally wide in mels.

    The mel scale is 2595 log10(1 + f / 700), and the window is Hamming's; (filters, taps) float32.
    """
    hz = rate // 2 * np.linspace(0, 1, 257)
    mels = np.linspace(0, (2595 * np.log10(1 + hz / 700)).max(), filters + 1)
    edges = 700 * (10 ** (mels / 2595) - 1)
    at = np.arange(taps) - (taps - 1) / 2

    def low_pass(edge: float) -> np.ndarray:
        return np.asarray(2 * edge / rate * np.sinc(2 * edge * at / rate))

    passes = [low_pass(high) - low_pass(low) for low, high in pairwise(edges)]
    return torch.from_numpy(np.stack(passes)).float() * torch.from_numpy(np.hamming(taps)).float()


class _Block(nn.Module):
    """Two convolutions of maps (n, c, frequency, time), added to what came in; a third of time."""

    def __init__(self, channels: int, width: int, *, first: bool = False) -> None:
        super().__init__()
        if not first:
            # Among the tensors, and of no effect: the authors' first convolution passes it by.
            self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, width, (2, 3), padding=(1, 1))
        self.bn2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, (2, 3), padding=(0, 1))
        self.widens = channels != width
        if self.widens:
            self.conv_downsample = nn.Conv2d(channels, width, (1, 3), padding=(0, 1))

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.conv2(functional.selu(self.bn2(self.conv1(maps))))
        around = self.conv_downsample(maps) if self.widens else maps
        return functional.max_pool2d(inner + around, (1, 3))


def _weight(width: int) -> nn.Parameter:
    return nn.Parameter(nn.init.xavier_normal_(torch.empty(width, 1)))


def _products(nodes: Tensor) -> Tensor:
    """(n, k, c) -> (n, k, k, c): every node times every node."""
    return nodes.unsqueeze(2) * nodes.unsqueeze(1)


class _Attention(nn.Module):
    """Nodes (n, k, c) that attend to each other."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.att_proj = nn.Linear(channels, width)
        self.att_weight = _weight(width)
        self.proj_with_att = nn.Linear(channels, width)
        self.proj_without_att = nn.Linear(channels, width)
        self.bn = nn.BatchNorm1d(width)

    def forward(self, nodes: Tensor) -> Tensor:
        scores = self.att_proj(_products(nodes)).tanh() @ self.att_weight / _TEMPERATURE
        attended = scores.softmax(dim=-2).squeeze(-1) @ nodes
        return _settled(self.bn, self.proj_with_att(attended) + self.proj_without_att(nodes))


def _settled(norm: nn.BatchNorm1d, nodes: Tensor) -> Tensor:
    """Batch norm over all nodes, and SELU."""
    return functional.selu(norm(nodes.flatten(0, 1)).view(nodes.shape))


class _Mixed(nn.Module):
    """Nodes of time and of frequency that attend to each other, and a master node to them all."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.proj_type1 = nn.Linear(channels, channels)
        self.proj_type2 = nn.Linear(channels, channels)
        self.att_proj = nn.Linear(channels, width)
        self.att_projM = nn.Linear(channels, width)
        self.att_weight11 = _weight(width)
        self.att_weight22 = _weight(width)
        self.att_weight12 = _weight(width)
        self.att_weightM = _weight(width)
        self.proj_with_att = nn.Linear(channels, width)
        self.proj_without_att = nn.Linear(channels, width)
        self.proj_with_attM = nn.Linear(channels, width)
        self.proj_without_attM = nn.Linear(channels, width)
        self.bn = nn.BatchNorm1d(width)

    def forward(self, time: Tensor, frequency: Tensor, master: Tensor) -> tuple[Tensor, ...]:
        k = time.shape[1]
        nodes = torch.cat([self.proj_type1(time), self.proj_type2(frequency)], dim=1)

        scores = (self.att_projM(nodes * master).tanh() @ self.att_weightM) / _MIXED_TEMPERATURE
        attended = scores.softmax(dim=-2).transpose(1, 2) @ nodes
        master = self.proj_with_attM(attended) + self.proj_without_attM(master)

        pairs = self.att_proj(_products(nodes)).tanh()
        mixed = pairs @ self.att_weight12
        rows = [
            torch.cat([pairs[:, :k, :k] @ self.att_weight11, mixed[:, :k, k:]], dim=2),
            torch.cat([mixed[:, k:, :k], pairs[:, k:, k:] @ self.att_weight22], dim=2),
        ]
        attention = (torch.cat(rows, dim=1) / _MIXED_TEMPERATURE).softmax(dim=-2).squeeze(-1)
        nodes = self.proj_with_att(attention @ nodes) + self.proj_without_att(nodes)
        nodes = _settled(self.bn, nodes)
        return nodes[:, :k], nodes[:, k:], master


class _Pool(nn.Module):
    """Those of the nodes (n, k, c) that score highest, weighted by their scores."""

    def __init__(self, share: float, channels: int) -> None:
        super().__init__()
        self.share = share
        self.proj = nn.Linear(channels, 1)

    def forward(self, nodes: Tensor) -> Tensor:
        scores = self.proj(nodes).sigmoid()
        count = max(int(nodes.shape[1] * self.share), 1)
        best = scores.topk(count, dim=1).indices.expand(-1, -1, nodes.shape[2])
        return (nodes * scores).gather(1, best)


class Aasist(nn.Module):
    """Samples (n, 64600) in [-1, 1] at 16 kHz -> outputs (n, k)."""

    def __init__(self, sizes: _Sizes, outputs: int) -> None:
        super().__init__()
        # Not among the tensors of the file: they are the same in all of them.
        self.register_buffer("band_pass", band_passes(_FILTERS, _TAPS, RATE), persistent=False)
        self.first_bn = nn.BatchNorm2d(1)
        end = sizes.channels
        widths = ((1, 32), (32, 32), (32, end), (end, end), (end, end), (end, end))
        self.encoder = nn.Sequential(
            *(nn.Sequential(_Block(*pair, first=i == 0)) for i, pair in enumerate(widths))
        )
        self.pos_S = nn.Parameter(torch.randn(1, _BANDS, end))
        self.master1 = nn.Parameter(torch.randn(1, 1, sizes.graph))
        self.master2 = nn.Parameter(torch.randn(1, 1, sizes.graph))
        self.GAT_layer_S = _Attention(end, sizes.graph)
        self.GAT_layer_T = _Attention(end, sizes.graph)
        for branch in (1, 2):
            self.add_module(f"HtrgGAT_layer_ST{branch}1", _Mixed(sizes.graph, sizes.mixed))
            self.add_module(f"HtrgGAT_layer_ST{branch}2", _Mixed(sizes.mixed, sizes.mixed))
            for axis in "ST":
                self.add_module(f"pool_h{axis}{branch}", _Pool(sizes.kept[2], sizes.mixed))
        self.pool_S = _Pool(sizes.kept[0], sizes.graph)
        self.pool_T = _Pool(sizes.kept[1], sizes.graph)
        self.out_layer = nn.Linear(5 * sizes.mixed, outputs)

    def forward(self, samples: Tensor) -> Tensor:
        """See the class."""
        passes = cast(Tensor, self.band_pass).unsqueeze(1)
        maps = functional.conv1d(samples.unsqueeze(1), passes).unsqueeze(1).abs()
        maps = functional.selu(self.first_bn(functional.max_pool2d(maps, (3, 3))))
        maps = self.encoder(maps).abs()
        frequency = self.pool_S(self.GAT_layer_S(maps.amax(dim=3).transpose(1, 2) + self.pos_S))
        time = self.pool_T(self.GAT_layer_T(maps.amax(dim=2).transpose(1, 2)))

        branches = (self._branch(i, time, frequency) for i in (1, 2))
        time, frequency, master = (torch.maximum(*pair) for pair in zip(*branches, strict=True))
        parts = [
            *(time.abs().amax(dim=1), time.mean(dim=1)),
            *(frequency.abs().amax(dim=1), frequency.mean(dim=1)),
            master.squeeze(1),
        ]
        return cast(Tensor, self.out_layer(torch.cat(parts, dim=1)))

    def _branch(self, number: int, time: Tensor, frequency: Tensor) -> tuple[Tensor, ...]:
        first, second = (self.get_submodule(f"HtrgGAT_layer_ST{number}{i}") for i in (1, 2))
        time, frequency, master = first(time, frequency, getattr(self, f"master{number}"))
        frequency = self.get_submodule(f"pool_hS{number}")(frequency)
        time = self.get_submodule(f"pool_hT{number}")(time)
        more = second(time, frequency, master)
        return time + more[0], frequency + more[1], master + more[2]


def build(name: str, outputs: int) -> tuple[nn.Module, str]:
    """The network `name` and the name of its last layer.

    Raises:
        InputError: there is none of that name.
    """
    return Aasist(find(_SIZES, name, "network"), outputs), "out_layer"
