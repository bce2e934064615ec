"""Calibrators side by side: in the terminal, and as a figure."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
from rich.table import Table

from fakeodds.view import terminal
from fakeodds.view.figures import GREY, STRONG, dots, draw, row_axes
from fakeodds.view.format import narrow_interval, number
from predictions.files import json_records

#: What the two rows that are no calibrators are called.
_TITLES = {"none": "none: as it came", "auto": "auto: chosen inside"}


def title_of(name: str) -> str:
    """A row of calibrators.csv as a reader calls it."""
    return _TITLES.get(name, name)


def print_calibrators(board: pd.DataFrame) -> None:
    """A row a calibrator, the lowest log loss first; 80 columns at most."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("calibrator", no_wrap=True)
    for name in ("log loss", "95 % interval", "to lowest", "may be best"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = json_records(board)
    for row in rows:
        table.add_row(
            title_of(row["name"]),
            number(row["log_loss"]),
            narrow_interval(row),
            behind(row),
            "yes" if row["confidence_set"] else f"no (p {p_value(row['mcs_p'])})",
        )
    terminal.say("Every calibrator on the outer folds, none of them clipped:")
    terminal.out.print(table)
    terminal.say(best_in_words(rows))


def behind(row: Mapping[str, Any]) -> str:
    """How far a row is behind the first, ± one standard error."""
    if row["difference"] == 0:
        return "lowest"
    return f"+{number(row['difference'])} ±{number(row['standard_error'])}"


def best_in_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which of the rows cannot be told from the best."""
    kept = [str(row["name"]) for row in rows if row["confidence_set"]]
    if len(kept) == 1:
        return f"{kept[0]} is better than all others (95 %)."
    if len(kept) == len(rows):
        return f"None of the {len(rows)} is shown to be worse than another (95 %)."
    return f"These {len(kept)} of {len(rows)} cannot be told apart (95 %): {', '.join(kept)}."


def p_value(p: float) -> str:
    """`.031`, `< .001`: digits of a p-value that its draws can tell."""
    if p != p:
        return "-"
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0") if p < 0.9995 else "1"


def plot_calibrators(canvas: Any, board: pd.DataFrame) -> None:
    """Log loss of each with its interval, the lowest on top; blue: may be the best."""
    axes, at = row_axes(canvas, list(map(title_of, board["name"])), "log loss, nested")
    for mask, colour in ((board["confidence_set"], STRONG), (~board["confidence_set"], GREY)):
        some = mask.to_numpy()
        dots(axes, board[some], at[some], colour, markersize=5, elinewidth=2)


def draw_calibrators(board: pd.DataFrame) -> bytes:
    """The figure as PNG."""
    size = size_of(board)
    plot = partial(plot_calibrators, board=board)
    return draw("calibrators", plot, size, ("png",)).files["png"]


def size_of(board: pd.DataFrame) -> tuple[float, float]:
    """Inches that the figure takes."""
    return 4.6, 0.9 + 0.3 * len(board)
