"""The alterations there are, by name, from mild to strong. Importing this is quick: no OpenCV.

To add one: a function in `base_models.stress.pictures` or `copies`, and a line here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from predictions.errors import InputError
from predictions.registry import find
from predictions.words import count

#: What an alteration works on: each picture by itself, the file as a whole, or which frames of it
#: are looked at.
ActsOn = Literal["picture", "file", "looking"]


@dataclass(frozen=True)
class Alteration:
    """One line of the list.

    Attributes:
        name: what users call it.
        about: what it does, in a few words.
        unit: of its strength.
        strengths: from mild to strong, as they are tried where nobody names others.
        bounds: of the strength.
        acts_on: see `ActsOn`.
        on_stills: whether it can be done to a single picture.
        on_crops: whether it can be done to a face that came cut.
    """

    name: str
    about: str
    unit: str
    strengths: tuple[float, ...]
    bounds: tuple[float, float]
    acts_on: ActsOn = "picture"
    on_stills: bool = True
    on_crops: bool = True

    @property
    def operation(self) -> str:
        """`module:function` of what is done to a picture or a file."""
        module = "copies" if self.acts_on == "file" else "pictures"
        return f"base_models.stress.{module}:{self.name}"


def _of_pictures(
    name: str, about: str, unit: str, strengths: tuple[float, ...], bounds: tuple[float, float]
) -> Alteration:
    return Alteration(name, about, unit, strengths, bounds)


def _of_files(
    name: str, about: str, unit: str, strengths: tuple[float, ...], bounds: tuple[float, float]
) -> Alteration:
    return Alteration(name, about, unit, strengths, bounds, "file", on_stills=False, on_crops=False)


#: In the order in which they are shown: files, pixels, light, time, and the face itself.
_LIST = (
    _of_pictures("jpeg", "each frame compressed as JPEG", "quality", (75, 40, 15), (1, 100)),
    Alteration("h264", "encoded anew as H.264", "CRF", (23, 32, 40), (0, 51), "file"),
    _of_files("bitrate", "H.264 of so many bits a second", "kbit/s", (800, 300, 100), (1, 1e6)),
    _of_files(
        *("social", "reduced and H.264 of CRF 28, twice", "px, longer side"),
        *((640, 480, 320), (32, 8192)),
    ),
    _of_pictures(
        "rescale", "reduced and enlarged again", "of each side", (0.5, 0.33, 0.2), (0.01, 1)
    ),
    _of_pictures("blur", "Gaussian blur", "px, sigma", (1, 2, 4), (0.1, 100)),
    _of_pictures("noise", "normal noise", "grey levels, sd", (5, 10, 20), (0, 255)),
    _of_pictures("brightness", "all channels multiplied", "times", (0.7, 0.5, 0.3), (0, 10)),
    _of_files("frame_rate", "frames dropped", "frames/s", (12, 6, 3), (0.1, 1000)),
    Alteration(
        *("frames", "fewer frames looked at", "frames", (8, 4, 1), (1, 1000), "looking"),
        on_stills=False,
    ),
    Alteration(
        *("small_face", "the picture reduced, black around it", "of each side"),
        *((0.6, 0.4, 0.25), (0.02, 1), "picture"),
        on_crops=False,
    ),
)
ALTERATIONS = {one.name: one for one in _LIST}


@dataclass(frozen=True)
class Degree:
    """One alteration at one strength.

    Attributes:
        alteration: a name in `ALTERATIONS`.
        strength: in its unit.
    """

    alteration: str
    strength: float

    @property
    def name(self) -> str:
        """`jpeg=40`."""
        return f"{self.alteration}={self.strength:g}"

    @property
    def entry(self) -> Alteration:
        """What it is a degree of."""
        return ALTERATIONS[self.alteration]

    @property
    def facts(self) -> dict[str, Any]:
        """Alteration, strength and unit, JSON values."""
        unit = self.entry.unit
        return {"alteration": self.alteration, "strength": self.strength, "unit": unit}


def parse_degrees(texts: Sequence[str]) -> tuple[Degree, ...]:
    """Read `NAME`, which has its own strengths, and `NAME=STRENGTH,STRENGTH`.

    Args:
        texts: as typed; without any, all alterations at their own strengths.

    Returns:
        In the order of `ALTERATIONS`, each alteration's strengths as they were named.

    Raises:
        InputError: there is no such alteration, it is named twice, or a strength is none.
    """
    strengths: dict[str, tuple[float, ...]] = {}
    for text in texts:
        name, equals, numbers = text.partition("=")
        one = find(ALTERATIONS, name.strip(), "alteration")
        if one.name in strengths:
            raise InputError(
                f"{one.name} is named twice",
                option="--alter",
                remedy="name its strengths together, with commas",
            )
        strengths[one.name] = _strengths(one, numbers) if equals else one.strengths
    if not texts:
        strengths = {one.name: one.strengths for one in ALTERATIONS.values()}
    return tuple(
        Degree(name, strength) for name in ALTERATIONS for strength in strengths.get(name, ())
    )


def _strengths(one: Alteration, text: str) -> tuple[float, ...]:
    least, most = one.bounds
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = (math.nan,)
    if not all(least <= number <= most for number in numbers):
        raise InputError(
            f"{one.name}={text} is no strength",
            option="--alter",
            expected=f"numbers from {least:g} to {most:g} ({one.unit}), with commas",
        )
    return tuple(dict.fromkeys(numbers))


def tell_degrees(degrees: Sequence[Degree]) -> str:
    """`3 alterations at 9 strengths`."""
    kinds = len({degree.alteration for degree in degrees})
    several = "strength" if len(degrees) == 1 else "strengths"
    return f"{count(kinds, 'alteration')} at {len(degrees)} {several}"
