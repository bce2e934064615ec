"""Log loss against size and against cost: as data (prepare_*), and drawn (plot_*)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stacking.compare import Comparison
from stacking.costs import COSTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXES = {"size": "detectors in the ensemble", **COSTS}
_INK, _CLOUD, _FRONT, _TAKEN = "#1b3a5c", "#b9c4cf", "#1b3a5c", "#d1495b"

#: Share of the subsets shown: the worst ones would squeeze all that matters into a corner.
_SHOWN = 0.9


@dataclass(frozen=True)
class TradeOff:
    """Log loss against one cost.

    Attributes:
        cost: "size", "seconds" or "mb". name: of its axis.
        points: a row a subset: `cost`, `log_loss`, `low`, `high`, `in_budget`, `recommended`.
        front: the rows of `points` on the Pareto front, by rising cost.
        best: the rows of `points` with the lowest log loss of each size, by cost (size only;
            empty for the others).
        limit: the budget, None without one.
        top: the log loss up to which the figure reaches.
    """

    cost: str
    name: str
    points: pd.DataFrame
    front: pd.DataFrame
    best: pd.DataFrame
    limit: float | None
    top: float


def prepare_trade_off(comparison: Comparison, cost: str = "size") -> TradeOff:
    """The data of log loss against "size", "seconds" or "mb"; subsets of unknown cost left out."""
    table = comparison.table[comparison.table[cost].notna()]
    columns = ["log_loss", "low", "high", "in_budget", "recommended"]
    points = table[columns].assign(cost=table[cost].astype(np.float64))
    best = comparison.best_by_size().index if cost == "size" else points.index[:0]
    best_points = points.loc[best]
    # The best of every size with its interval, and most of the others.
    reach = [points["log_loss"].quantile(_SHOWN), best_points["high"].max()]
    return TradeOff(
        cost=cost,
        name=_AXES[cost],
        points=points,
        front=points[table[f"front_{cost}"]].sort_values("cost"),
        best=best_points,
        limit=comparison.budget.get(cost),
        top=float(np.nanmax(reach)),
    )


def plot_trade_off(data: TradeOff, ax: "Axes | None" = None) -> "Axes":
    """Draw log loss against a cost; on new axes if none are given. Returns the axes.

    Grey: every subset. Line: the Pareto front, below and left of which there is none. Bars: 95 %
    intervals of the best of each size. Red ring: the recommended one.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=(5.5, 4.2), layout="constrained").add_subplot()
    points = data.points
    ax.scatter(
        points["cost"], points["log_loss"], s=14, color=_CLOUD, linewidth=0, label="a subset"
    )
    if len(data.best):
        ax.errorbar(
            data.best["cost"],
            data.best["log_loss"],
            yerr=[
                data.best["log_loss"] - data.best["low"],
                data.best["high"] - data.best["log_loss"],
            ],
            fmt="none",
            ecolor=_INK,
            elinewidth=1,
            alpha=0.55,
            label="95 %, best of its size",
        )
    ax.plot(
        data.front["cost"],
        data.front["log_loss"],
        "o-",
        color=_FRONT,
        markersize=4.5,
        linewidth=1.4,
        drawstyle="steps-post",
        label="Pareto front",
    )
    taken = points[points["recommended"]]
    ax.plot(
        taken["cost"],
        taken["log_loss"],
        "o",
        markersize=12,
        markerfacecolor="none",
        markeredgecolor=_TAKEN,
        markeredgewidth=2,
        label="recommended",
    )
    if data.limit is not None:
        ax.axvline(data.limit, color=_TAKEN, linewidth=1, linestyle="--", label="budget")
    if data.cost == "size":
        ax.set_xticks(sorted(points["cost"].unique())[:: max(1, points["cost"].nunique() // 15)])
    least = min(points["log_loss"].min(), data.best["low"].min() if len(data.best) else np.inf)
    margin = 0.04 * (data.top - least) + 1e-9
    ax.set(xlabel=data.name, ylabel="log loss, nested", ylim=(least - margin, data.top + margin))
    ax.grid(color="#e6eaee", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.legend(fontsize="small", frameon=False)
    return ax


def plot_comparison(comparison: Comparison) -> "Figure":
    """A panel for the size and one for each cost that is known of some subset."""
    from matplotlib.figure import Figure

    costs = ["size", *(cost for cost in COSTS if comparison.table[cost].notna().any())]
    figure = Figure(figsize=(5.5 * len(costs), 4.2), layout="constrained")
    for ax, cost in zip(np.ravel(figure.subplots(1, len(costs))), costs, strict=True):
        plot_trade_off(prepare_trade_off(comparison, cost), ax)
    return figure
