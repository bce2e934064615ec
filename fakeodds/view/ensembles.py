"""Ensembles in the terminal: each size's best, what it costs, how alike its members err."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table

from fakeodds.view import terminal


def print_sizes(found: Mapping[str, Any]) -> None:
    """The best ensemble of each size, a line or more a size, 80 columns at most."""
    subsets = pd.DataFrame(found["subsets"])
    best = subsets.loc[subsets.groupby("size")["log_loss"].idxmin()]
    costs = {"seconds": "s/video", "mb": "MB"}
    known = [cost for cost in costs if subsets[cost].notna().any()]
    table = Table(box=None, pad_edge=False)
    for name in (
        "size",
        "log loss",
        "95 % interval",
        "to lowest",
        "may be best",
        *(costs[cost] for cost in known),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("detectors", overflow="fold")
    numbers = {name: str(number) for number, name in enumerate(found["models"], start=1)}
    taken = subsets[subsets["recommended"]]
    for _, row in _with_taken(best, taken).iterrows():
        error = "" if pd.isna(row["standard_error"]) else f" ±{row['standard_error']:.4f}"
        table.add_row(
            str(row["size"]),
            f"{row['log_loss']:.4f}",
            f"{row['low']:.4f}-{row['high']:.4f}",
            "lowest" if row["difference"] == 0 else f"+{row['difference']:.4f}{error}",
            "yes" if row.get("confidence_set") else "no",
            *(_rounded(row[cost]) for cost in known),
            " ".join(numbers[name] for name in row["models"]),
            style="bold" if row["recommended"] else None,
        )
    terminal.out.print(table)
    for name, number in numbers.items():
        terminal.say(f"{number:>4}  {name}")


def print_diversity(found: Mapping[str, Any]) -> None:
    """How differently the members of each size's best ensemble err; 80 columns at most."""
    subsets = pd.DataFrame(found["subsets"])
    subsets = subsets[subsets["size"] > 1]
    if subsets.empty:
        return
    shown = subsets.loc[subsets.groupby("size")["log_loss"].idxmin()]
    table = Table(box=None, pad_edge=False)
    table.add_column("size", justify="right", no_wrap=True)
    for name in _DIVERSITY.values():
        table.add_column(name, justify="right", no_wrap=True)
    for row in _with_taken(shown, subsets[subsets["recommended"]]).to_dict(orient="records"):
        cells = ("-" if pd.isna(row[name]) else f"{row[name]:.3f}" for name in _DIVERSITY)
        table.add_row(str(row["size"]), *cells, style="bold" if row["recommended"] else None)
    terminal.say("How alike their members err, means over pairs (compare.json has every pair):")
    terminal.out.print(table)


_DIVERSITY = {
    "residual_correlation": "residual correlation",
    "disagreement": "disagreement",
    "q": "Q",
    "double_fault": "double fault",
}


def _rounded(cost: float) -> str:
    return "-" if pd.isna(cost) else f"{cost:.3g}" if cost < 100 else f"{cost:.0f}"


def _with_taken(best: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """The best of each size and the recommended one, which a budget or a cost may set apart."""
    both = pd.concat([best, taken])
    return both[~both.index.duplicated()].sort_values(["size", "log_loss"])
