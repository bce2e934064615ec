"""The card of a detector: a small file beside the weights that says how they are to be used.

    name = "sbi-c23"
    kind = "state_dict"
    file = "FFc23.tar"
    network = "tf_efficientnet_b4"
    layout = "sbi"
    size = 380
    licence = "research only"
    trained_on = ["FaceForensics++"]

    [pixels]
    mean = [0.0, 0.0, 0.0]
    std = [1.0, 1.0, 1.0]
    channels = "RGB"

    [outputs]
    gives = "logits"
    real = [0]
    fake = [1]

    [crop]
    margin = [0.125, 0.125, 0.125, 0.125]
    sides = "each"
    shape = "stretched"

What a card leaves out is not known, and never guessed: which output is FAKE, or what the pixels
are, is asked for before anything is scored. Without `[crop]` a detector sees the run's own faces.
"""

import math
import re
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from base_models.sound.settings import SoundSettings
from predictions.errors import InputError

Triple = tuple[float, float, float]

#: Names that files, columns and folders may bear.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Pixels:
    """What the network is given: (x / 255 - mean) / std a channel, in the order of `channels`.

    `mean` and `std` are of the channels red, green, blue, whatever their order.
    """

    mean: Triple
    std: Triple
    channels: Literal["RGB", "BGR"] = "RGB"


@dataclass(frozen=True)
class Outputs:
    """What the network gives, (n, k), and which of the k mean what.

    Attributes:
        fake, real: positions of the outputs that mean FAKE, and REAL. One output alone stands in
            one of them, and the other is empty: `fake = [0]` is high for FAKE, `real = [0]` for
            REAL.
        gives: `logits` (before a softmax or sigmoid) or `probabilities` (after it).
        neither: positions of what is left out.
    """

    fake: tuple[int, ...] = ()
    real: tuple[int, ...] = ()
    gives: Literal["logits", "probabilities"] = "logits"
    neither: tuple[int, ...] = ()

    @property
    def count(self) -> int:
        """How many outputs there are."""
        return len(self.fake) + len(self.real) + len(self.neither)


@dataclass(frozen=True)
class Crop:
    """How the faces are cut that the network was trained on.

    Attributes:
        margin: what is added to the face's box left, above, right and below, as shares of `sides`.
        sides: of what these are shares: of the box's `longer` side, of `each` side's own, or of the
            box's `height`.
        shape: `square` keeps the aspect, by making the shorter side longer; `padded` keeps it, by
            black bars beside the shorter side; `stretched` makes a square picture of the oblong
            that was cut.
        align: `none`, or `arcface`: turned and scaled so that the five points lie as in ArcFace's
            template, with `scale` times the region around it.
        scale: of an aligned crop, which knows no margin, sides or shape, and is never moved.
        padding: what stands where the crop reaches over the frame: the `edge` repeated, `zero`, or
            nothing, because the crop is moved `inside`, or because it ends at the frame (`none`).
        resize: `area` averages where it shrinks and is cubic where it enlarges; `linear` is between
            the four nearest pixels, as OpenCV does unless told otherwise.
        finder: what finds the faces at its makers'; for the record.
        whole: the whole picture is shown, whether there is a face in it or not: `padded`, or
            squeezed into the square.
    """

    margin: tuple[float, float, float, float] = (0.2, 0.2, 0.2, 0.2)
    sides: Literal["longer", "each", "height"] = "longer"
    shape: Literal["square", "padded", "stretched"] = "square"
    align: Literal["none", "arcface"] = "none"
    scale: float = 1.0
    padding: Literal["edge", "zero", "inside", "none"] = "edge"
    resize: Literal["area", "linear"] = "area"
    finder: str = ""
    whole: bool = False


