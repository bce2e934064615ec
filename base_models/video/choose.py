"""The numbers of the frames that a rule (`base_models.video.sampling`) looks at."""

import numpy as np
from numpy.typing import NDArray

from base_models.video.sampling import Sampling


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
