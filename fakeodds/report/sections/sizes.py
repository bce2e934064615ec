"""How many detectors are worth their cost, and which ensemble to take."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fakeodds.report.alert_words import alert_words
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Actions, Figure, Part, Section, Table, Tile, Tiles, Words, cell
from fakeodds.view.against import set_in_words
from fakeodds.view.format import difference, ensemble_name, interval, listed, number
from fakeodds.workflows.advice import advice_of_comparison
from predictions.notes import note_from_json
from predictions.words import all_of
from stacking.ensembles.costs import COSTS, budget_in_words
from stacking.estimate.stages import single_of

if TYPE_CHECKING:
    from stacking.ensembles.compare import Comparison
    from stacking.ensembles.plot import TradeOff


#: Ensembles that are drawn, beside those that matter.
_DRAWN = 250


def build(contents: Contents) -> Section | None:
    """The ensembles of compare.json; without it, of several detectors, how to have them judged."""
    if contents.compare is None:
        if len(contents.detectors) < 2:
            return None
        lead = "Ensembles were not compared in this run; the leaderboard has what was chosen from."
        return Section("sizes", "Ensemble size", lead, [Words(text) for text in _how_to(contents)])
    from stacking.ensembles.compare import Comparison

    comparison = Comparison.from_dict(contents.compare)
    if len(comparison.table) < 2:
        return None
    costs = [cost for cost in COSTS if comparison.table[cost].notna().any()]
    parts: list[Part] = [
        _tiles(comparison, costs),
        Words(comparison.reason),
        Words(set_in_words(comparison.table)),
        *(_figure(comparison, cost) for cost in ("size", *costs)),
        _table(comparison, costs),
    ]
    lead = _lead(comparison) + _of_stack(contents, comparison)
    if contents.metrics is not None:
        return Section("sizes", "Ensemble size", lead, parts)
    # Of a run that only compared it is the first section.
    advice = advice_of_comparison(contents.run, contents.compare)
    parts.insert(1, Actions([(one.text, one.command) for one in advice]))
    return Section("sizes", "Ensemble size", lead, parts, alert_words(contents.compare))


def prepare_sizes(comparison: "Comparison") -> pd.DataFrame:
    """The rows of `Comparison.table` to show: the best of each size, and those that are taken."""
    best = comparison.best_by_size()
    taken = comparison.table[comparison.table["recommended"] | comparison.table["smallest"]]
    both = pd.concat([best, taken])
    both = both[~both.index.duplicated()]
    return both.sort_values(["size", "log_loss"], kind="stable")


def prepare_points(comparison: "Comparison", cost: str) -> "TradeOff":
    """The data of the figure, with few of the many ensembles that are neither best nor chosen."""
    from stacking.ensembles.plot import prepare_trade_off

    data = prepare_trade_off(comparison, cost)
    points = data.points
    kept = points["recommended"] | points.index.isin([*data.front.index, *data.best.index])
    others = points[~kept & (points["log_loss"] <= data.top)].sort_values("log_loss")
    at = np.unique(np.linspace(0, max(len(others) - 1, 0), _DRAWN).astype(int))
    return replace(data, points=pd.concat([points[kept], others.iloc[at[: len(others)]]]))


def _how_to(contents: Contents) -> tuple[str, str]:
    """The commands that judge all ensembles into this run folder; of videos, into one beside it."""
    path, settings = contents.run.path, contents.settings
    run = quote(f"{path}-sizes" if contents.run.is_of_videos else str(path))
    scores = settings.get("scores")
    if settings.get("command") == "stack" and isinstance(scores, list) and scores:
        named = " ".join(quote(str(path)) for path in scores)
        options = ", with the options about columns that stack had (--label, --kind, ...)"
    else:
        others = [name for name in contents.stages if single_of(name) is None]
        dropped = "".join(f" --drop {name}" for name in others)
        named, options = f"{quote(str(contents.run.oof))}{dropped} --kind probability", ""
    return (
        f"To have every ensemble judged, and to be told which one to take{options}:",
        f"fakeodds compare {named} --out {run}",
    )


def _lead(comparison: "Comparison") -> str:
    most = len(comparison.left_out)
    taken, smallest = (comparison.taken(rule) for rule in ("recommended", "smallest"))
    allowed = max(comparison.table.loc[comparison.table["in_budget"], "size"])
    if taken["size"] == most:
        lead = f"{all_of(most, 'detector').capitalize()} are recommended."
    else:
        lead = (
            f"{taken['size']} of {most} are recommended: {listed(list(taken['models']), most=12)}."
        )
    if smallest["size"] < taken["size"]:
        lead += (
            f" The fewest that do as well, within one standard error, are {smallest['size']}: "
            f"{listed(list(smallest['models']), most=12)}."
        )
    if comparison.budget and allowed < most:
        budget = budget_in_words(comparison.budget)
        lead += f" Nothing over the budget ({budget}) was considered."
    return lead


def _of_stack(contents: Contents, comparison: "Comparison") -> str:
    """Where the stack of the run takes others than are recommended here: how many, and why."""
    from stacking.choose.ensemble import OUTDONE

    ensemble = {} if contents.metrics is None else contents.metrics["ensemble"]
    shipped, note = ensemble.get("models", []), ensemble.get("note")
    if not shipped or set(shipped) == set(comparison.taken()["models"]):
        return ""
    lead = f" The stack takes {_of_size(len(shipped))}"
    if comparison.budget:
        return f"{lead}, as it knows no budget."
    if note and OUTDONE.among([note_from_json(note)]):
        return (
            f"{lead} all the same: its meta-learner makes more of them than the plain regression "
            "by which ensembles are compared."
        )
    return f"{lead}."


def _tiles(comparison: "Comparison", costs: Sequence[str]) -> Tiles:
    taken, smallest = (comparison.taken(rule) for rule in ("recommended", "smallest"))
    chosen = (
        "combined by a plain regression, as all here; the choice included (each fold chose "
        "without its own videos); 95 %: "
    )
    tiles = [
        Tile(
            number(comparison.chosen_inside.value),
            f"log loss of the {_of_size(taken['size'])} recommended",
            chosen + interval(comparison.chosen_inside.as_dict()),
        )
    ]
    if smallest["size"] < taken["size"]:
        tiles.append(
            Tile(
                number(comparison.smallest_inside.value),
                f"log loss of the fewest that do as well, {smallest['size']}",
                chosen + interval(comparison.smallest_inside.as_dict()),
            )
        )
    for cost in costs:
        if pd.notna(taken[cost]):
            of_fewest = f"the fewest: {_cost(smallest[cost])}"
            tiles.append(Tile(_cost(taken[cost]), f"{COSTS[cost]}, summed", of_fewest))
    return Tiles(tiles)


def _cost(value: float) -> str:
    """Three digits; thousands as they are."""
    return "-" if pd.isna(value) else f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _of_size(size: int) -> str:
    return "1 detector" if size == 1 else f"{size} detectors"


def _figure(comparison: "Comparison", cost: str) -> Figure:
    data = prepare_points(comparison, cost)
    judged = len(comparison.table)
    drawn = f"Each grey dot is an ensemble ({judged} were judged" + (
        f", {len(data.points)} are drawn)." if len(data.points) < judged else ")."
    )
    return Figure(
        f"sizes_{cost}",
        f"Log loss against {'the number of detectors' if cost == 'size' else COSTS[cost]}",
        f"{drawn} Lower and further left is better. Line: nothing is both better and "
        f"{'smaller' if cost == 'size' else 'cheaper'}. Ring: recommended.",
        partial(_plot, data=data),
        comparison.table.loc[
            data.points.index, ["size", "seconds", "mb", "log_loss", "low", "high", "recommended"]
        ].assign(models=[" + ".join(comparison.table["models"][row]) for row in data.points.index]),
        size=(4.6, 4.1),
    )


def _plot(canvas: Any, data: "TradeOff") -> None:
    from stacking.ensembles.plot import plot_trade_off

    axes = plot_trade_off(data, canvas.subplots(), legend=False)
    handles, names = axes.get_legend_handles_labels()
    canvas.legend(
        handles, names, loc="outside lower center", ncols=2, frameon=False, fontsize="small"
    )


def _table(comparison: "Comparison", costs: Sequence[str]) -> Table:
    rows = prepare_sizes(comparison)
    everything = [models[0] for models in comparison.table["models"] if len(models) == 1]
    whole = "" if comparison.complete else " There are too many ensembles to try them all."
    return Table.of(
        rows,
        {
            "detectors": cell("size"),
            "log loss": cell("log_loss", number),
            "95 %": interval,
            "behind the best": _behind,
            "may be the best": lambda row: "yes" if row["confidence_set"] else "no",
            **{COSTS[cost]: cell(cost, _cost) for cost in costs},
            "which": cell("models", ensemble_name, everything),
            "taken as": lambda row: _rule(row),
        },
        strong=np.flatnonzero(rows["recommended"]).tolist(),
        texts=(5 + len(costs), 6 + len(costs)),
        title="The best ensemble of each size",
        note="Bold: recommended. Each was fitted and judged out of fold, but which is the best of "
        "its size was read from these very losses: with few groups it is partly luck, and what is "
        "recommended is chosen otherwise (see above). May be the best: not shown to be worse, "
        f"for as many ensembles as there are (model confidence set, 95 %).{whole}",
    )


def _rule(row: dict[str, Any]) -> str:
    if row["recommended"]:
        return "recommended"
    return "fewest that do as well" if row["smallest"] else ""


def _behind(row: dict[str, Any]) -> str:
    if row["difference"] == 0:
        return "the best"
    return difference(row["difference"], row["standard_error"])