@dataclass(frozen=True)
class Card:
    """What is known of a detector that somebody else trained.

    Attributes:
        name: what users call it; folders and columns bear it.
        kind: what can open it: a name of `kinds.KINDS`.
        files: its files, beside the card; the first is the one with the weights.
        network: the network of a state dict: a name of timm's, or `torchvision:NAME`; of Python
            code, the class.
        layout: how a state dict names its tensors: a name of `state_dict.layouts.LAYOUTS`.
        size: side of the input in pixels; of one that listens, samples of a window.
        rate: samples a second, of one that listens; None: it looks at faces.
        pixels: what is made of them; None: not known, or it listens.
        outputs: which mean FAKE; None: not known.
        crop: how its faces are cut; None: as the run's own.
        code: what its Python code is known by: the SHA-256 of the file, or the package's version.
        labels: what its makers call the outputs, in their order.
        licence, source: of the weights.
        trained_on: the datasets whose videos it has seen in training.
        folder: where the card lies.
    """

    name: str
    kind: str
    files: tuple[str, ...] = ()
    network: str = ""
    layout: str = ""
    size: int | None = None
    rate: int | None = None
    pixels: Pixels | None = None
    outputs: Outputs | None = None
    crop: Crop | None = None
    code: str = ""
    labels: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    trained_on: tuple[str, ...] = ()
    folder: Path = field(default=Path(), compare=False)

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return [self.folder / name for name in self.files]

    @property
    def unknown(self) -> list[str]:
        """What must be known before it can score, and is not."""
        needed = ("size", "outputs") if self.listens else ("size", "pixels", "outputs")
        unknown = [name for name in needed if getattr(self, name) is None]
        by_name = self.kind == "keras" or (self.kind == "state_dict" and self.layout == "plain")
        return ["network", *unknown] if by_name and not self.network else unknown

    @property
    def listens(self) -> bool:
        """Whether it hears the sound, instead of looking at faces."""
        return self.rate is not None

    @property
    def facts(self) -> dict[str, Any]:
        """Everything but its place, as JSON values; what is not known is left out."""
        return _plain({k: v for k, v in asdict(self).items() if k != "folder"})

    @property
    def outcome(self) -> dict[str, Any]:
        """Those of the facts that its scores depend on, beside the content of its files."""
        words = ("licence", "source", "trained_on", "labels", "files")
        return {name: value for name, value in self.facts.items() if name not in words}


def card_of(facts: Mapping[str, Any], file: Path | None = None) -> Card:
    """The card of facts such as `Card.facts`.

    Args:
        facts: by their names.
        file: where they stand, for messages.

    Raises:
        InputError: one is not known, lacks, or is of another type.
    """
    card = _made(Card, facts, "", file)
    if not _NAME.fullmatch(card.name):
        raise InputError(
            f"the name {card.name!r} cannot be that of a file",
            file=file,
            column="name",
            expected="letters, digits, dots, - and _",
        )
    if card.outputs is not None:
        _check_outputs(card.outputs, file)
    if card.crop is not None:
        _check_crop(card.crop, file)
    if card.listens:
        _check_sound(card, file)
    elif card.size is not None and not 8 <= card.size <= 4096:
        raise InputError(
            f"the size {card.size} is none", file=file, column="size", expected="8 to 4096 pixels"
        )
    if card.pixels is not None and not all(value > 0 for value in card.pixels.std):
        raise InputError("std must be above 0", file=file, column="pixels.std")
    for name in card.files:
        if Path(name).name != name or name.startswith("."):
            raise InputError(
                f"the file {name!r} does not lie beside the card",
                file=file,
                column="files",
                remedy="move it there, and name it without a folder",
            )
    return card


def crop_of(facts: Any, file: Path | None = None) -> Crop:
    """The crop of facts such as a card's table `[crop]`.

    Raises:
        InputError: one is not known, or of another type.
    """
    crop: Crop = _made(Crop, facts, "crop.", file)
    _check_crop(crop, file)
    return crop


def _check_outputs(outputs: Outputs, file: Path | None) -> None:
    every = (*outputs.fake, *outputs.real, *outputs.neither)
    if sorted(every) != list(range(len(every))) or not every:
        raise InputError(
            f"fake = {list(outputs.fake)}, real = {list(outputs.real)}, "
            f"neither = {list(outputs.neither)}",
            file=file,
            column="outputs",
            expected="each position once, from 0",
        )
    if (len(every) > 1 or outputs.neither) and not (outputs.fake and outputs.real):
        raise InputError(
            "of several outputs, some must mean FAKE and some REAL", file=file, column="outputs"
        )


