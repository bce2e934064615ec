"""The alterations there are, by name, and the presets. Importing this is quick: no OpenCV, no PyAV.

To add one: a function in `base_models.augment.operations`, and a line here.
"""

import difflib
from dataclasses import dataclass

from predictions.errors import InputError

#: How far the ranges of an alteration are used: see `operations`.
_MILD, _FULL = 0.5, 1.0


@dataclass(frozen=True)
class Augmentation:
    """One line of the list of alterations.

    Attributes:
        name: what users call it.
        about: what it does to a crop.
        share: of the crops, which get it.
        is_light: whether the preset `light` has it too, mildly.
    """

    name: str
    about: str
    share: float
    is_light: bool = False

    @property
    def operation(self) -> str:
        """`module:function`, an `operations.Operation`."""
        return f"base_models.augment.operations:{self.name}"


#: In the order they are done: first what happens to a face, then to light, then to a file.
AUGMENTATIONS = {
    one.name: one
    for one in (
        Augmentation("cutout", "an eye, both, the nose or the mouth taken out", 0.3),
        Augmentation("flip", "left and right exchanged", 0.5, is_light=True),
        Augmentation("rotation", "turned by up to 20 degrees", 0.3),
        Augmentation("brightness", "lighter or darker", 1.0, is_light=True),
        Augmentation("saturation", "stronger or paler colours", 0.5, is_light=True),
        Augmentation("downscale", "reduced and enlarged again", 0.2),
        Augmentation("blur", "Gaussian blur", 0.2),
        Augmentation("noise", "normal noise in every channel", 0.2),
        Augmentation("jpeg", "compressed as JPEG", 1 / 3, is_light=True),
        Augmentation("h264", "compressed as a frame of an H.264 video", 0.2),
    )
}

#: Preset -> alteration -> strength.
PRESETS: dict[str, dict[str, float]] = {
    "none": {},
    "light": {name: _MILD for name, one in AUGMENTATIONS.items() if one.is_light},
    "strong": dict.fromkeys(AUGMENTATIONS, _FULL),
}


@dataclass(frozen=True)
class Step:
    """One alteration of a chain.

    Attributes:
        name: a key of `AUGMENTATIONS`.
        probability: the share of crops that get it.
        strength: share of its widest range, in (0, 1].
    """

    name: str
    probability: float
    strength: float


def parse_augment(text: str) -> tuple[Step, ...]:
    """Read a preset, or presets and alterations with commas between them.

    An alteration named by itself has its full strength, also beside a preset that has it mildly:
    `light,jpeg` is `light` with strong JPEG.

    Returns:
        The chain, in the order of `AUGMENTATIONS` whatever the order of the names.

    Raises:
        InputError: an unknown name; the message says which there are.
    """
    strengths: dict[str, float] = {}
    for name in (part.strip() for part in text.split(",")):
        if name in PRESETS:
            strengths |= {key: max(s, strengths.get(key, 0)) for key, s in PRESETS[name].items()}
        elif name in AUGMENTATIONS:
            strengths[name] = _FULL
        else:
            known = [*PRESETS, *AUGMENTATIONS]
            near = difflib.get_close_matches(name.lower(), known, n=1)
            raise InputError(
                f"no alteration is called {name!r}",
                option="--augment",
                remedy=f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}",
            )
    return tuple(
        Step(name, one.share, strengths[name])
        for name, one in AUGMENTATIONS.items()
        if name in strengths
    )
