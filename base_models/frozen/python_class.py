"""Detectors that are Python: a class in a file that the user names, or of an installed package.

    class Detector:
        size = 224  # side of the crops in pixels

        def logits(self, images):
            '''RGB uint8 (n, 224, 224, 3) -> (n,) floats, the log odds of FAKE; high = FAKE.'''

It is made without arguments, once, and reads its own weights. The code of a file is never copied
into a run: who predicts with the run names the file again, and it must be the same.
"""

import hashlib
import importlib.util
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.compute.devices import Device
from base_models.detectors.registry import DetectorSpec
from base_models.frozen.card import Card, Outputs, Pixels
from base_models.frozen.detector import FrozenDetector
from base_models.frozen.kinds import GROUP, Draft
from predictions.errors import InputError

__all__ = ["card_of_class", "card_of_package", "draft", "load"]

#: Name of the card -> file and class, as the user named them to this process.
_named: dict[str, tuple[Path, str]] = {}


def card_of_class(file: Path, name: str) -> Card:
    """The card of the class `name` in `file`, which is run.

    Raises:
        InputError: there is no such file or class, or it does not say what it takes.
    """
    made = _class_of(file, name)
    card = _card(made, name, "python", _digest(file), f"{file}:{name}")
    _named[card.name] = file, name
    return card


def card_of_package(point: EntryPoint) -> Card:
    """The card of a class that an installed package offers as `fakeodds.detectors`."""
    version = point.dist.version if point.dist else ""
    return _card(point.load(), point.name, "package", f"{point.value} {version}", point.value)


def draft(path: Path) -> Draft:
    """Nothing: code is not run to look at it.

    Raises:
        InputError: always; it says how to name a class.
    """
    raise InputError("is Python", file=path, remedy=f"name a class in it: {path}:CLASS")


def load(spec: DetectorSpec, path: Path, place: Device) -> FrozenDetector:
    """The detector of a card.

    Raises:
        InputError: its file was not named to this process, or is not the one that it was.
    """
    card = spec.card
    assert card is not None
    if card.kind == "package":
        made = _package_class(card.name)
    else:
        if card.name not in _named:
            raise InputError(
                f"{card.name} is Python code ({card.network}), which is run only where it is named",
                option="--code",
                remedy=f"add --code {card.network}",
            )
        file, name = _named[card.name]
        if _digest(file) != card.code:
            raise InputError(
                f"{card.name}: this is not the code that the run was made with",
                file=file,
                remedy="give `fakeodds run` again with it, or find the file as it was",
            )
        made = _class_of(file, name)
    one: Any = made()

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        values = np.asarray(one.logits(images), np.float64)
        if values.shape != (len(images),):
            raise InputError(
                f"{card.name}: logits() gave {values.shape}", expected=f"({len(images)},)"
            )
        return values

    return FrozenDetector(spec, outputs)


def _package_class(name: str) -> Any:
    """The class that an installed package offers under `name`.

    Raises:
        InputError: there is none.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            return point.load()
    raise InputError(
        f"no installed package offers the detector {name!r}", remedy="install the package again"
    )


def _card(made: Any, name: str, kind: str, code: str, source: str) -> Card:
    size = getattr(made, "size", None)
    if (
        not isinstance(size, int)
        or isinstance(size, bool)
        or not callable(getattr(made, "logits", None))
    ):
        raise InputError(
            f"the class {name} is no detector",
            expected="a whole number `size`, and a method logits(images)",
        )
    return Card(
        str(getattr(made, "name", name)),
        kind,
        network=source,
        size=size,
        # It does with pixels and outputs what it likes.
        pixels=Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        outputs=Outputs(fake=(0,)),
        code=code,
        licence=str(getattr(made, "licence", "")),
        trained_on=tuple(map(str, getattr(made, "trained_on", ()))),
    )


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError("no such Python file", file=file) from error


def _class_of(file: Path, name: str) -> Any:
    module = f"_fakeodds_{_digest(file)[:16]}"
    if module not in sys.modules:
        spec = importlib.util.spec_from_file_location(module, file)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[module])
        except BaseException as error:
            del sys.modules[module]
            if not isinstance(error, Exception):
                raise
            raise InputError(
                f"cannot be run: {type(error).__name__}: {error}", file=file
            ) from error
    made = getattr(sys.modules[module], name, None)
    if not isinstance(made, type):
        classes = [k for k, v in vars(sys.modules[module]).items() if isinstance(v, type)]
        raise InputError(
            f"has no class {name!r}",
            file=file,
            expected=f"one of {', '.join(classes) or 'its own'}",
        )
    return made