def _check_sound(card: Card, file: Path | None) -> None:
    if card.kind != "state_dict":
        raise InputError(
            f"a detector of kind {card.kind!r} that listens cannot be opened",
            file=file,
            column="rate",
            expected="a state dict, such as AASIST's",
        )
    if card.rate != SoundSettings().rate:
        raise InputError(
            f"the rate {card.rate} is another",
            file=file,
            column="rate",
            expected=f"{SoundSettings().rate} samples a second, as sound is kept",
        )
    if (
        card.size is not None
        and not 1600 <= card.size <= SoundSettings().longest_s * SoundSettings().rate
    ):
        raise InputError(
            f"the size {card.size} is none",
            file=file,
            column="size",
            expected="1,600 to 960,000 samples",
        )


def _check_crop(crop: Crop, file: Path | None) -> None:
    if not all(-0.4 <= one <= 10 for one in crop.margin):
        raise InputError(
            f"margin = {list(crop.margin)}",
            file=file,
            column="crop.margin",
            expected="shares of the box's sides such as 0.2, -0.4 to 10",
        )
    if not 0.25 <= crop.scale <= 10:
        raise InputError(
            f"scale = {crop.scale:g}", file=file, column="crop.scale", expected="0.25 to 10"
        )


def _made(kind: Any, facts: Any, place: str, file: Path | None) -> Any:
    """A dataclass of the `facts`, checked against the types of its fields."""
    if not isinstance(facts, Mapping):
        raise InputError(f"{facts!r} is no table", file=file, column=place or None)
    types_ = get_type_hints(kind)
    known = [one.name for one in fields(kind) if one.name != "folder"]
    for name in facts:
        if name not in known:
            raise InputError(
                "a card says nothing of that name",
                file=file,
                column=f"{place}{name}",
                expected=f"one of {', '.join(known)}",
            )
    values = {
        name: _value(types_[name], facts[name], f"{place}{name}", file)
        for name in known
        if name in facts
    }
    try:
        return kind(**values)
    except TypeError as error:
        lacking = next(name for name in known if name not in values)
        raise InputError(
            "is not complete",
            file=file,
            column=f"{place}{lacking}",
            remedy="say it in the card",
        ) from error


def _value(kind: Any, value: Any, place: str, file: Path | None) -> Any:
    if get_origin(kind) is types.UnionType:
        kind = get_args(kind)[0]
    if hasattr(kind, "__dataclass_fields__"):
        return _made(kind, value, f"{place}.", file)
    choices = get_args(kind)
    if get_origin(kind) is Literal:
        right, expected = value in choices, f"one of {', '.join(choices)}"
    elif get_origin(kind) is tuple:
        long = None if choices[-1] is Ellipsis else len(choices)
        right = isinstance(value, list | tuple) and (long is None or len(value) == long)
        right = right and all(_is(choices[0], one) for one in value)
        expected = f"{long or 'some'} {_WORDS[choices[0]]}s in brackets"
        value = tuple(map(choices[0], value)) if right else value
    else:
        right, expected = _is(kind, value), f"a {_WORDS[kind]}"
        value = kind(value) if right else value
    if not right:
        raise InputError(f"{value!r} is not right", file=file, column=place, expected=expected)
    return value


#: Of a number in a card.
_LARGEST = 1e12

_WORDS = {float: "number", int: "whole number", str: "text", bool: "true or false"}


def _is(kind: type, value: Any) -> bool:
    if kind is float:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and abs(value) <= _LARGEST and math.isfinite(value)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    # Half of a character, or the bytes of a name that is no UTF-8, cannot be written down.
    return isinstance(value, kind) and (not isinstance(value, str) or _is_utf8(value))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(value: Any) -> Any:
    """As JSON values: tuples as lists, and without what is not known or empty."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items() if one not in (None, "", ())}
    return list(map(_plain, value)) if isinstance(value, list | tuple) else value
