"""Who is best alone, what each step brought, and which detector earns its place."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Cell, Figure, Part, Section, Table, Words, cell
from fakeodds.view.figures import CLOUD, GREY, STRONG, dots, row_axes
from fakeodds.view.format import (
    apart_in_figure,
    interval,
    listed,
    loss_of,
    number,
    stage_name,
    stage_title,
)
from predictions.words import count
from stacking.estimate.stages import STEPS, singles

_MEASURES = {"brier": "Brier", "auc": "AUC", "accuracy": "accuracy", "ece_plain": "ECE"}

_MEANING = (
    "Log loss, Brier (squared error) and ECE (calibration error): lower is better. AUC (how well "
    "fakes are ranked above reals, 0.5 is chance) and accuracy at 0.5: higher is better."
)

#: So many detectors are drawn; the table has them all.
_DRAWN = 24

#: Standard errors from which on a difference counts as shown.
_SHOWN = 2.0

EARNED, REPLACED, NOT_NEEDED, UNKNOWN = (
    "earns its place",
    "can be replaced",
    "not needed",
    "not known",
)
_HELPS, _ALIKE, _HURTS = "helps the mean", "changes little", "harms the mean"


def build(contents: Contents) -> Section | None:
    """Every stage with all measures; with several detectors also what each is good for."""
    metrics = contents.metrics
    if metrics is None:
        return _compared(contents)
    board = prepare_leaderboard(metrics)
    alone, steps = board[~board["is_step"]], board[board["is_step"]]
    if len(alone) == 1:
        lead = f"{alone['name'].iloc[0]} by itself, and after each step."
        table = _table("stage", board, strong=(len(board) - 1,), note=_MEANING)
        return Section("leaderboard", "Leaderboard", lead, [table])
    lead_of_places, places = _places(contents)
    parts = [
        _table_of_steps(metrics, steps),
        _table_of_detectors(alone),
        _figure(board),
        *places,
        *_blend(contents),
    ]
    lead = f"{_best(alone['name'].iloc[0], alone['log_loss'].iloc[0])} {lead_of_places}"
    return Section("leaderboard", "Leaderboard", lead, parts)


def prepare_leaderboard(metrics: dict[str, Any]) -> pd.DataFrame:
    """A row a stage: the detectors by log loss, then the steps in their order.

    Columns `stage`, `name`, `is_step`, `log_loss`, `low`, `high`, `brier`, `auc`, `accuracy`,
    `ece`; NaN where a measure is not defined.
    """
    rows = [
        {
            "stage": stage,
            "name": stage_title(stage),
            "is_step": stage in STEPS,
            **loss_of(found),
            **{name: found[name]["value"] for name in _MEASURES},
        }
        for stage, found in metrics["stages"].items()
    ]
    board = pd.DataFrame(rows)
    alone = board[~board["is_step"]].sort_values("log_loss", kind="stable")
    return pd.concat([alone, board[board["is_step"]]], ignore_index=True)


def prepare_places(subsets: pd.DataFrame) -> pd.DataFrame:
    """What the best ensemble with each detector costs, and the best one without it.

    Args:
        subsets: `Comparison.table`.

    Returns:
        A row a detector, the most useful first: `detector`, `alone`, `best_with`, `best_without`
        (log losses; NaN where no ensemble without it was judged), `gain` = best_without -
        best_with and its `standard_error` (paired, over groups), `recommended`, `verdict`.
    """
    leading = int(np.argmin(subsets["log_loss"].to_numpy()))
    chosen = subsets.loc[subsets["recommended"], "models"].iloc[0]
    rows = []
    for (detector,) in (models for models in subsets["models"] if len(models) == 1):
        inside = np.array([detector in models for models in subsets["models"]])
        loss = subsets["log_loss"].to_numpy()
        best = {
            there: None if not mask.any() else int(np.argmin(np.where(mask, loss, np.inf)))
            for there, mask in ((True, inside), (False, ~inside))
        }
        is_leading = bool(inside[leading])
        # One of the two is the best of all, so that the other one's distance to it is known.
        other = best[not is_leading]
        gain = error = np.nan
        if other is not None:
            gain = float(subsets["difference"].iloc[other]) * (1 if is_leading else -1)
            error = float(subsets["standard_error"].iloc[other])
        alone = subsets["models"].map(lambda models, one=(detector,): models == one)
        rows.append(
            {
                "detector": detector,
                "alone": float(subsets.loc[alone, "log_loss"].iloc[0]),
                **{
                    name: np.nan if best[there] is None else float(loss[best[there]])
                    for name, there in (("best_with", True), ("best_without", False))
                },
                "gain": gain,
                "standard_error": error,
                "recommended": detector in chosen,
                "verdict": _verdict(gain, error),
            }
        )
    found = pd.DataFrame(rows)
    return found.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def prepare_left_out(oof: pd.DataFrame) -> pd.DataFrame:
    """What the plain mean of the detectors' probabilities costs without each of them.

    Args:
        oof: label, group and a column `base/MODEL` for each of at least two detectors.

    Returns:
        A row a detector, the most useful first: `detector`, `without` (log loss of the mean of
        the others), `gain` (that minus the log loss of the mean of all), its `standard_error`
        (paired, over groups) and `verdict`.
    """
    from calibration import row_log_loss, standard_error

    alone = singles(oof)
    label = oof["label"].to_numpy(np.float64)
    p = oof[alone].to_numpy(np.float64)
    total = p.sum(axis=1)
    with_all = row_log_loss(label, total / len(alone))
    rows = []
    for column, name in enumerate(alone):
        others = (total - p[:, column]) / (len(alone) - 1)
        # Sums of probabilities are rounded, and may end a hair outside.
        without = row_log_loss(label, np.clip(others, 0.0, 1.0))
        gain = float((without - with_all).mean())
        error = standard_error(without - with_all, oof["group"])
        verdict = _HELPS if gain > _SHOWN * error else _HURTS if gain < -_SHOWN * error else _ALIKE
        rows.append(
            {
                "detector": stage_name(name),
                "without": float(without.mean()),
                "gain": gain,
                "standard_error": error,
                "verdict": verdict,
            }
        )
    found = pd.DataFrame(rows)
    return found.sort_values("gain", ascending=False, kind="stable", ignore_index=True)


def _compared(contents: Contents) -> Section | None:
    """Of a run that only compared ensembles: what each detector is good for."""
    if contents.compare is None or len(contents.compare["models"]) < 2:
        return None
    alone = [subset for subset in contents.compare["subsets"] if subset["size"] == 1]
    best = min(alone, key=lambda subset: float(subset["log_loss"]))
    lead, parts = _places(contents)
    lead = f"{_best(best['models'][0], best['log_loss'])} {lead}"
    return Section("leaderboard", "Leaderboard", lead, parts)


def _best(name: str, loss: float) -> str:
    return f"The best detector by itself is {name} (log loss {number(loss)})."


def _verdict(gain: float, error: float) -> str:
    if np.isnan(gain) or not np.isfinite(error):
        return UNKNOWN
    return NOT_NEEDED if gain <= 0 else EARNED if gain > _SHOWN * error else REPLACED


def _table(first: str, rows: pd.DataFrame, **more: Any) -> Table:
    columns: dict[str, Cell] = {
        first: cell("name"),
        "log loss": cell("log_loss", number),
        "95 %": interval,
        **{title: cell(name, number, 3) for name, title in _MEASURES.items()},
    }
    return Table.of(rows, columns, **more)


def _table_of_steps(metrics: dict[str, Any], steps: pd.DataFrame) -> Table:
    told = (
        "Mean: the average of the probabilities as they came. Stacked: combined as learned from "
        "the other folds. Calibrated and clipped: made as sure as it may be, and what is submitted."
    )
    values = metrics["stages"]
    if "stacked" in values and values["stacked"] == values["calibrated"]:
        told += " The last two are the same here: no calibrator and no bound paid."
    return _table("step", steps, strong=(len(steps) - 1,), title="The steps", note=told)


def _table_of_detectors(alone: pd.DataFrame) -> Table:
    return _table(
        "detector",
        alone,
        title="The detectors by themselves, best first",
        note=f"{_MEANING} A poor log loss with a good AUC is a detector that knows, but is too "
        "sure.",
    )


def _places(contents: Contents) -> tuple[str, list[Part]]:
    """The sentence on who earns a place, and the table it rests on."""
    if contents.compare is None:
        return _left_out(contents)
    from stacking.ensembles.compare import Comparison

    comparison = Comparison.from_dict(contents.compare)
    places = prepare_places(comparison.table)
    earned = list(places.loc[places["verdict"] == EARNED, "detector"])
    needed = list(places.loc[places["verdict"] == NOT_NEEDED, "detector"])
    lead = (
        f"Of {len(places)}, {listed(earned)} {'earns its' if len(earned) == 1 else 'earn their'} "
        f"place: no ensemble without {'it' if len(earned) == 1 else 'one of them'} is as good."
        if earned
        else "None of them is shown to be irreplaceable: without any one, others do nearly as well."
    )
    if needed:
        lead += f" The best ensemble leaves out {listed(needed)}."
    whole = "" if comparison.complete else " Not every ensemble was tried, as there are too many."
    budget = " The budget is left aside here." if comparison.budget else ""
    table = Table.of(
        places,
        {
            "detector": cell("detector"),
            "verdict": cell("verdict"),
            "recommended": lambda row: "yes" if row["recommended"] else "no",
            "alone": cell("alone", number),
            "best with it": cell("best_with", number),
            "best without it": cell("best_without", number),
            "it saves": cell("gain", number, 5),
            "± error": cell("standard_error", number, 5),
        },
        strong=np.flatnonzero(places["recommended"]).tolist(),
        texts=(0, 1, 2),
        title="Which detector earns its place",
        note="Log losses of each detector alone and of the best ensembles with and without it, all "
        f"fitted alike and judged out of fold. “{EARNED}”: every ensemble without it is worse by "
        f"more than two standard errors; “{REPLACED}”: others come nearer; “{NOT_NEEDED}”: the "
        f"best ensemble is one without it.{whole}{budget}",
    )
    return lead, [table]


def _left_out(contents: Contents) -> tuple[str, list[Part]]:
    if contents.oof is None or len(contents.detectors) < 2:
        return "", []
    found = prepare_left_out(contents.oof)
    harmful = list(found.loc[found["verdict"] == _HURTS, "detector"])
    lead = (
        f"The plain mean would be better without {'any one of ' if len(harmful) > 1 else ''}"
        f"{listed(harmful)}."
        if harmful
        else "None of them harms the plain mean."
    )
    table = Table.of(
        found,
        {
            "detector": cell("detector"),
            "verdict": cell("verdict"),
            "mean without it": cell("without", number),
            "it saves": cell("gain", number, 5),
            "± error": cell("standard_error", number, 5),
        },
        texts=(0, 1),
        title="What each detector is to the plain mean",
        note=f"Log loss of the mean of the other detectors. “{_ALIKE}”: a difference within two "
        "standard errors. The stack weighs detectors, so one that "
        "harms the mean may still help there: see “Ensemble size”.",
    )
    return lead, [table]


def _blend(contents: Contents) -> list[Part]:
    """How the stack combines the detectors."""
    stack = contents.stack
    if stack is None or len(contents.detectors) < 2:
        return []
    blend = stack["blend"]
    if not blend:
        meta = stack["settings"]["meta"]
        return [Words(f"The stack combines the detectors by one meta-learner, {meta}.")]
    shares = ", ".join(
        f"{name} {share:.2f}" for name, share in sorted(blend.items(), key=lambda item: -item[1])
    )
    return [
        Words(
            f"The stack blends {len(blend)} ways of combining the detectors (meta-learners), with "
            f"these weights: {shares}. They are weights of the ways, not of the detectors."
            if len(blend) > 1
            else f"The stack combines the detectors by {next(iter(blend))}, the best of the ways "
            "(meta-learners) that were tried."
        )
    ]


def _figure(board: pd.DataFrame) -> Figure:
    alone, steps = board[~board["is_step"]], board[board["is_step"]]
    drawn = pd.concat([steps.iloc[::-1], alone.head(_DRAWN)], ignore_index=True)
    left_out = len(alone) - _DRAWN
    limit = _limit(drawn)
    told = (
        "Out of fold, with 95 % intervals over groups; left is better. Blue: the steps; grey: the "
        "detectors."
    )
    if (drawn["log_loss"] > limit).any():
        told += " Arrows lie further right than the figure reaches."
    if left_out > 0:
        told += f" Only in the table: the {count(left_out, 'weakest detector')}."
    return Figure(
        "leaderboard",
        "Log loss of every detector and step",
        told,
        partial(_plot_board, drawn=drawn, limit=limit),
        board,
        size=(4.6, 0.8 + 0.27 * len(drawn)),
    )


def _limit(board: pd.DataFrame) -> float:
    """The log loss up to which the figure reaches: one hopeless detector must not squeeze it."""
    lowest, middle = board["log_loss"].min(), board["log_loss"].median()
    reach = max(2.5 * (middle - lowest), 0.15 * lowest, 1e-6)
    return float(min(board["high"].max(), max(lowest + reach, board["high"].iloc[0])))


def _plot_board(canvas: Any, drawn: pd.DataFrame, limit: float) -> None:
    axes, at = row_axes(canvas, apart_in_figure(list(drawn["name"])), "log loss")
    far = (drawn["log_loss"] > limit).to_numpy()
    for mask, colour in ((~drawn["is_step"], GREY), (drawn["is_step"], STRONG)):
        near = mask.to_numpy() & ~far
        dots(axes, drawn[near], at[near], colour, markersize=5, elinewidth=2)
    low = min(float(drawn["low"].min()), limit)
    room = 0.05 * (limit - low) + 1e-9
    for y, loss in zip(at[far], drawn["log_loss"][far], strict=True):
        axes.annotate(
            f"{loss:.2f} →", (limit + room, y), xytext=(-4, 0), textcoords="offset points",
            ha="right", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.axhline(len(drawn) - drawn["is_step"].sum() - 0.5, color=CLOUD, linewidth=0.8)
    axes.set_xlim(low - room, limit + room)
