"""What a second a video is worth: log loss against time, as data and drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from fakeodds.view.figures import save_png
from predictions.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#1b3a5c"


def prepare_cost(report: Mapping[str, Any]) -> pd.DataFrame:
    """Of deadline.json, a row a look that was measured: what it costs and what it is worth.

    Returns:
        `frames`, `detectors` (how many), `videos` that ended with it, `seconds` a video (all
        threads at work), and out of fold `log_loss` with its interval, `low` and `high`.
    """
    rows = [
        {
            "frames": look["frames"],
            "detectors": len(look["detectors"]),
            "videos": look["videos"],
            "seconds": look["seconds_a_video"] / report["threads"],
            "log_loss": look["log_loss"]["value"],
            "low": look["log_loss"]["low"],
            "high": look["log_loss"]["high"],
        }
        for look in report["looks"]
        if look["seconds_a_video"] is not None
    ]
    columns = ["frames", "detectors", "videos", "seconds", "log_loss", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def plot_cost(cost: pd.DataFrame, axes: "Axes") -> None:
    """Draw it: a point a look, with its interval; to the left and down is better.

    Args:
        cost: of `prepare_cost`, at least one row.
        axes: where to draw.
    """
    around = [cost["log_loss"] - cost["low"], cost["high"] - cost["log_loss"]]
    axes.errorbar(cost["seconds"], cost["log_loss"], yerr=around, fmt="o-", color=_INK, capsize=3)
    for number, row in enumerate(cost.to_dict("records")):
        axes.annotate(
            f"{count(row['frames'], 'frame')}, {count(row['detectors'], 'detector')}\n"
            f"{count(row['videos'], 'video')}",
            (row["seconds"], row["log_loss"]),
            # Looks that cost nearly the same would otherwise write over each other.
            xytext=(6, 6) if number % 2 == 0 else (6, -22),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set(
        xlabel="seconds a video, here",
        ylabel="log loss out of fold, with 95 % interval",
        title="What a closer look costs, and what it is worth",
        xlim=(0, 1.35 * float(cost["seconds"].max())),
    )
    axes.spines[["top", "right"]].set_visible(False)


def draw_cost(report: Mapping[str, Any], path: Path) -> bool:
    """Write the figure as PNG; whether there was anything to draw."""
    from matplotlib.figure import Figure

    cost = prepare_cost(report)
    if cost.empty:
        return False
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    plot_cost(cost, figure.subplots())
    save_png(figure, path)
    return True
