"""Decisions in the terminal; 80 columns at most."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from fakeodds.view import terminal
from fakeodds.view.format import interval, number, percent, shorten
from predictions.notes import note_from_json

#: Measures of `measure_detection` -> what they are called.
MEASURES = {
    "eer": "EER: false alarms = misses",
    "partial_auc": "AUC up to 10 % false alarms (guessing: .5)",
    "min_dcf": "minDCF, as ASVspoof 5 weighs errors",
    "act_dcf": "actDCF: at the threshold that it calls for",
    "min_cllr": "minCllr, bits: by ranking alone",
    "cllr": "Cllr, bits: as calibrated",
    "aurc": "AURC: errors, the surest called first",
}


def aim_in_words(aim: Mapping[str, Any]) -> str:
    """What was asked of a decision."""
    rates = [
        f"{words} at most {percent(aim[name], 1)}"
        for name, words in (
            ("false_alarms", "false alarms"),
            ("misses", "misses"),
            ("errors", "errors among the called"),
        )
        if name in aim
    ]
    costs = [
        f"{words} costs {aim[name]:g}"
        for name, words in (
            ("cost_miss", "a miss"),
            ("cost_false_alarm", "a false alarm"),
            ("cost_undecided", "an undecided video"),
        )
        if name in aim
    ]
    if not rates and not costs:
        return "what is more probable"
    sure = f", with {100 * aim['confidence']:.6g} % confidence" if "confidence" in aim else ""
    return ", ".join(rates + costs) + sure


def rule_in_words(rule: Mapping[str, Any]) -> str:
    """From which probability on what is called."""
    low, high = rule["low"], rule["high"]
    fake = "FAKE never" if high is None else f"FAKE above {bound(high)}"
    real = "REAL never" if low is None else f"REAL up to {bound(low)}"
    return f"{fake}, {real}" + ("" if low == high else ", undecided between")


def bound(probability: float | None) -> str:
    """A threshold, with the digits that tell it from 0 and 1."""
    if probability is None:
        return "-"
    near = min(probability, 1 - probability)
    return number(probability, 3) if near >= 0.001 else f"{probability:.6g}"


def rate(one: Mapping[str, float | None]) -> str:
    """A rate with its interval; a dash where nothing was called."""
    value, low, high = one["value"], one["low"], one["high"]
    if value is None:
        return "-"
    if low is None or high is None:
        return percent(value, 1)
    return f"{percent(value, 1)} ({_short_percent(low)}-{_short_percent(high)})"


def share(one: Mapping[str, float | None]) -> str:
    """A rate without its interval; a dash where nothing was called."""
    return "-" if one["value"] is None else percent(one["value"], 1)


def _short_percent(share: float) -> str:
    """Percents in at most four letters."""
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"


def print_decided(found: Mapping[str, Any]) -> None:
    """All that decide.json holds."""
    terminal.say(f"Asked: {aim_in_words(found['aim'])}.")
    terminal.say(f"So: {rule_in_words(found['rule'])}.")
    for promise in found["promises"]:
        terminal.say(str(note_from_json(promise)))
    delivered = found["delivered"]
    said = (
        f"On folds that had no say in it: {rate(delivered['false_alarms'])} of the real videos "
        f"called FAKE, {rate(delivered['misses'])} of the fakes called REAL"
    )
    if delivered["undecided"]["value"]:
        said += (
            f", {rate(delivered['undecided'])} undecided; of the others "
            f"{rate(delivered['errors'])} called wrong"
        )
    if delivered["cost"] is not None:
        cost = delivered["cost"]
        said += f"; it costs {number(cost['value'], 3)} a video ({interval(cost)})"
    terminal.say(f"{said}.")
    terminal.out.print(_points([found, *found["points"], *found["coverage"]]))
    terminal.out.print(_measures(found["measures"]))


def print_altered(rates: Sequence[Mapping[str, Any]]) -> None:
    """What the rule delivers on altered videos; nothing where there are none."""
    if not rates:
        return
    terminal.say("The rule of `fakeodds decide` on videos as they are and altered, by other folds:")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("altered", no_wrap=True, max_width=16)
    for name in ("false alarms", "misses", "undecided"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, one in enumerate(rates):
        table.add_row(
            escape(shorten(one["name"], 16)),
            rate(one["false_alarms"]),
            rate(one["misses"]),
            percent(one["undecided"]["value"]),
            style="bold" if place == 0 else None,
        )
    terminal.out.print(table)


def _points(points: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("asked", no_wrap=True)
    for name in ("FAKE above", "false alarms", "misses", "undecided"):
        table.add_column(name, justify="right", no_wrap=True)
    for place, one in enumerate(points):
        delivered = one["delivered"]
        table.add_row(
            "as asked" if place == 0 else _short(one["aim"]),
            bound(one["rule"]["high"]),
            rate(delivered["false_alarms"]),
            rate(delivered["misses"]),
            percent(delivered["undecided"]["value"]),
        )
    return table


def _short(aim: Mapping[str, Any]) -> str:
    names = {"false_alarms": "false alarms", "misses": "misses", "errors": "errors"}
    said = [f"{names[name]} {100 * aim[name]:g} %" for name in names if name in aim]
    return ", ".join(said)


def _measures(measures: Mapping[str, Mapping[str, float]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("measure", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for name, words in MEASURES.items():
        table.add_row(words, number(measures[name]["value"]), interval(measures[name]))
    return table
