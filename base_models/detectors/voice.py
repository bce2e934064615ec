"""The voice branch: a small Inception network on log-mel spectrograms.

Inception blocks (Szegedy et al., CVPR 2015) with batch normalisation after every convolution
(Inception v2/v3: Szegedy et al., CVPR 2016; the 5 x 5 branch is two of 3 x 3). The last layer has
one output, whose sigmoid is the probability of FAKE; what is given is its logit.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from base_models.compute.devices import Device
from base_models.detectors.array_detector import ArrayDetector, lay_all, load_into
from base_models.detectors.registry import DetectorSpec, Weights
from base_models.detectors.timm_detectors import HEAD_SCALE

#: Channels of the four branches (1 x 1, 3 x 3, 5 x 5, pooled) of each block.
BLOCKS = ((16, 24, 8, 8), (24, 40, 16, 16), (32, 64, 24, 24), (48, 96, 32, 32))
_STEM = 24


class ConvNorm(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU; the size of the map is kept."""

    def __init__(self, ins: int, outs: int, side: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(ins, outs, side, stride, padding=side // 2, bias=False),
            nn.BatchNorm2d(outs),
            nn.ReLU(inplace=True),
        )


class InceptionBlock(nn.Module):
    """Four branches side by side: (n, ins, h, w) -> (n, sum(widths), h, w)."""

    def __init__(self, ins: int, widths: Sequence[int]) -> None:
        super().__init__()
        one, three, five, pooled = widths
        self.branches = nn.ModuleList(
            [
                ConvNorm(ins, one, 1),
                nn.Sequential(ConvNorm(ins, three // 2, 1), ConvNorm(three // 2, three, 3)),
                nn.Sequential(
                    ConvNorm(ins, five, 1), ConvNorm(five, five, 3), ConvNorm(five, five, 3)
                ),
                nn.Sequential(nn.AvgPool2d(3, 1, 1), ConvNorm(ins, pooled, 1)),
            ]
        )

    def forward(self, maps: Tensor) -> Tensor:
        """The branches' maps, one after the other."""
        return torch.cat([branch(maps) for branch in self.branches], dim=1)


class VoiceNet(nn.Module):
    """Log-mel spectrograms (n, frames, bands) -> logits (n,), high = FAKE.

    Every spectrogram is standardised as a whole first, so that loudness says nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(1, _STEM, 5, stride=2)
        blocks: list[nn.Module] = []
        ins = _STEM
        for widths in BLOCKS:
            blocks += [nn.MaxPool2d(2), InceptionBlock(ins, widths)]
            ins = sum(widths)
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(ins, 1)
        nn.init.normal_(self.head.weight, std=HEAD_SCALE)
        nn.init.zeros_(self.head.bias)

    def forward(self, mel: Tensor) -> Tensor:
        """Logits; the head runs in float32, as bf16 is too coarse for log loss."""
        spread, mean = torch.std_mean(mel, dim=(1, 2), keepdim=True)
        maps = self.blocks(self.stem(((mel - mean) / (spread + 1e-3)).unsqueeze(1)))
        with torch.autocast(mel.device.type, enabled=False):
            features = self.dropout(maps.float().mean(dim=(2, 3)))
            logits: Tensor = self.head(features).squeeze(1)
        return logits


def build_voice(seed: int) -> VoiceNet:
    """The network with random weights; the same seed gives the same weights."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return VoiceNet()


def local_voice(spec: DetectorSpec, weights: Weights) -> Path | None:
    """NAME.safetensors or NAME.pth in a weights folder; there are no public weights to fetch."""
    if weights in ("auto", "pretrained", "scratch"):
        return None
    candidates = [Path(weights) / f"{spec.name}{ending}" for ending in (".safetensors", ".pth")]
    return next((path for path in candidates if path.is_file()), None)


def create_voice(spec: DetectorSpec, weights: Weights, size: int, seed: int) -> ArrayDetector:
    """The factory behind the registry's entry; `size`, the mel bands, may be any."""
    module = build_voice(seed)
    path = local_voice(spec, weights)
    if path is not None:
        lay_all(module, path)
    return ArrayDetector(spec, module, "scratch" if path is None else "local")


def load_voice(spec: DetectorSpec, path: Path, size: int, place: Device) -> ArrayDetector:
    """A detector with its trained weights; see `load_into`."""
    return load_into(spec, build_voice(0), path, place)
