"""Networks of users' own, trained here like any other. Importing this needs no framework.

    class MyNet(torch.nn.Module):
        size = 96                       # side in pixels of the square pictures that it takes
        mean, std = (0.5,) * 3, (0.5,) * 3  # of RGB in [0, 1]; left out: ImageNet's

        def forward(self, x):
            '''(n, 3, 96, 96) float32 -> (n,) or (n, 1) logits; high = FAKE.'''

It is made without arguments. A class with a method `logits` is no such: it is scored as it is, see
`frozen.python_class`. What a run keeps of a network are the facts of a card, without its code.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card, Pixels, Triple, card_of
from base_models.named_code import Code, NamedClass, size_of_class
from predictions.errors import InputError

_IMAGENET = Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def is_network(made: type) -> bool:
    """Whether a class is a torch network to train, and no detector as it is."""
    # Who made a network has imported torch.
    torch: Any = sys.modules.get("torch")
    is_module = torch is not None and issubclass(made, torch.nn.Module)
    return is_module and not callable(getattr(made, "logits", None))


def spec_of_class(named: NamedClass) -> DetectorSpec:
    """The entry of a network that the user named.

    Raises:
        InputError: it does not say the side of its pictures, or something else that cannot be.
    """
    size = size_of_class(named.made)
    if size is None:
        raise InputError(
            f"the network {named.name} does not say which pictures it takes",
            file=named.file,
            expected="a whole number `size` in the class, the side in pixels",
        )
    pixels = Pixels(_three(named, "mean", _IMAGENET.mean), _three(named, "std", _IMAGENET.std))
    card = _card(named.name, named.code, size, pixels)
    return _spec(card_of(card.facts, named.file), named.code)


def spec_of_facts(facts: Mapping[str, Any], file: Path) -> DetectorSpec:
    """The entry of a network that a run has, of what `facts_of` gave.

    Raises:
        InputError: they are none; `file` is where they stand.
    """
    card = card_of(facts, file)
    return _spec(card, Code(card.network, card.code))


def facts_of(spec: DetectorSpec) -> dict[str, Any]:
    """What a run keeps of a network, as JSON values."""
    assert spec.code is not None
    return _card(spec.name, spec.code, spec.size, Pixels(spec.mean, spec.std)).facts


def _card(name: str, code: Code, size: int, pixels: Pixels) -> Card:
    return Card(name, "network", network=code.source, size=size, pixels=pixels, code=code.digest)


def _spec(card: Card, code: Code) -> DetectorSpec:
    assert card.size is not None
    assert card.pixels is not None
    return DetectorSpec(
        name=card.name,
        framework="torch",
        architecture=card.network,
        size=card.size,
        mean=card.pixels.mean,
        std=card.pixels.std,
        parameters=0,
        published=None,
        factory="base_models.detectors.own_network:create_own",
        loader="base_models.detectors.own_network:load_own",
        trainer="base_models.training.own",
        exporter="base_models.backends.openvino_own:export_own",
        devices="base_models.detectors.own_devices",
        smallest=card.size,
        fixed_size=True,
        code=code,
    )


def _three(named: NamedClass, name: str, default: Triple) -> Triple:
    """What a class says of the channels."""
    said = getattr(named.made, name, default)
    try:
        red, green, blue = map(float, said)
    except (TypeError, ValueError):
        raise InputError(
            f"its {name} is {said!r}",
            file=named.file,
            column=name,
            expected="three numbers, of red, green and blue in [0, 1]",
        ) from None
    return red, green, blue
