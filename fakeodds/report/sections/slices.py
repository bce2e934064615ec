"""Where the ensemble is weak: kinds of videos, and groups."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Words, cell, count
from fakeodds.report.videos import knowing_nothing, losses
from fakeodds.view.figures import CLOUD, SERIES, STRONG, dots, plain_axes, row_axes
from fakeodds.view.format import (
    as_floats,
    in_figure,
    interval,
    listed,
    loss_of,
    number,
    percent,
    shorten,
    stage_name,
    thousands,
)
from stacking.estimate.stages import singles

#: Slices with fewer videos are shown, but no sentence is made of them.
_ENOUGH = 20
_WORST_GROUPS = 8
_POINTS = 200


def build(contents: Contents) -> Section | None:
    """Log loss by dataset and method, and how it is spread over the groups."""
    metrics, oof = contents.metrics, contents.oof
    if metrics is None or oof is None or "calibrated" not in oof:
        return None
    figures: list[Part] = []
    tables: list[Part] = []
    sentences, columns = [], []
    for column in metrics.get("slices", {}):
        slices = prepare_slices(metrics, column)
        if len(slices) < 2:
            continue
        columns.append(column)
        sentences.append(say_harder(slices, column))
        figures.append(_slice_figure(slices, column))
        tables.append(_slice_table(slices, column))
    groups = prepare_groups(oof, metrics["prior"])
    if 1 < len(groups) < len(oof):
        spread = prepare_spread(groups)
        sentences.append(_told_spread(spread))
        figures.append(_group_figure(spread))
        tables += _group_parts(groups)
    if not figures:
        return None
    lead = " ".join(filter(None, sentences)) or f"Log loss by {listed(columns)}."
    return Section("slices", "Where it is weak", lead, [*figures, *tables])


def prepare_slices(metrics: dict[str, Any], column: str) -> pd.DataFrame:
    """A row a value of `column` ("dataset", "method"), in the order of metrics.json.

    Returns:
        `name`, `videos`, `fakes`; of the calibrated answers `log_loss`, `low`, `high`, `auc` and
        its `auc_low`, `auc_high`; `nothing`, the log loss of always saying the share of fakes of
        the whole table; `best`, the detector with the highest AUC, and `best_auc`. What is
        undefined is NaN, or empty.
    """
    rows = []
    for name, found in metrics["slices"][column].items():
        stages = found["stages"]
        area = as_floats(stages["calibrated"]["auc"])
        known = {name: stages[name]["auc"] for name in singles(stages)}
        areas = {name: float(at["value"]) for name, at in known.items() if at is not None}
        best = max(areas, key=lambda stage: areas[stage]) if areas else ""
        labels = pd.Series([1.0] * found["fakes"] + [0.0] * (found["rows"] - found["fakes"]))
        rows.append(
            {
                "name": name,
                "videos": found["rows"],
                "fakes": found["fakes"],
                **loss_of(stages["calibrated"]),
                "nothing": float(knowing_nothing(labels, metrics["prior"]).mean()),
                "auc": area["value"],
                "auc_low": area["low"],
                "auc_high": area["high"],
                "best": stage_name(best),
                "best_auc": areas.get(best, np.nan),
            }
        )
    return pd.DataFrame(rows)


def prepare_groups(oof: pd.DataFrame, prior: float) -> pd.DataFrame:
    """A row a group, the highest mean log loss of its calibrated answers first.

    Returns:
        `group`, `videos`, `fakes`, `log_loss` (mean), `nothing` (the mean if every answer were
        `prior`) and `share` of the log loss of all videos.
    """
    table = oof[["group", "label"]].assign(
        loss=losses(oof), nothing=knowing_nothing(oof["label"], prior)
    )
    by = table.groupby("group", dropna=False, sort=True)
    groups = by.agg(
        videos=("label", "size"),
        fakes=("label", "sum"),
        log_loss=("loss", "mean"),
        nothing=("nothing", "mean"),
        share=("loss", "sum"),
    )
    groups["share"] /= max(float(groups["share"].sum()), np.finfo(float).tiny)
    return groups.reset_index().sort_values("log_loss", ascending=False, kind="stable")


def prepare_spread(groups: pd.DataFrame) -> pd.DataFrame:
    """What the hardest groups take of all log loss: at most 200 points from (0, 0) to (1, 1).

    Returns:
        `videos`, the share of the videos that are in the hardest groups, and `log_loss`, their
        share of the whole; the hardest groups come first.
    """
    ordered = groups.sort_values("log_loss", ascending=False, kind="stable")
    videos = np.append(0.0, (ordered["videos"] / ordered["videos"].sum()).cumsum())
    loss = np.append(0.0, ordered["share"].cumsum())
    kept = np.unique(np.linspace(0, len(videos) - 1, _POINTS).round().astype(int))
    return pd.DataFrame({"videos": videos[kept], "log_loss": loss[kept]})


def say_harder(slices: pd.DataFrame, column: str) -> str:
    """Which part is harder than which, where that is shown; nothing of a single part with fakes.

    Parts are compared by what they cost above saying the share of fakes, which of a part of one
    label tells nothing: REAL videos alone are no method.
    """
    parts = slices[slices["fakes"] > 0]
    enough = parts[parts["videos"] >= _ENOUGH]
    if len(enough) < 2:
        return f"No two {column}s have enough videos to compare them." if len(parts) > 1 else ""
    over = enough["log_loss"] - enough["nothing"]
    at = over.to_numpy()
    worst, best = enough.iloc[int(at.argmax())], enough.iloc[int(at.argmin())]
    if worst["low"] - worst["nothing"] <= best["high"] - best["nothing"]:
        return f"By {column}, no part is shown to be harder than another."
    lost = worst["low"] <= worst["nothing"] < worst["high"]
    told = (
        f"By {column}, {shorten(worst['name'])} is harder for the ensemble than "
        f"{shorten(best['name'])}: log loss {number(worst['log_loss'], 3)} (95 %: "
        f"{interval(worst, 3)}) against {number(best['log_loss'], 3)} ({interval(best, 3)}), "
        f"where always saying the share of fakes costs {number(worst['nothing'], 3)} and "
        f"{number(best['nothing'], 3)}."
    )
    if lost:
        told += f" On {shorten(worst['name'])} it is not shown to be better than that."
    if len(enough) < len(parts):
        told += f" Parts of fewer than {_ENOUGH} videos are passed over here."
    return told


def _told_spread(spread: pd.DataFrame) -> str:
    at = float(np.interp(0.1, spread["videos"], spread["log_loss"]))
    return f"The hardest tenth of the videos, by group, takes {percent(at)} of all log loss."


def _slice_figure(slices: pd.DataFrame, column: str) -> Figure:
    return Figure(
        f"slices_{column}",
        f"Log loss by {column}",
        "Dots: out of fold, with 95 % intervals over groups; left is better. Grey bars: what "
        "always saying the share of fakes costs there. Orange: worse than that.",
        partial(_plot_slices, slices=slices),
        slices,
        size=(4.6, 1.0 + 0.34 * len(slices)),
    )


def _slice_table(slices: pd.DataFrame, column: str) -> Table:
    def best(row: Row) -> str:
        known = f"{shorten(row['best'], 24)} {number(row['best_auc'], 3)}"
        return known if row["best"] else "-"

    return Table.of(
        slices,
        {
            column: cell("name", shorten, 48),
            "videos": count("videos"),
            "fakes": count("fakes"),
            "log loss": cell("log_loss", number),
            "95 % interval": interval,
            "knowing nothing": cell("nothing", number),
            "AUC": cell("auc", number, 3),
            "best detector there (AUC)": best,
        },
        title=f"By {column}",
        note="Log loss of each part's own videos; knowing nothing is always saying the share of "
        "fakes. AUC of a part that holds fakes only is measured against the REAL videos that no "
        "part with fakes claims; a part of one label without such has none.",
    )


def _group_figure(spread: pd.DataFrame) -> Figure:
    return Figure(
        "groups",
        "How the log loss is spread over groups",
        "From the hardest group to the easiest. On the dotted line all groups would be equally "
        "hard; the more the line bulges, the more a few groups cost.",
        partial(_plot_spread, spread=spread),
        spread,
        size=(4.6, 3.0),
    )


def _group_parts(groups: pd.DataFrame) -> list[Part]:
    return [
        Table.of(
            groups.head(_WORST_GROUPS),
            {
                "group": lambda row: shorten(str(row["group"]), 48),
                "videos": count("videos"),
                "fakes": count("fakes"),
                "mean log loss": cell("log_loss", number),
                "knowing nothing": cell("nothing", number),
                "of all log loss": cell("share", percent, 2),
            },
            title=f"The hardest of {thousands(len(groups), 'group')}",
            note="A group is what never stands on both sides of a fold: a person, a source. One "
            "with few videos may be here by chance.",
        ),
        Words(
            "Videos of the hardest groups are worth looking at: bad labels, odd cameras and faces "
            "that were not found often sit together."
        ),
    ]


def _plot_slices(canvas: Any, slices: pd.DataFrame) -> None:
    labels = [
        f"{in_figure(name, 20)} ({videos:,})"
        for name, videos in zip(slices["name"], slices["videos"], strict=True)
    ]
    axes, at = row_axes(canvas, labels, "log loss")
    axes.scatter(slices["nothing"], at, marker="|", s=180, linewidths=2.5, color=CLOUD, zorder=2)
    worse = slices["log_loss"] > slices["nothing"]
    for mask, colour in ((~worse, STRONG), (worse, SERIES[1])):
        dots(axes, slices[mask], at[mask], colour, markersize=5, elinewidth=1.6, zorder=3)
    axes.set_xlim(left=max(0.0, axes.get_xlim()[0]))


def _plot_spread(canvas: Any, spread: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    axes.plot([0, 100], [0, 100], color=CLOUD, linestyle=":", linewidth=1.6)
    axes.plot(100 * spread["videos"], 100 * spread["log_loss"], color=STRONG, linewidth=2)
    axes.set(
        xlabel="hardest groups, % of the videos",
        ylabel="% of all log loss",
        xlim=(0, 100),
        ylim=(0, 102),
    )
