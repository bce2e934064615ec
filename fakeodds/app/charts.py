"""Scores over the seconds of a video, drawn in the page's colours."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from scipy.special import expit

from fakeodds.view.figures import GREY, SERIES, draw, plain_axes

#: Face tracks that get a chart of their own; the most seen ones.
MOST_TRACKS = 4

#: The axes of a chart, as shares of its width and height: left, bottom, right, top. The player's
#: line and clicks are laid over them.
PLACE = (0.16, 0.28, 0.97, 0.96)
#: Points: 12 pixels on a phone.
_LETTERS = 11.5


def track_scores(
    frames: pd.DataFrame, times: Sequence[float] | np.ndarray, names: Sequence[str]
) -> dict[int, pd.DataFrame]:
    """The scores of the most seen faces by the number of their track, the most seen first.

    Args:
        frames: long table `frame, face, model, logit`, a row a face and detector.
        times: seconds of each of the video's frames.
        names: the detectors.

    Each has a row a frame and detector: `name` (of the detector), `seconds` ascending, and its own
    `probability` of FAKE.
    """
    frames = frames[frames["model"].isin(names)].sort_values("frame", kind="stable")
    if frames.empty:
        return {}
    place = np.clip(frames["frame"].to_numpy(np.intp), 0, len(times) - 1)
    table = pd.DataFrame(
        {
            "face": frames["face"].to_numpy(),
            "name": frames["model"].to_numpy(),
            "seconds": np.asarray(times, np.float64)[place],
            "probability": expit(frames["logit"].to_numpy(np.float64)),
        }
    )
    seen = frames.groupby("face")["frame"].nunique().sort_values(ascending=False, kind="stable")
    return {
        int(face): table[table["face"] == face].drop(columns="face")
        for face in seen.index[:MOST_TRACKS]
    }


def draw_scores(face: int, scores: pd.DataFrame, length: float, names: Sequence[str]) -> Markup:
    """One face's chart: a line a detector over 0 to `length` seconds, 0 to 100 % FAKE.

    `names`: all detectors, in the order of their colours; see `line_style`.
    """
    plot = partial(_plot_scores, scores=scores, length=length, names=names)
    svg = draw(f"face {face}", plot, (4.0, 1.9)).page
    # Drawn by us: numbers, no names.
    return Markup(svg)


def line_style(position: int) -> tuple[int, bool]:
    """Which of the colours the detector at `position` has, and whether its line is dashed."""
    return position % len(SERIES), position >= len(SERIES)


def _plot_scores(canvas: Any, scores: pd.DataFrame, length: float, names: Sequence[str]) -> None:
    axes = plain_axes(canvas)
    axes.axhline(0.5, color=GREY, linewidth=0.8)
    for position, name in enumerate(names):
        own = scores[scores["name"] == name]
        colour, dashed = line_style(position)
        axes.plot(
            own["seconds"], own["probability"], "--o" if dashed else "-o", color=SERIES[colour],
            linewidth=1.2, markersize=3, clip_on=False,
        )  # fmt: skip
    axes.set_yticks([0, 0.5, 1], ["REAL", "50 %", "FAKE"])
    left, bottom, right, top = PLACE
    canvas.set_layout_engine("none")
    axes.set_position((left, bottom, right - left, top - bottom))
    last = max(length, float(scores["seconds"].max()), 1e-3)
    axes.set(xlim=(0, last), ylim=(-0.05, 1.05))
    axes.set_xlabel("seconds", fontsize=_LETTERS)
    axes.tick_params(labelsize=_LETTERS)
    axes.locator_params(axis="x", nbins=6)
