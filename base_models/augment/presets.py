"""The alterations there are by name, how often and how strongly each preset uses them.

Imports neither OpenCV nor PyAV.
"""

import difflib
from dataclasses import dataclass

from predictions.errors import InputError

#: Every alteration and the share of crops that get it, in the order they are done: first what
#: happens to a face, then to light, then to a file.
OPERATIONS = {
    "cutout": 0.3,
    "flip": 0.5,
    "rotation": 0.3,
    "brightness": 1.0,
    "saturation": 0.5,
    "downscale": 0.2,
    "blur": 0.2,
    "noise": 0.2,
    "jpeg": 1 / 3,
    "h264": 0.2,
}

#: How far the ranges of an alteration are used: see `operations`.
_MILD, _FULL = 0.5, 1.0

PRESETS = {
    "none": {},
    "light": dict.fromkeys(("flip", "brightness", "saturation", "jpeg"), _MILD),
    "strong": dict.fromkeys(OPERATIONS, _FULL),
}


@dataclass(frozen=True)
class Step:
    """One alteration of a chain.

    Attributes:
        name: a key of `OPERATIONS`.
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
        The chain, in the order of `OPERATIONS` whatever the order of the names.

    Raises:
        InputError: an unknown name; the message says which there are.
    """
    strengths: dict[str, float] = {}
    for name in (part.strip() for part in text.split(",")):
        if name in PRESETS:
            strengths |= {key: max(s, strengths.get(key, 0)) for key, s in PRESETS[name].items()}
        elif name in OPERATIONS:
            strengths[name] = _FULL
        else:
            known = [*PRESETS, *OPERATIONS]
            near = difflib.get_close_matches(name.lower(), known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
            raise InputError(f"augment: no alteration is called {name!r}: {hint}")
    return tuple(
        Step(name, probability, strengths[name])
        for name, probability in OPERATIONS.items()
        if name in strengths
    )
