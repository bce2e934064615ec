"""Which frames of a video are looked at: evenly spaced, every n-th, or one every s seconds.

A rule is written `even`, `every:N` or `seconds:S`. All rules take at most `n` frames: where every
N-th frame or every S seconds would give more, the ones in the middle of n equal parts of the list
are taken, so that a long video costs no more than allowed and no part of it is preferred.
"""

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

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
            f"sampling {text!r}: expected even, every:N (each N-th frame) or seconds:S; "
            "give one of them, such as every:10 or seconds:0.5."
        )


def choose_frames(
    times: NDArray[np.float64], n: int, sampling: Sampling | None = None
) -> NDArray[np.int64]:
    """Numbers of the frames to look at, ascending, never one twice.

    Args:
        times: (N,) ascending seconds at which the video's frames are shown.
        n: how many frames at most.
        sampling: the rule; even when None.
    """
    sampling = sampling or Sampling()
    if n < 1:
        raise ValueError("at least one frame must be asked for")
    if sampling.kind == "even":
        return _even(times, n)
    if sampling.kind == "every":
        chosen = np.arange(0, len(times), int(sampling.step))
    else:
        chosen = _every_seconds(times, sampling.step)
    return chosen if len(chosen) <= n else chosen[_even(np.arange(len(chosen), dtype=float), n)]


def typical_step(times: NDArray[np.float64]) -> float:
    """Seconds from one frame to the next, as the median; 0 for a single frame."""
    return float(np.median(np.diff(times))) if len(times) > 1 else 0.0


def _even(times: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """The frames shown in the middle of `n` equal spans of the video's time.

    Fewer than `n` when the video has fewer frames, or stands still for longer than a span.
    """
    step = typical_step(times)
    middles = times[0] + (np.arange(n) + 0.5) / n * (times[-1] - times[0] + step)
    return np.unique(_shown_at(times, middles))


def _every_seconds(times: NDArray[np.float64], seconds: float) -> NDArray[np.int64]:
    """The frames shown 0, s, 2 s, ... after the first one."""
    end = times[-1] - times[0] + typical_step(times)
    # Steps far finer than the frames add nothing but memory.
    moments = np.arange(0, end, max(seconds, end / (4 * len(times))))
    return np.unique(_shown_at(times, times[0] + (moments if len(moments) else np.zeros(1))))


def _shown_at(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of the frames shown at the seconds `at`."""
    # A moment that is a frame's very beginning belongs to that frame.
    at = at + 1e-6 * typical_step(times)
    return np.clip(np.searchsorted(times, at, side="right") - 1, 0, None)
