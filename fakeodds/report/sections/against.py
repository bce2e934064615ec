"""Pairs of ensembles, detectors or steps, where `compare --against` asked for them."""

from functools import partial
from typing import Any

import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Section, Table, cell, records
from fakeodds.view.against import TITLES, further_videos, in_words, is_shown, listed_pairs
from fakeodds.view.calibrators import p_value
from fakeodds.view.figures import CLOUD, GREY, STRONG, row_axes
from fakeodds.view.format import apart_in_figure, interval, number, signed, thousands


def build(contents: Contents) -> Section | None:
    """The pairs of against.json."""
    found = contents.against
    if found is None:
        return None
    losses = prepare_losses(found)
    lead = " ".join(in_words(row, found["groups"]) for row in records(losses)[:3])
    parts: list[Any] = [_table(found)]
    if losses["low"].notna().any():
        parts.insert(0, _figure(losses))
    return Section("against", "Which is better", lead, parts)


def prepare_losses(found: dict[str, Any]) -> pd.DataFrame:
    """The differences in log loss, a row a pair: first, second, difference, low, high, ..."""
    pairs = pd.DataFrame(found["pairs"])
    losses = pairs[pairs["measure"] == "log_loss"].reset_index(drop=True)
    numbers = losses.columns.difference(["first", "second", "measure"])
    return losses.astype(dict.fromkeys(numbers, float))


def _figure(losses: pd.DataFrame) -> Figure:
    return Figure(
        "against",
        "Difference in log loss",
        "Of the first less the second, out of fold, with the 95 % interval over groups; left of "
        "the line the first is better. Blue: more than chance.",
        partial(_plot, losses=losses),
        losses,
        size=(4.6, 1.2 + 0.6 * len(losses)),
    )


def _plot(canvas: Any, losses: pd.DataFrame) -> None:
    first, second = (apart_in_figure(list(losses[side]), 22) for side in ("first", "second"))
    names = [f"{one}\nagainst {other}" for one, other in zip(first, second, strict=True)]
    axes, at = row_axes(canvas, names, "difference in log loss")
    for row, height in zip(records(losses), at, strict=True):
        axes.errorbar(
            row["difference"], height,
            xerr=[[row["difference"] - row["low"]], [row["high"] - row["difference"]]],
            fmt="o", color=STRONG if is_shown(row) else GREY, markersize=5, elinewidth=2,
        )  # fmt: skip
    axes.axvline(0, color=CLOUD, linewidth=0.8)


def _table(found: dict[str, Any]) -> Table:
    sides = {side["name"]: side for side in found["sides"]}
    several = len(listed_pairs(found["pairs"])) > 1

    def of(side: str) -> Any:
        return lambda row: number(sides[row[side]][row["measure"]]["value"])

    return Table.of(
        pd.DataFrame(found["pairs"]),
        {
            "first": cell("first"),
            "second": cell("second"),
            "measure": lambda row: TITLES[row["measure"]],
            "of the first": of("first"),
            "of the second": of("second"),
            "difference": lambda row: (
                "-" if pd.isna(row["difference"]) else signed(row["difference"])
            ),
            "95 %": interval,
            "p (Holm)" if several else "p": cell("holm_p", _p_value),
            "more videos": further_videos,
        },
        texts=(0, 1, 2),
        note=f"Out of fold, on the same {thousands(found['rows'], 'video')} of "
        f"{thousands(found['groups'], 'group')}, which taught neither. The p-value is that of no "
        "difference, by random signs of whole groups"
        + (", and allows for the number of pairs (Holm)" if several else "")
        + ". More videos: how many further ones like these would show a difference as large as "
        "this in 4 of 5 cases.",
    )


def _p_value(p: float | None) -> str:
    return "-" if p is None else p_value(p)
