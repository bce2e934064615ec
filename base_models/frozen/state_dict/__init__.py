"""Detectors whose file is a state dict: the tensors of a torch network by name.

Strict: every tensor of the file is used or is one that its layout names as left out, and every
tensor of the network comes from the file.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import timm
from torch import Tensor, nn

from base_models.compute.devices import Device
from base_models.detectors.public_files import refuse_sibling
from base_models.detectors.registry import Detector, DetectorSpec
from base_models.detectors.start_weights import StartWeights
from base_models.detectors.timm_detectors import TimmDetector
from base_models.detectors.weights import read_named_state, read_state, without_part
from base_models.frozen.card import Card
from base_models.frozen.kinds import Draft, card_name
from base_models.frozen.state_dict.headed import Headed, cut, of_one_output
from base_models.frozen.state_dict.layouts import LAYOUTS, Layout, find_layout
from base_models.frozen.state_dict.networks import Network
from base_models.frozen.state_dict.own import draft_of_run
from base_models.frozen.waveform import WaveDetector
from predictions.errors import InputError
from predictions.registry import find

__all__ = ["draft", "known_layout", "load"]


def load(spec: DetectorSpec, path: Path, place: Device) -> Detector:
    """The detector of a card, from the file `path`.

    Raises:
        InputError: the file is damaged, holds more than tensors, or is not what the card says.
    """
    card = spec.card
    assert card is not None
    assert card.outputs is not None
    layout = find(LAYOUTS, card.layout or "plain", "layout")
    state, claim = read_named_state(path)
    if layout.networks is None and timm.is_model(card.network):
        refuse_sibling(claim, card.network, path)
    headed = open_network(state, layout, card, path)
    if card.outputs.gives != "logits":
        raise InputError(
            f"{card.name}: the last layer of a state dict gives logits",
            file=path,
            column="outputs.gives",
            remedy='say gives = "logits" in its card',
        )
    if headed.head.out_features != card.outputs.count:
        raise InputError(
            f"{card.name}: the network has {headed.head.out_features} outputs, its card names "
            f"{card.outputs.count}",
            file=path,
            remedy="say of each, in the card's [outputs], whether it means fake, real or neither",
        )
    network = of_one_output(headed, card.outputs).eval()
    if card.listens:
        # It takes windows of sound where others take pictures.
        return cast(Detector, WaveDetector(spec, network).to(place))
    return TimmDetector(spec, network, spec.size, StartWeights("local", path)).to(place)


def open_network(state: dict[str, Tensor], layout: Layout, card: Card, path: Path) -> Headed:
    """The network of a file's tensors, with all of its outputs.

    Args:
        state: the tensors by their names in the file.
        layout: whose they are.
        card: what is known of them.
        path: the file, for messages.

    Raises:
        InputError: they are not the network's.
    """
    try:
        name = layout.network(card.network)
        if layout.networks is None:
            state = without_part(state)
        state = dict(layout.merge(state))
        rename = layout.rename(name)
        renamed = {
            new: (old, value) for old, value in state.items() if (new := rename(old)) is not None
        }
        network, head = _build(name, layout, card, renamed, layout.outputs(state))
        resize: Any = getattr(network, "set_input_size", None)
        if card.size is not None and resize is not None:
            # Transformers and the like, whose tensors depend on the size of the picture.
            try:
                resize(img_size=(card.size, card.size))
            except (AssertionError, RuntimeError, ValueError, ZeroDivisionError) as error:
                raise InputError(
                    f"the network {name} takes no pictures of {card.size} pixels ({error})",
                    remedy="say another --size",
                ) from error
    except InputError as error:
        raise error.in_file(path) from error
    _lay_in(network, renamed, name, path)
    try:
        return cut(network, head)
    except (AttributeError, TypeError) as error:
        raise InputError(f"the network {name} ends in another layer: {error}", file=path) from error


def draft(path: Path, network: str) -> Draft:
    """What the names in a state dict tell.

    Raises:
        InputError: the file is damaged, holds more than tensors, or is not of that network.
    """
    state = read_state(path)
    own = draft_of_run(path)
    if own is not None:
        return own
    layout = find_layout(state)
    card = Card(card_name(path), "state_dict", (path.name,), layout=layout.name)
    if layout.name == "plain":
        if network:
            card = replace(card, network=network)
            count = open_network(state, layout, card, path).head.out_features
            return Draft(card, {}, {"outputs": _OUTPUTS[min(count, 2)]}, count)
        doubt = (
            "The tensors bear the names of a network, not of a project: say --network (timm's "
            "name, or torchvision:NAME), --size, --pixels and --fake."
        )
        if {"conv_stem.weight", "bn2.weight"} <= set(state):
            doubt += (
                " Timm's efficientnet_* and tf_efficientnet_* have tensors of the same names and "
                "shapes and give other numbers: say the one that it was trained as."
            )
        if _may_be_cnndetection(state):
            doubt += (
                " It is a ResNet-50 of one output: if it is CNNDetection's, say --layout "
                "cnndetection, and no more."
            )
        return Draft(card, {}, {"network": doubt})
    card = replace(card, network=network or _network_of(state, layout), **layout.card)
    guesses = {
        "layout": f"its tensors bear the names of {layout.about}",
        "outputs": "as its authors' code has it",
        "pixels": "as its authors' code has it",
        "crop": "as its authors' code has it",
    }
    if card.listens:
        del guesses["pixels"], guesses["crop"]
    outputs = layout.outputs(state)
    assert card.outputs is not None
    if outputs != card.outputs.count:
        card = replace(card, outputs=None)
        del guesses["outputs"]
    return Draft(card, guesses, {}, outputs)


#: What is asked for, by how many outputs there are.
_OUTPUTS = {
    1: "It has one output: say --fake 0 where high means FAKE, else --real 0.",
    2: "It does not say which of its outputs mean FAKE: say --fake.",
}


def _may_be_cnndetection(state: dict[str, Tensor]) -> bool:
    head = state.get("fc.weight")
    return head is not None and head.shape == (1, 2048) and "layer3.5.conv3.weight" in state


def known_layout(card: Card) -> Card:
    """The card with what is known of its layout, where it does not say so itself.

    Raises:
        InputError: there is no such layout.
    """
    layout = find(LAYOUTS, card.layout, "layout")
    named = card.network or (layout.networks or ("",))[0]
    lacking = {k: v for k, v in layout.card.items() if getattr(card, k) in (None, "", ())}
    return replace(card, network=named, **lacking)


def _network_of(state: dict[str, Tensor], layout: Layout) -> str:
    """Which of a layout's networks: the one whose last layer has as many inputs."""
    assert layout.networks is not None
    if len(layout.networks) == 1:
        return layout.networks[0]
    widths = [state[name].shape[-1] for name in layout.heads if name in state and state[name].ndim]
    for name in layout.networks:
        if widths and _WIDTHS[name] == widths[0]:
            return name
    return layout.networks[0]


