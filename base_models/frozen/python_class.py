"""Detectors that are Python: a class in a file that the user names, or of an installed package.

    class Detector:
        size = 224  # side of the crops in pixels
        files = ("weights.pth",)  # what it reads beside itself; may be left out

        def logits(self, images):
            '''RGB uint8 (n, 224, 224, 3) -> (n,) floats, the log odds of FAKE; high = FAKE.'''

With `crop`, a dict such as a card's table `[crop]`, it sees faces cut that way. It is made without
arguments, once, and reads its own weights. It may also say `name`, `licence` and `trained_on`. How
its code is run, and what it is known by: see `base_models.named_code`.
"""

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.compute.devices import Device
from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card, Outputs, Pixels, card_of, crop_of
from base_models.frozen.detector import FrozenDetector
from base_models.frozen.kinds import GROUP, Draft
from base_models.named_code import (
    RAISED,
    NamedClass,
    failed,
    named_class,
    size_of_class,
    text_of,
    texts_of,
)
from predictions.errors import InputError

__all__ = ["card_of_class", "card_of_package", "draft", "load"]

#: What a class must be.
_EXPECTED = "a whole number `size`, and a method logits(images)"
_EITHER = (
    "a torch.nn.Module with a whole number `size`, which is trained here, or `size` and a method "
    "logits(images), which is scored as it is"
)


def card_of_class(named: NamedClass) -> Card:
    """The card of a class that the user named.

    Raises:
        InputError: it does not say what it takes.
    """
    code = named.code
    return _card(named.made, named.name, "python", code.digest, code.source, named.file)


def card_of_package(point: EntryPoint) -> Card:
    """The card of a class that an installed package offers as `fakeodds.detectors`.

    Raises:
        InputError: it cannot be imported, or does not say what it takes.
    """
    made = _imported(point)
    return _card(made, point.name, "package", _version(point), point.value)


def draft(path: Path, network: str) -> Draft:
    """Nothing: code is not run to look at it.

    Raises:
        InputError: always; it says how to name a class.
    """
    raise InputError("is Python", file=path, remedy=f"name a class in it: {path}:CLASS")


def load(spec: DetectorSpec, path: Path, place: Device) -> FrozenDetector:
    """The detector of a card.

    Raises:
        InputError: its file was not named to this process, is not the one that it was, or the
            class fails.
    """
    card = spec.card
    assert card is not None
    if card.kind == "package":
        made = _class_of_package(card)
    else:
        assert spec.code is not None
        made = named_class(spec.name, spec.code).made
    try:
        one: Any = made()
    except RAISED as error:
        raise failed(f"{card.name}: {card.network} cannot be made", error) from error

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        try:
            logits = one.logits(images)
            if np.iscomplexobj(logits):  # whose imaginary part would go with a warning alone
                raise TypeError("complex numbers")
            values = np.asarray(logits, np.float64)
        except RAISED as error:  # or what is no number
            raise failed(f"{card.name}: logits() of {card.network} failed", error) from error
        if values.shape != (len(images),):
            raise InputError(
                f"{card.name}: logits() of {card.network} gave {values.shape}",
                expected=f"({len(images)},), a logit for each picture",
            )
        return values

    return FrozenDetector(spec, outputs)


def _class_of_package(card: Card) -> Any:
    point = _offered(card.name)
    if _version(point) != card.code:
        raise InputError(
            f"{card.name}: the installed package is {_version(point)}, and the run was made with "
            f"{card.code}",
            remedy="install that one, or give `fakeodds run` again",
        )
    return _imported(point)


def _offered(name: str) -> EntryPoint:
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point
    raise InputError(
        f"no installed package offers the detector {name!r}", remedy="install the package again"
    )


def _imported(point: EntryPoint) -> Any:
    try:
        return point.load()
    except RAISED as error:
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise InputError(
            f"{point.name}: {point.value} cannot be imported: {problem}",
            remedy="mend that package, or uninstall it",
        ) from error


def _version(point: EntryPoint) -> str:
    return f"{point.value} {point.dist.version if point.dist else ''}".strip()


def _card(
    made: Any, name: str, kind: str, code: str, source: str, file: Path | None = None
) -> Card:
    size = size_of_class(made)
    if size is None or not callable(getattr(made, "logits", None)):
        # A package's class cannot be trained: its code is no file that could be named.
        expected = _EXPECTED if file is None or hasattr(made, "logits") else _EITHER
        raise InputError(f"the class {name} is no detector", file=file, expected=expected)
    crop = getattr(made, "crop", None)
    card = Card(
        text_of(made, "name", name, file),
        kind,
        network=source,
        size=size,
        # It does with pixels and outputs what it likes.
        pixels=Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        outputs=Outputs(fake=(0,)),
        crop=None if crop is None else crop_of(crop, file),
        code=code,
        licence=text_of(made, "licence", "", file),
        trained_on=texts_of(made, "trained_on", file),
        folder=file.parent if file else Path(),
    )
    card_of(card.facts, file)  # a name that is none, or a size
    return card
