"""Scores over the seconds of a video, as SVG that takes its colours from the page."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from markupsafe import Markup, escape
from scipy.special import expit

#: Face tracks that get a chart of their own; the most seen ones.
MOST_TRACKS = 4
#: Colours there are (`--line-0` ... in app.css); more detectors begin anew, dashed.
COLOURS = 8


@dataclass(frozen=True)
class Curve:
    """One detector's scores of one face.

    Attributes:
        name: the detector.
        seconds: (n,) ascending.
        probability: (n,) of FAKE, its own.
    """

    name: str
    seconds: tuple[float, ...]
    probability: tuple[float, ...]


@dataclass(frozen=True)
class TrackCurves:
    """All detectors' scores of one face track."""

    face: int
    curves: tuple[Curve, ...]


def track_curves(
    frames: pd.DataFrame, times: Sequence[float] | np.ndarray, names: Sequence[str]
) -> list[TrackCurves]:
    """The curves of the most seen faces, a set for each.

    Args:
        frames: long table `frame, face, model, logit`, a row a face and detector.
        times: seconds of each of the video's frames.
        names: the detectors, in the order of their colours.
    """
    frames = frames[frames["model"].isin(names)]
    if frames.empty:
        return []
    at = np.asarray(times, np.float64)
    seen = frames.groupby("face")["frame"].nunique()
    order = seen.sort_values(ascending=False, kind="stable").index[:MOST_TRACKS]
    found = []
    for face in order:
        track = frames[frames["face"] == face].sort_values("frame", kind="stable")
        curves = []
        for name in names:
            rows = track[track["model"] == name]
            if rows.empty:
                continue
            place = np.clip(rows["frame"].to_numpy(np.intp), 0, len(at) - 1)
            probability = expit(rows["logit"].to_numpy(np.float64))
            curves.append(Curve(name, tuple(at[place].tolist()), tuple(probability.tolist())))
        found.append(TrackCurves(int(face), tuple(curves)))
    return found


def draw_curves(track: TrackCurves, length: float, names: Sequence[str]) -> Markup:
    """One chart: lines over 0 to `length` seconds, 0 to 100 % FAKE.

    The SVG is stretched to its box, lines and dots keep their widths; labels are HTML beside it,
    so that they stay readable on a telephone.
    """
    length = max(length, max((c.seconds[-1] for c in track.curves), default=0.0), 1e-3)
    lines = []
    for curve in track.curves:
        number = list(names).index(curve.name)
        xy = [
            (1000 * second / length, 100 - 100 * p)
            for second, p in zip(curve.seconds, curve.probability, strict=True)
        ]
        path = "L".join(f"{x:.1f} {y:.2f}" for x, y in xy)
        dots = "".join(f"M{x:.1f} {y:.2f}h0" for x, y in xy)
        kind = f"line-{number % COLOURS}{' dashed' if number >= COLOURS else ''}"
        lines.append(
            f'<g class="{kind}"><title>{escape(curve.name)}</title>'
            f'<path class="line" d="M{path}"/><path class="dots" d="{dots}"/></g>'
        )
    at = _ticks(length)
    grid = "".join(f'<path class="grid" d="M{1000 * t / length:.1f} 0v100"/>' for t in at)
    grid += "".join(f'<path class="grid" d="M0 {y}h1000"/>' for y in (0, 50, 100))
    labels = "".join(
        f'<span style="left:{min(100 * t / length, 100):.2f}%">{t:g}{_unit(i)}</span>'
        for i, t in enumerate(at)
    )
    told = escape(f"Scores of face {track.face + 1} over {length:.1f} seconds")
    # Numbers, and names that are escaped.
    return Markup(
        f'<div class="fo-chart"><div class="fo-y"><span>FAKE</span><span>50 %</span>'
        f'<span>REAL</span></div><div class="fo-plot"><svg viewBox="0 0 1000 100" '
        f'preserveAspectRatio="none" role="img" aria-label="{told}">{grid}{"".join(lines)}</svg>'
        f'</div><div class="fo-x">{labels}</div></div>'
    )


def _unit(position: int) -> str:
    """Seconds are named once."""
    return "&nbsp;s" if position == 0 else ""


def _ticks(length: float) -> list[float]:
    """Four to eight round moments from 0 on."""
    raw = length / 5
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(float(m * power) for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    return [round(i * step, 6) for i in range(int(length / step + 1e-6) + 1)]