#: Features before the last layer.
_WIDTHS = {
    **{
        f"tf_efficientnet_b{n}": width
        for n, width in enumerate((1280, 1280, 1408, 1536, 1792, 2048, 2304, 2560))
    },
    "clip-vit-base-patch16": 768,
    "clip-vit-large-patch14": 1024,
}


def _build(
    name: str,
    layout: Layout,
    card: Card,
    renamed: dict[str, tuple[str, Tensor]],
    known: int | None,
) -> Network:
    """The network with as many outputs as the file's last layer has, and that layer's name.

    `known`: that number, where the layout tells it. Else only the network names its last layer: it
    is built with as many as the card says, and again where the file has others.
    """
    count = known or (card.outputs.count if card.outputs else 1)
    network, head = layout.build(name, count)
    _, last = renamed.get(f"{head}.weight", ("", None))
    if known is None and last is not None and last.ndim and last.shape[0] != count:
        return layout.build(name, int(last.shape[0]))
    return network, head


def _lay_in(
    network: nn.Module, renamed: dict[str, tuple[str, Tensor]], name: str, path: Path
) -> None:
    own: dict[str, Any] = network.state_dict()
    # Counters of batches seen, which old files lack and nothing here reads.
    counters = {key for key in own if key.endswith("num_batches_tracked")}
    lacking = sorted(set(own) - set(renamed) - counters)
    more = sorted(old for new, (old, _) in renamed.items() if new not in own)
    other = sorted(
        f"{old} {problem}"
        for new, (old, value) in renamed.items()
        if new in own and (problem := _unlike(value, own[new]))
    )
    problems = [f"{key} is missing" for key in lacking]
    problems += [f"{key} is not of it" for key in more] + other
    if problems:
        count = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise InputError(
            f"these are not the tensors of {name}: {problems[0]}{count}",
            file=path,
            remedy="say the layout or network that they are of",
        )
    network.load_state_dict({new: value for new, (_, value) in renamed.items()}, strict=False)


def _unlike(value: Tensor, own: Tensor) -> str:
    """Why a tensor of the file cannot be the network's own; empty where it can."""
    if value.shape != own.shape:
        return f"is {_shape(value)}, not {_shape(own)}"
    if own.is_floating_point():
        if not value.is_floating_point():
            return f"is of {str(value.dtype).removeprefix('torch.')}, not of floats"
        if own.isfinite().all() and not value.isfinite().all():
            return f"is not finite ({'NaN' if value.isnan().any() else 'infinite numbers'})"
    return ""


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a number"
