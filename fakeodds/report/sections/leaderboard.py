"""All that was judged on the same videos, in one order."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Section, Table, Words, cell
from fakeodds.view.figures import CLOUD, GREY, STRONG, dots, row_axes
from fakeodds.view.format import (
    apart_in_figure,
    better_or_worse,
    difference,
    interval,
    number,
)
from fakeodds.workflows.advice import SHOWN, best_single, mean_instead
from predictions.words import count
from stacking.estimate.stages import STEPS

_MEASURES = {"brier": "Brier", "auc": "AUC", "accuracy": "right", "ece_plain": "ECE"}

#: So many detectors are drawn; the table has them all.
_DRAWN = 24


def build(contents: Contents) -> Section | None:
    """Every detector raw and calibrated, every ensemble, meta-learner and calibrator."""
    board = contents.leaderboard
    if board is None:
        return None
    parts: list[Part] = [_table(board, contents.title_of), *_blend(contents)]
    if (board["kind"] == "calibrated detector").sum() > 1:
        parts.insert(1, _figure(board, contents.title_of))
    return Section("leaderboard", "Leaderboard", _lead(board), parts)


def _lead(board: pd.DataFrame) -> str:
    """Who leads, and how far it is from what is submitted."""
    shipped = board[board["shipped"]].iloc[0]
    if (board["kind"] == "detector").sum() == 1:
        raw = board[board["kind"] == "detector"].iloc[0]
        return (
            f"What is submitted has a log loss of {number(shipped['log_loss'])}; {raw['name']} as "
            f"it came has {number(raw['log_loss'])}."
        )
    single = best_single(board)
    behind = single["to_shipped"]
    word = "behind" if behind >= 0 else "ahead"
    shown = abs(behind) > SHOWN * single["to_shipped_error"]
    gap = difference(abs(behind), single["to_shipped_error"])
    mean = mean_instead(board)
    return (
        f"What is submitted has a log loss of {number(shipped['log_loss'])}; the best detector "
        f"alone, {single['name']} with a calibrator of its own, has {number(single['log_loss'])}: "
        f"{gap} {word}{'' if shown else ', which may be chance'}."
        f"{'' if mean is None else f' {mean[0]}'}"
    )


def _row_name(row: Any, title_of: Callable[[str], str]) -> str:
    """What a row is, for somebody who knows none of our words."""
    name, kind = str(row["name"]), row["kind"]
    if kind == "ensemble":
        return f"{name} by selection: {row['models']}"
    return title_of(name) if kind == "stack" else name


def _table(board: pd.DataFrame, title_of: Callable[[str], str]) -> Table:
    def against(row: Any) -> str:
        """Better or worse than what is submitted."""
        return (
            "submitted"
            if row["shipped"]
            else better_or_worse(row["to_shipped"], row["to_shipped_error"])
        )

    return Table.of(
        board,
        {
            "what": lambda row: _row_name(row, title_of) + " *" * row["confidence_set"],
            "kind": cell("kind"),
            "log loss": cell("log_loss", number),
            "95 %": lambda row: interval(row, 3),
            "behind first": lambda row: (
                "-"
                if row["difference"] == 0
                else difference(row["difference"], row["standard_error"])
            ),
            "against submitted": against,
            **{title: cell(name, number, 3) for name, title in _MEASURES.items()},
        },
        strong=[int(at) for at in board.index[board["shipped"]]],
        texts=(0, 1),
        keys=_keys(board),
        note="All were judged on the same videos, which taught them nothing; ± is one standard "
        "error of the paired difference, over groups. A detector is there as it came and with a "
        "map of its own; an ensemble is the detectors that forward selection takes, combined by an "
        "L2-logistic regression; meta-learners and calibrators are what the stack chose from. "
        "What is submitted is called by what the stack does that ships; each fold that judged here "
        "chose for itself whether to calibrate and to clip. *: may be the best, as it is not shown "
        "to be worse for as many rows (model confidence set, 95 %). Log loss, Brier and ECE: lower "
        "is better; AUC (0.5 is chance) and right (the share that is, at 0.5): higher.",
    )


def _keys(board: pd.DataFrame) -> list[int]:
    """The steps, and the best of each kind."""
    firsts = board.index[~board["kind"].duplicated()]
    steps = board.index[board["kind"] == "stack"]
    return sorted({*map(int, firsts), *map(int, steps)})


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


def _figure(board: pd.DataFrame, title_of: Callable[[str], str]) -> Figure:
    drawn = prepare_drawn(board, title_of)
    n_detectors = int((board["kind"] == "calibrated detector").sum())
    limit = _limit(drawn)
    told = (
        "Out of fold, with 95 % intervals over groups; left is better. Blue: the steps; grey: the "
        "detectors alone, each with a calibrator of its own; circles: as they came."
    )
    if (drawn["log_loss"] > limit).any():
        told += " Arrows lie further right than the figure reaches."
    if n_detectors > _DRAWN:
        told += f" Only in the table: the {count(n_detectors - _DRAWN, 'weakest detector')}."
    return Figure(
        "leaderboard",
        "Log loss of every detector and step",
        told,
        partial(_plot_board, drawn=drawn, limit=limit),
        drawn,
        size=(4.6, 0.8 + 0.27 * len(drawn)),
    )


def prepare_drawn(board: pd.DataFrame, title_of: Callable[[str], str]) -> pd.DataFrame:
    """The steps, the last first, then the detectors with a calibrator of their own, the best first.

    Columns `name`, `is_step`, `log_loss`, `low`, `high`, and `as_it_came`: the log loss of a
    detector without that calibrator (NaN of a step).
    """
    by_kind = board.set_index(["kind", "name"])
    steps = [step for step in reversed(STEPS) if ("stack", step) in by_kind.index]
    alone = board.loc[board["kind"] == "calibrated detector", "name"].head(_DRAWN)
    pairs = [*(("stack", step) for step in steps), *(("calibrated detector", n) for n in alone)]
    measures = by_kind[["log_loss", "low", "high"]]
    drawn = measures.reindex(pd.MultiIndex.from_tuples(pairs, names=by_kind.index.names))
    drawn = drawn.reset_index()
    is_step = drawn["kind"] == "stack"
    raw = [
        float("nan") if step else float(by_kind.loc[("detector", name), "log_loss"])
        for step, name in zip(is_step, drawn["name"], strict=True)
    ]
    names = [
        title_of(name) if step else name
        for step, name in zip(is_step, drawn["name"].astype(str), strict=True)
    ]
    return drawn.drop(columns="kind").assign(name=names, is_step=is_step, as_it_came=raw)


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
    raw = drawn["as_it_came"].to_numpy()
    axes.plot(raw[raw <= limit], at[raw <= limit], "o", color=GREY, fillstyle="none", markersize=5)
    low = min(float(drawn["low"].min()), limit)
    room = 0.05 * (limit - low) + 1e-9
    for y, loss in zip(at[far], drawn["log_loss"][far], strict=True):
        axes.annotate(
            f"{loss:.2f} →", (limit + room, y), xytext=(-4, 0), textcoords="offset points",
            ha="right", va="center", fontsize="small",
        )  # fmt: skip
    axes.axhline(len(drawn) - drawn["is_step"].sum() - 0.5, color=CLOUD, linewidth=0.8)
    axes.set_xlim(low - room, limit + room)
