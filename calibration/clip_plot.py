"""The picture of clip_curve: log loss against the bound."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SIDES = {
    "both": ("both: [m, 1 - m]", "#1b3a5c", "solid"),
    "upper": ("upper only: 1 - m", "#d1495b", "dashed"),
    "lower": ("lower only: m", "#4c9f70", "dashed"),
}

#: How much of a rise is shown, in units of what the best margin gains; at least this of the loss.
_SHOWN, _LEAST = 2.5, 0.02


def plot_clip_curve(
    curve: pd.DataFrame, ax: "Axes | None" = None, bounds: tuple[float, float] | None = None
) -> "Axes":
    """Draw log loss against the margin of the bounds; on new axes if none are given.

    The dot is the best margin for both sides. The axis of losses ends where it is told that
    wider margins only cost, or the minimum could not be seen.

    Args:
        curve: of clip_curve.
        ax: where to draw.
        bounds: (low, high) to mark, such as those of the stack that is shipped.

    Returns:
        The axes.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from calibration import clip_curve, plot_clip_curve
        >>> curve = clip_curve([0.99, 0.01, 0.98], [1, 0, 0])
        >>> axes = plot_clip_curve(curve, Figure().subplots())
        >>> axes.get_ylabel()
        'log loss'
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=(5, 4), layout="constrained").add_subplot()
    none = float(curve["none"].iloc[0])
    for side, (name, colour, style) in _SIDES.items():
        ax.plot(curve["margin"], curve[side], color=colour, linestyle=style, label=name)
    ax.axhline(none, color="#7c8894", linestyle="dotted", label=f"no bound: {none:.4f}")
    best = curve.iloc[int(curve["both"].to_numpy().argmin())]
    ax.plot(
        best["margin"],
        best["both"],
        marker="o",
        markersize=5,
        color=_SIDES["both"][1],
        linestyle="none",
        label=f"best m = {best['margin']:.2g}: {best['both']:.4f}",
    )
    if bounds is not None:
        for side, margin in (("lower", bounds[0]), ("upper", 1 - bounds[1])):
            ax.axvline(margin, color=_SIDES[side][1], linewidth=0.8, alpha=0.7)
        ax.plot([], [], color="#7c8894", linewidth=0.8, label="bounds of the fitted stack")
    losses = curve[["both", "upper", "lower"]].to_numpy()
    lowest, highest = min(float(losses.min()), none), max(float(losses.max()), none)
    room = _SHOWN * max(none - lowest, _LEAST * abs(lowest), 1e-9)
    top = min(lowest + room, highest + 0.05 * (highest - lowest) + 1e-9)
    ax.set_ylim(lowest - 0.06 * (top - lowest), top)
    margins = [*curve["margin"].iloc[[0, -1]], *(() if bounds is None else _margins(bounds))]
    ax.set_xlim(max(min(margins), 1e-7) / 1.3, max(margins) * 1.3)
    ax.set_xscale("log")
    # Eight more ticks a decade tell nothing, and take a third of the time of drawing; numbers with
    # exponents above the line take as long as all other words.
    ax.minorticks_off()
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="margin m of the bound", ylabel="log loss")
    ax.grid(color="#e6eaee", linewidth=0.6)
    ax.set_axisbelow(True)
    for edge in ("top", "right"):
        ax.spines[edge].set_visible(False)
    ax.legend(fontsize="small", frameon=True, framealpha=0.85, edgecolor="none")
    return ax


def _margins(bounds: tuple[float, float]) -> list[float]:
    return [float(margin) for margin in np.array([bounds[0], 1 - bounds[1]]) if margin > 0]
