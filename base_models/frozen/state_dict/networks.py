"""The networks of the layouts: each function gives a module and the name of its last layer.

The tensors of a file, renamed by its layout, are those of the module exactly.
"""

from collections.abc import Mapping
from typing import Any, cast

import timm
import torchvision
from torch import Tensor, nn
from torch.nn import functional

from base_models.frozen.state_dict import efficientnet
from predictions.errors import InputError
from predictions.registry import find

Network = tuple[nn.Module, str]


def any_network(name: str, outputs: int) -> Network:
    """A network of timm's, or with `torchvision:` before its name of torchvision's.

    Raises:
        InputError: there is none of that name.
    """
    if name.startswith("torchvision:"):
        return _torchvision(name.partition(":")[2], outputs)
    if not timm.is_model(name):
        raise InputError(
            f"there is no network {name!r}",
            expected="a name of timm's, or torchvision:NAME",
            remedy="see timm.list_models()",
        )
    network: Any = timm.create_model(name, pretrained=False, num_classes=outputs)
    head = network.pretrained_cfg["classifier"]
    if not isinstance(head, str):
        raise InputError(f"the network {name} has several last layers or none")
    # timm names the layer as its weights do; behind some names lies a small module.
    return network, head


def _torchvision(name: str, outputs: int) -> Network:
    if name not in torchvision.models.list_models(torchvision.models):
        raise InputError(f"torchvision has no classifier {name!r}")
    network: Any = torchvision.models.get_model(name, weights=None, num_classes=outputs)
    linear = [place for place, part in network.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise InputError(f"torchvision's {name} ends in no linear layer")
    return network, linear[-1]


def melas_efficientnet(name: str, outputs: int, *, padded_stem: bool = True) -> Network:
    """An EfficientNet of efficientnet_pytorch's; see `efficientnet.build`."""
    return efficientnet.build(name, outputs, padded_stem=padded_stem), "classifier"


class Attended(nn.Module):
    """A block whose maps are weighted by an attention map that is made of them."""

    def __init__(self, block: nn.Module, channels: int) -> None:
        super().__init__()
        self.block = block
        self.attconv = nn.Conv2d(channels, 1, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(n, c, h, w) -> the block's maps times the sigmoid of their attention."""
        after: Tensor = self.block(maps)
        return after * self.attconv(after).sigmoid()


def attended_efficientnet(name: str, outputs: int) -> Network:
    """ISPL's EfficientNetAutoAttB4: attention after the tenth block of the network."""
    network: Any = efficientnet.build(name, outputs)
    stage, i = ATTENDED
    block = network.blocks[stage][i]
    network.blocks[stage][i] = Attended(block, block.conv_pwl.out_channels)
    return network, "classifier"


#: Stage and place there of the tenth block of B4, after which ISPL's attention stands.
ATTENDED = (2, 3)


class Normed(nn.Module):
    """ISPL's siamese tuning: a frozen network's features, a batch norm, and a linear layer."""

    def __init__(self, features: nn.Module, width: int, outputs: int) -> None:
        super().__init__()
        self.features = features
        self.norm = nn.BatchNorm1d(width)
        self.linear = nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs (n, k)."""
        return cast(Tensor, self.linear(self.norm(self.features(images))))


def siamese(network: Network, outputs: int) -> Network:
    """A network whose last layer gives way to a batch norm and a linear layer."""
    features, head = network
    last = features.get_submodule(head)
    parent, _, name = head.rpartition(".")
    setattr(features.get_submodule(parent), name, nn.Identity())
    return Normed(features, cast(nn.Linear, last).in_features, outputs), "linear"


class Pooled(nn.Module):
    """A vision transformer of the package transformers with a linear head on what it pools."""

    def __init__(self, backbone: nn.Module, width: int, outputs: int, *, unit: bool) -> None:
        super().__init__()
        self.backbone = backbone
        self.unit = _Unit() if unit else nn.Identity()
        self.head = nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """Outputs (n, k)."""
        return cast(Tensor, self.head(self.unit(self.backbone(images).pooler_output)))


class _Unit(nn.Module):
    def forward(self, features: Tensor) -> Tensor:
        """Features of length 1."""
        return functional.normalize(features, p=2, dim=1)


#: Sizes of CLIP's vision transformers: what transformers calls them -> by the name of CLIP's.
_CLIP: Mapping[str, Mapping[str, Any]] = {
    "clip-vit-base-patch16": {
        "hidden_size": 768,
        "intermediate_size": 3072,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "patch_size": 16,
    },
    "clip-vit-large-patch14": {
        "hidden_size": 1024,
        "intermediate_size": 4096,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "patch_size": 14,
    },
}


def clip(name: str, outputs: int, *, unit: bool = False) -> Network:
    """CLIP's vision transformer with a linear head; `unit`: on features of length 1.

    Raises:
        InputError: the package transformers is not here, or no such CLIP is known.
    """
    try:
        from transformers import CLIPVisionConfig
        from transformers.models.clip.modeling_clip import CLIPVisionModel
    except ModuleNotFoundError as error:
        raise InputError(
            f"{name}: the package {error.name!r} is missing", remedy="install fakeodds[hf]"
        ) from error
    sizes = find(_CLIP, name, "network")
    backbone = CLIPVisionModel(CLIPVisionConfig(image_size=224, **sizes))
    inner: nn.Module = getattr(backbone, "vision_model", backbone)
    return Pooled(inner, sizes["hidden_size"], outputs, unit=unit), "head"
