"""Log loss against size and against cost: as data (prepare_*), and drawn (plot_*)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.ticker import LogLocator, NullFormatter

from stacking.ensembles.comparison import Comparison
from stacking.ensembles.costs import COSTS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_AXES = {"size": "detectors in the ensemble", **COSTS}
_INK, _CLOUD, _FRONT, _TAKEN = "#1b3a5c", "#b9c4cf", "#1b3a5c", "#d1495b"

#: Share of the subsets shown: the worst ones would squeeze all that matters into a corner.
_SHOWN = 0.75

#: Costs that span more than this factor are drawn on a logarithmic axis.
_WIDE = 20.0


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
        bottom, top: the log loss from and up to which the figure reaches.
        hidden: how many subsets lie above.
        is_wide: whether the cost needs a logarithmic axis.
    """

    cost: str
    name: str
    points: pd.DataFrame
    front: pd.DataFrame
    best: pd.DataFrame
    limit: float | None
    bottom: float
    top: float
    hidden: int
    is_wide: bool


def prepare_trade_off(comparison: Comparison, cost: str = "size") -> TradeOff:
    """The data of log loss against "size", "seconds" or "mb"; subsets of unknown cost left out."""
    table = comparison.table[comparison.table[cost].notna()]
    columns = ["log_loss", "low", "high", "in_budget", "recommended"]
    points = table[columns].assign(cost=table[cost].astype(np.float64))
    leading = comparison.best_by_size()
    best_points = points.loc[leading.index if cost == "size" else points.index[:0]]
    # The best of every size with its interval, and most of the others; alike for every cost.
    shown = comparison.table.loc[comparison.table["recommended"], "log_loss"]
    top = max(comparison.table["log_loss"].quantile(_SHOWN), leading["high"].max(), shown.max())
    bottom = min(comparison.table["log_loss"].min(), leading["low"].min())
    margin = 0.04 * (top - bottom) + 1e-9
    known = points["cost"]
    return TradeOff(
        cost=cost,
        name=_AXES[cost],
        points=points,
        front=points[table[f"front_{cost}"]].sort_values("cost"),
        best=best_points,
        limit=comparison.budget.get(cost),
        bottom=float(bottom - margin),
        top=float(top + margin),
        hidden=int((points["log_loss"] > top + margin).sum()),
        is_wide=cost != "size" and bool(known.min() > 0 and known.max() > _WIDE * known.min()),
    )


def plot_trade_off(data: TradeOff, ax: "Axes | None" = None, *, legend: bool = True) -> "Axes":
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
    if data.is_wide:
        ax.set_xscale("log")
        visible = points.loc[points["log_loss"] <= data.top, "cost"]
        ax.set_xlim(visible.min() / 1.3, visible.max() * 1.3)
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(
        xlabel=data.name,
        ylabel="log loss, nested (lower is better)",
        ylim=(data.bottom, data.top),
    )
    if data.hidden:
        ax.set_title(f"{data.hidden} worse ones lie above", fontsize="small", color="#5f6b76")
    ax.grid(color="#e6eaee", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    if legend:
        ax.legend(fontsize="small", frameon=False)
    return ax


def plot_comparison(comparison: Comparison) -> "Figure":
    """A panel for the size and one for each cost that is known of some subset."""
    from matplotlib.figure import Figure

    costs = ["size", *(cost for cost in COSTS if comparison.table[cost].notna().any())]
    figure = Figure(figsize=(max(6.5, 5.0 * len(costs)), 4.6), layout="constrained")
    axes = np.ravel(figure.subplots(1, len(costs), sharey=True))
    named: dict[str, Artist] = {}
    for ax, cost in zip(axes, costs, strict=True):
        plot_trade_off(prepare_trade_off(comparison, cost), ax, legend=False)
        handles, names = ax.get_legend_handles_labels()
        named |= {str(name): handle for name, handle in zip(names, handles, strict=True)}
        ax.label_outer()
    chosen = comparison.taken()
    figure.suptitle(
        f"Recommended: {', '.join(_shortened(chosen['models']))} "
        f"(log loss {chosen['log_loss']:.4f})",
        fontsize="medium",
    )
    figure.legend(
        list(named.values()),
        list(named),
        loc="outside lower center",
        ncols=len(named) if len(costs) > 1 else 2,
        frameon=False,
        fontsize="small",
    )
    return figure


def _shortened(models: tuple[str, ...], most: int = 4) -> list[str]:
    """The names of a few detectors; of many, the first and how many more."""
    if len(models) <= most:
        return list(models)
    return [*models[: most - 1], f"{len(models) - most + 1} more"]
