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

    A frame that is shown for longer than a span, as at a gap in the stamps, counts as one span:
    else little would be seen of the others. Fewer than `n` only when the video has fewer frames.
    """
    if n >= len(times):
        return np.arange(len(times))
    times = _without_gaps(times, n)
    step = typical_step(times)
    middles = times[0] + (np.arange(n) + 0.5) / n * (times[-1] - times[0] + step)
    return np.unique(_shown_at(times, middles))


def _without_gaps(times: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """The times as they would be if no frame were shown for longer than an n-th of all."""
    shown = np.diff(times, append=times[-1] + typical_step(times))
    rising = np.sort(shown)
    # What an n-th is when the k longest are shortened to it; the least k is right that leaves all
    # others shorter.
    k = np.arange(n)
    rest = np.concatenate([[0.0], np.cumsum(rising)])[len(rising) - k]
    spans = rest / (n - k)
    right = np.flatnonzero(rising[len(rising) - k - 1] <= spans * (1 + 1e-9))[0]
    if right == 0:
        return times
    shown = np.minimum(shown, spans[right])
    return np.concatenate([[0.0], np.cumsum(shown)[:-1]])


def _every_seconds(times: NDArray[np.float64], seconds: float) -> NDArray[np.int64]:
    """The frames shown 0, s, 2 s, ... after the first one."""
    # A moment that is a frame's very beginning belongs to that frame.
    begins = times - times[0] - 1e-6 * typical_step(times)
    ends = np.append(begins[1:], times[-1] - times[0] + typical_step(times))
    is_shown = np.ceil(ends / seconds) > np.ceil(begins / seconds)
    is_shown[0] = True
    return np.flatnonzero(is_shown)


def _shown_at(times: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.int64]:
    """Numbers of the frames shown at the seconds `at`."""
    # A moment that is a frame's very beginning belongs to that frame.
    at = at + 1e-6 * typical_step(times)
    return np.clip(np.searchsorted(times, at, side="right") - 1, 0, None)
