"""Detectors that are Python: a class in a file that the user names, or of an installed package.

    class Detector:
        size = 224  # side of the crops in pixels
        files = ("weights.pth",)  # what it reads beside itself; may be left out

        def logits(self, images):
            '''RGB uint8 (n, 224, 224, 3) -> (n,) floats, the log odds of FAKE; high = FAKE.'''

With `crop`, a dict such as a card's table `[crop]`, it sees faces cut that way. It is made without
arguments, once, and reads its own weights. It may also say `name`, `licence` and `trained_on`. The
code of a file is never copied into a run: who predicts with the run names the file again, and it
must be the same.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
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
from predictions.errors import InputError

__all__ = ["card_of_class", "card_of_package", "draft", "is_named", "load", "named_file"]

#: Whatever the user's code raises; one that wants to end the process must not look like success.
_RAISED = (Exception, SystemExit)

#: Name of the card -> file and class, as the user named them to this process.
_named: dict[str, tuple[Path, str]] = {}


def card_of_class(file: Path, name: str) -> Card:
    """The card of the class `name` in `file`, which is run.

    Raises:
        InputError: there is no such file or class, or it does not say what it takes.
    """
    made = _class_of(file, name)
    card = _card(made, name, "python", _code(file, made), f"{file.name}:{name}", file)
    _named[card.name] = file, name
    return card


def card_of_package(point: EntryPoint) -> Card:
    """The card of a class that an installed package offers as `fakeodds.detectors`.

    Raises:
        InputError: it cannot be imported, or does not say what it takes.
    """
    made = _imported(point)
    return _card(made, point.name, "package", _version(point), point.value)


def is_named(card: Card) -> bool:
    """Whether the user named the code of a card to this process, or other code of its name."""
    return card.name in _named


def named_file(card: Card) -> tuple[Path, list[Path]]:
    """The file with the code of a card, as the user named it, and what the code reads beside it.

    Raises:
        InputError: it was not named to this process, or is not the one that it was.
    """
    if card.name not in _named:
        raise InputError(
            f"{card.name} is Python code ({card.network}), which is run only where it is named",
            option="--code",
            remedy=f"add --code {card.network}, with the path of that file",
        )
    file, name = _named[card.name]
    made = _class_of(file, name)
    if _code(file, made) != card.code:
        raise InputError(
            f"{card.name}: this is not the code that the run was made with, or a file that it "
            "reads is another",
            file=file,
            remedy="give `fakeodds run` again with it, or find the file as it was",
        )
    return file, _beside(file, made)


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
    made = _class_of_package(card) if card.kind == "package" else _class_of(*_checked(card))
    try:
        one: Any = made()
    except _RAISED as error:
        raise _failed(f"{card.name}: {card.network} cannot be made", error) from error

    def outputs(images: NDArray[np.uint8]) -> NDArray[np.floating]:
        try:
            logits = one.logits(images)
            if np.iscomplexobj(logits):  # whose imaginary part would go with a warning alone
                raise TypeError("complex numbers")
            values = np.asarray(logits, np.float64)
        except _RAISED as error:  # or what is no number
            raise _failed(f"{card.name}: logits() of {card.network} failed", error) from error
        if values.shape != (len(images),):
            raise InputError(
                f"{card.name}: logits() of {card.network} gave {values.shape}",
                expected=f"({len(images)},), a logit for each picture",
            )
        return values

    return FrozenDetector(spec, outputs)


def _checked(card: Card) -> tuple[Path, str]:
    named_file(card)
    return _named[card.name]


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
    except _RAISED as error:
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
    size = getattr(made, "size", None)
    is_whole = isinstance(size, int) and not isinstance(size, bool)
    if not is_whole or not callable(getattr(made, "logits", None)):
        raise InputError(
            f"the class {name} is no detector",
            file=file,
            expected="a whole number `size`, and a method logits(images)",
        )
    assert isinstance(size, int)
    crop = getattr(made, "crop", None)
    card = Card(
        _text(made, "name", name, file),
        kind,
        network=source,
        size=size,
        # It does with pixels and outputs what it likes.
        pixels=Pixels((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
        outputs=Outputs(fake=(0,)),
        crop=None if crop is None else crop_of(crop, file),
        code=code,
        licence=_text(made, "licence", "", file),
        trained_on=_texts(made, "trained_on", file),
        folder=file.parent if file else Path(),
    )
    card_of(card.facts, file)  # a name that is none, or a size
    return card


def _text(made: Any, name: str, default: str, file: Path | None) -> str:
    text = getattr(made, name, default)
    if not isinstance(text, str):
        raise InputError(f"its {name} is {text!r}", file=file, column=name, expected="a text")
    return text


def _texts(made: Any, name: str, file: Path | None) -> tuple[str, ...]:
    """Of one text, or some."""
    texts = getattr(made, name, ())
    if isinstance(texts, str):
        return (texts,)
    if not isinstance(texts, list | tuple) or not all(isinstance(one, str) for one in texts):
        raise InputError(
            f"its {name} is {texts!r}", file=file, column=name, expected="a text, or a list of them"
        )
    return tuple(texts)


def _beside(file: Path, made: Any) -> list[Path]:
    """What a class says that it reads."""
    names = _texts(made, "files", file)
    for name in names:
        if Path(name).name != name:
            raise InputError(f"its file {name!r} does not lie beside it", file=file)
    return [file.with_name(name) for name in names]


def _code(file: Path, made: Any) -> str:
    """What a class is known by: its file, and those that it reads."""
    digests = [_digest(path) for path in (file, *_beside(file, made))]
    return digests[0] if len(digests) == 1 else _joined(digests)


def _joined(digests: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError("no such file", file=file) from error


def _class_of(file: Path, name: str) -> Any:
    # Two files with the same code, in different folders, may read different things beside them.
    module = f"_fakeodds_{_joined([_digest(file), str(file.resolve())])[:16]}"
    if module not in sys.modules:
        spec = importlib.util.spec_from_file_location(module, file.resolve())
        assert spec is not None
        assert spec.loader is not None
        sys.modules[module] = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(sys.modules[module])
        except BaseException as error:
            del sys.modules[module]
            if isinstance(error, KeyboardInterrupt):
                raise
            raise _failed("cannot be run", error).in_file(file) from error
    made = getattr(sys.modules[module], name, None)
    if not isinstance(made, type):
        classes = [k for k, v in vars(sys.modules[module]).items() if isinstance(v, type)]
        raise InputError(
            f"has no class {name!r}",
            file=file,
            expected=f"one of {', '.join(classes) or 'its own, and there is none'}",
        )
    return made


def _failed(what: str, error: BaseException) -> InputError:
    """In one sentence: what was raised, and in which line of which file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = ""
    if trace is not None:
        place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})"
    message = " ".join(str(error).split())
    return InputError(f"{what}: {type(error).__name__}: {message}{place}", remedy="mend that code")
