"""The stack under stress in the terminal: what it costs, how far it moves, what breaks first."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from fakeodds.view import terminal
from fakeodds.view.format import interval, narrow_interval, number, shorten
from stacking.estimate.stages import SHIPPED, single_stage

#: Characters of the name of an alteration, and of a detector.
_WIDTH, _DETECTOR = 16, 10
#: Detectors that a terminal has room for.
_MOST = 6


def print_stress(found: Mapping[str, Any]) -> None:
    """Log loss, calibration and movement at every strength; then each detector; 80 columns."""
    terminal.say(
        f"{found['videos']} videos of {found['groups']} groups; saying the share of fakes costs "
        f"{number(found['knowing_nothing'])}."
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("altered", no_wrap=True, max_width=_WIDTH)
    for name in ("log loss", "95 % interval", "than clean", "AUC", "shift", "moves by"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in ({"name": "clean", **found["clean"]}, *found["alterations"]):
        measures = one["stages"][SHIPPED]
        moved = one.get("moved")
        table.add_row(
            escape(shorten(one["name"], _WIDTH)),
            number(measures["log_loss"]["value"]),
            narrow_interval(measures["log_loss"], 3),
            "" if moved is None else told_change(measures["change"]),
            number(measures["auc"]["value"], 3),
            number(measures["in_the_large"]["value"], 2),
            "" if moved is None else f"{number(moved['median'], 2)}, {number(moved['most'], 2)}",
            style="bold" if moved is None else None,
        )
    terminal.out.print(table)
    terminal.say(
        "than clean: ? where it may be chance. shift: of the logits, that would make the mean "
        "right (below 0: FAKE is said too much). moves by: of the probability, the median and what "
        "nine in ten stay below."
    )
    _print_detectors(found)


def _print_detectors(found: Mapping[str, Any]) -> None:
    detectors = found["detectors"][:_MOST]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("AUC alone", no_wrap=True, max_width=_WIDTH)
    for name in detectors:
        table.add_column(escape(shorten(name, _DETECTOR)), justify="right", no_wrap=True)
    broken = {(one["at"], one["detector"]) for one in found["breaks"] if one["at"] is not None}
    for one in ({"name": "clean", **found["clean"]}, *found["alterations"]):
        areas = (number(one["stages"][single_stage(d)]["auc"]["value"], 3) for d in detectors)
        marks = ("*" if (one["name"], d) in broken else " " for d in detectors)
        cells = (f"{area}{mark}" for area, mark in zip(areas, marks, strict=True))
        table.add_row(escape(shorten(one["name"], _WIDTH)), *cells)
    terminal.out.print(table)
    terminal.say(
        "*: the first strength at which its log loss, calibrated alone on videos as they are, is "
        "shown to be higher (95 %)."
    )
    for sentence in first_sentences(found):
        terminal.say(f"- {sentence}")


def first_sentences(found: Mapping[str, Any]) -> list[str]:
    """Which detector breaks first under each alteration, in words."""
    told = []
    for alteration in dict.fromkeys(one["alteration"] for one in found["breaks"]):
        first = next(
            (p for p in found["breaks"] if p["alteration"] == alteration and p["first"]), None
        )
        if first is None:
            told.append(f"{alteration}: no detector is shown to break.")
        else:
            told.append(
                f"{alteration}: {first['detector']} breaks first, at {first['at']} (log loss "
                f"{number(first['change']['value'])} higher)."
            )
    return told


def told_change(change: Mapping[str, float | None]) -> str:
    """A paired change in log loss in words: higher or lower where that is shown."""
    value = change["value"]
    if value is None:
        return "-"
    size = number(abs(value))
    if round(value, 4) == 0:
        return size
    return f"{size} {'worse' if value > 0 else 'better'}{'' if is_shown(change) else '?'}"


def signed_change(change: Mapping[str, float | None]) -> str:
    """A paired change in log loss as a number, for beside its interval."""
    value = change["value"]
    return "-" if value is None else f"{value:+.4f}{'' if is_shown(change) else '?'}"


def is_shown(change: Mapping[str, float | None]) -> bool:
    """Whether the interval of a paired change lies on one side of 0."""
    low, high = change["low"], change["high"]
    return low is not None and high is not None and (low > 0 or high < 0)


def print_hardened(found: Mapping[str, Any]) -> None:
    """What hardening costs on videos as they are, and gains on altered ones."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("judged out of fold", no_wrap=True, max_width=25)
    for name in ("stack", "hardened", "difference", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    rows = [("clean", found["known"]["clean"]), ("altered, as taught", found["known"]["altered"])]
    if found["unknown"] is not None:
        rows.append(("altered, kinds not taught", found["unknown"]["altered"]))
    rows += [(name, found["known"]["copies"][name]) for name in found["names"]]
    for place, (name, one) in enumerate(rows):
        table.add_row(
            escape(shorten(name, 25)),
            number(one["plain"]["value"]),
            number(one["hardened"]["value"]),
            signed_change(one["change"]),
            interval(one["change"], 3),
            style="bold" if place < len(rows) - len(found["names"]) else None,
        )
    terminal.out.print(table)
    terminal.say(
        "Below 0 the hardened one is better. ?: it may be chance (the 95 % interval holds 0)."
    )
