"""Which frames of a video are looked at: evenly spaced, every n-th, or one every s seconds.

A rule is written `even`, `every:N` or `seconds:S`. All rules take at most `n` frames: where every
N-th frame or every S seconds would give more, the ones in the middle of n equal parts of the list
are taken, so that a long video costs no more than allowed and no part of it is preferred
(`base_models.video.choose`). Importing this is quick.
"""

from dataclasses import dataclass
from typing import Literal, Self

from predictions.errors import InputError

Kind = Literal["even", "every", "seconds"]


@dataclass(frozen=True)
class Sampling:
    """A rule, read from its text.

    Attributes:
        kind: `even`, `every` (a number of frames) or `seconds`.
        step: the frames or seconds from one frame to the next; 0 for `even`.
    """

    kind: Kind = "even"
    step: float = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `even`, `every:N` or `seconds:S`.

        Raises:
            InputError: it is none of these, or the step is not positive.
        """
        kind, _, number = text.partition(":")
        try:
            if text == "even":
                return cls()
            if kind == "every" and int(number) >= 1:
                return cls("every", int(number))
            if kind == "seconds" and 0 < float(number) < float("inf"):
                return cls("seconds", float(number))
        except ValueError:
            pass  # not a number: told below
        raise InputError(
            f"sampling is {text!r}",
            option="--sampling",
            expected="even, every:N (each N-th frame) or seconds:S, such as seconds:0.5",
        )
