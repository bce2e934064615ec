"""Weights to start from, under the names of whoever wrote them, made timm's.

Files are told by the names of their tensors. A library's network with other numbers than timm's of
the same shapes is refused, or put right where that is exact: batch norm divides by the root of
`running_var + eps`, so that another eps is a shift of `running_var`.

To add one: a `Names` in NAMES.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from base_models.detectors import efficientnet_pytorch_names, torchvision_names
from base_models.detectors.torchvision_names import renaming
from predictions.errors import InputError

State = dict[str, Tensor]


@dataclass(frozen=True)
class Names:
    """How a library names the tensors of some networks.

    Attributes:
        about: whose they are.
        fits: whether a file with these tensors is such a one.
        networks: timm's names of those networks.
        rename: called as rename(architecture, network), gives a function of a name.
        eps: of its batch norms, where it is not timm's.
        instead: the detectors that such files are for.
    """

    about: str
    fits: Callable[[State], bool]
    networks: str
    rename: Callable[[str, nn.Module], Callable[[str], str]]
    instead: str
    eps: Callable[[str], float | None] = lambda architecture: None


def _torchvision(layers: Callable[[nn.Module], torchvision_names.Layers]) -> Any:
    return lambda architecture, network: renaming(layers(network))


def _by(pattern: str, new: str) -> Any:
    return lambda architecture, network: partial(re.compile(pattern).sub, new)


_OLD_DENSE = r"(\.denselayer\d+\.(?:norm|conv))\.([12]\.)"

NAMES = (
    Names(
        "torchvision's EfficientNet",
        lambda s: "features.1.0.block.0.0.weight" in s,
        r"efficientnet_b[0-7]",
        _torchvision(torchvision_names.efficientnet),
        "efficientnet_b4 or timm:efficientnet_b0 to b7",
        lambda architecture: 1e-3 if architecture[-1] in "567" else None,
    ),
    Names(
        "efficientnet_pytorch's EfficientNet",
        lambda s: "_conv_stem.weight" in s,
        r"tf_efficientnet_(b[0-8]|lite[0-4])",
        lambda architecture, network: efficientnet_pytorch_names.names(architecture),
        "efficientnet_lite0 to 2 or timm:tf_efficientnet_b0 to b8",
    ),
    Names(
        "torchvision's MobileNetV2",
        lambda s: "features.1.conv.0.0.weight" in s,
        r"mobilenetv2_100",
        _torchvision(torchvision_names.mobilenet_v2),
        "mobilenetv2",
    ),
    Names(
        "torchvision's MobileNetV3",
        lambda s: "features.1.block.0.0.weight" in s,
        r"mobilenetv3_large_100",
        _torchvision(torchvision_names.mobilenet_v3),
        "mobilenetv3_large",
        lambda architecture: 1e-3,
    ),
    Names(
        "torchvision's DenseNet, as it was named up to 2018",
        lambda s: any(re.search(_OLD_DENSE, name) for name in s),
        r"densenet\d+",
        _by(_OLD_DENSE, r"\1\2"),
        "densenet121 or timm:densenet161, 169, 201",
    ),
    Names(
        "Cadene's Xception",
        lambda s: (
            "block1.rep.0.pointwise.weight" in s
            and ("last_linear.weight" in s or s["block1.rep.0.pointwise.weight"].ndim == 2)
        ),
        r"legacy_xception|xception",
        _by(r"^last_linear\.", "fc."),
        "xception",
    ),
)


def as_timm(state: State, architecture: str, network: nn.Module, path: Path) -> State:
    """The same tensors under timm's names; as they are where nobody else's names are known.

    Args:
        state: the tensors by their names in the file.
        architecture: what timm calls the network.
        network: it.
        path: the file, for messages.

    Raises:
        InputError: they are those of a network that gives other numbers than this one.
    """
    naming = next((names for names in NAMES if names.fits(state)), None)
    if naming is None:
        return state
    architecture = architecture.partition(".")[0]
    if not re.fullmatch(naming.networks, architecture):
        raise InputError(
            f"these are the tensors of {naming.about}, which timm's {architecture} is not",
            file=path,
            remedy=f"use them for {naming.instead}",
        )
    rename, own = naming.rename(architecture, network), network.state_dict()
    renamed = {rename(name): value for name, value in state.items()}
    if len(renamed) != len(state):
        raise InputError(f"two tensors have one name in {naming.about}", file=path)
    state = {name: _as_convolution(value, own.get(name)) for name, value in renamed.items()}
    eps = naming.eps(architecture)
    if eps is not None:
        _shift_variances(state, network, eps)
    return state


def _shift_variances(state: State, network: nn.Module, eps: float) -> None:
    """So that the batch norms of `network` divide by what those with `eps` did."""
    for place, layer in network.named_modules():
        name = f"{place}.running_var"
        if isinstance(layer, nn.BatchNorm2d) and name in state:
            state[name] = (state[name].double() + eps - layer.eps).float()


def _as_convolution(value: Tensor, own: Tensor | None) -> Tensor:
    """A matrix as the weights of the convolution by 1 x 1 that `own` is; all else as it is."""
    is_one = own is not None and value.ndim == 2 and own.shape == (*value.shape, 1, 1)
    return value[:, :, None, None] if is_one else value
