"""Minivision's MiniFASNet (Silent-Face-Anti-Spoofing), under the names of its authors' tensors.

MobileFaceNet's residual bottlenecks, thinned out by pruning: each has a width of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from predictions.registry import find


@dataclass(frozen=True)
class _Widths:
    """Inner channels of the bottlenecks, of the stages of 64, 128 and 128 channels.

    `attended`: the last bottleneck of each stage ends in squeeze-and-excitation.
    """

    first: Sequence[int]
    second: Sequence[int]
    third: Sequence[int]
    attended: bool = False


_WIDTHS: Mapping[str, _Widths] = {
    "MiniFASNetV2": _Widths((13, 13, 13, 13), (231, 52, 26, 77, 26, 26), (26, 26)),
    "MiniFASNetV1SE": _Widths((13, 26, 13, 52), (154, 52, 26, 52, 26, 26), (26, 26), attended=True),
}

#: The maps before the last convolution, of pictures of 80 pixels.
_LAST_SIDE = 5


class _Conv(nn.Module):
    """A convolution without bias, a batch norm, and PReLU unless it is linear."""

    def __init__(
        self,
        channels: int,
        width: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        *,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.prelu = nn.Identity() if linear else nn.PReLU(width)

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.prelu(self.bn(self.conv(maps))))


class _Attention(nn.Module):
    """Squeeze-and-excitation with batch norms."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 4, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.fc2 = nn.Conv2d(channels // 4, channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor) -> Tensor:
        mean = maps.mean(dim=(2, 3), keepdim=True)
        inner = self.bn1(self.fc1(mean)).relu()
        return maps * self.bn2(self.fc2(inner)).sigmoid()


class _Bottleneck(nn.Module):
    """Widened, convolved channel by channel, projected; added to what came in at stride 1."""

    def __init__(
        self, channels: int, width: int, out: int, stride: int = 1, *, attended: bool = False
    ) -> None:
        super().__init__()
        self.conv = _Conv(channels, width)
        self.conv_dw = _Conv(width, width, 3, stride, 1, groups=width)
        self.project = _Conv(width, out, linear=True)
        self.residual = stride == 1
        self.se_module = _Attention(out) if attended else nn.Identity()

    def forward(self, maps: Tensor) -> Tensor:
        after = self.se_module(self.project(self.conv_dw(self.conv(maps))))
        return cast(Tensor, maps + after if self.residual else after)


class _Stage(nn.Module):
    def __init__(self, channels: int, widths: Sequence[int], *, attended: bool) -> None:
        super().__init__()
        last = len(widths) - 1
        self.model = nn.Sequential(
            *(
                _Bottleneck(channels, width, channels, attended=attended and i == last)
                for i, width in enumerate(widths)
            )
        )

    def forward(self, maps: Tensor) -> Tensor:
        return cast(Tensor, self.model(maps))


class MiniFASNet(nn.Module):
    """Pictures of 80 pixels, blue first, 0 to 255, (n, 3, 80, 80) -> outputs (n, k)."""

    def __init__(self, widths: _Widths, outputs: int) -> None:
        super().__init__()
        se = widths.attended
        self.conv1 = _Conv(3, 32, 3, 2, 1)
        self.conv2_dw = _Conv(32, 32, 3, 1, 1, groups=32)
        self.conv_23 = _Bottleneck(32, 103, 64, 2)
        self.conv_3 = _Stage(64, widths.first, attended=se)
        self.conv_34 = _Bottleneck(64, 231, 128, 2)
        self.conv_4 = _Stage(128, widths.second, attended=se)
        self.conv_45 = _Bottleneck(128, 308, 128, 2)
        self.conv_5 = _Stage(128, widths.third, attended=se)
        self.conv_6_sep = _Conv(128, 512)
        self.conv_6_dw = _Conv(512, 512, _LAST_SIDE, groups=512, linear=True)
        self.linear = nn.Linear(512, 128, bias=False)
        self.bn = nn.BatchNorm1d(128)
        self.prob = nn.Linear(128, outputs, bias=False)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        maps = self.conv_23(self.conv2_dw(self.conv1(images)))
        maps = self.conv_45(self.conv_4(self.conv_34(self.conv_3(maps))))
        maps = self.conv_6_dw(self.conv_6_sep(self.conv_5(maps)))
        return cast(Tensor, self.prob(self.bn(self.linear(maps.flatten(1)))))


def build(name: str, outputs: int) -> tuple[nn.Module, str]:
    """The network `name` and the name of its last layer.

    Raises:
        InputError: there is none of that name.
    """
    return MiniFASNet(find(_WIDTHS, name, "network"), outputs), "prob"
