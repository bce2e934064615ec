"""A submission against the truth, and runs side by side, in the terminal."""

import math
from collections.abc import Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from fakeodds.view import terminal
from fakeodds.view.format import (
    cost_of_share,
    interval,
    number,
    percent,
    shorten,
    signed,
    thousands,
)
from predictions.notes import note_from_json
from predictions.words import count

#: Measures of `measure_in_full` -> what they are called, in the order they are shown.
TITLES = {
    "log_loss": "log loss",
    "refinement": "  of it what is left if other folds recalibrate",
    "calibration": "  of it what recalibrating by other folds saves",
    "discrimination": "recalibrated so, better than the share of fakes by",
    "brier": "Brier score",
    "auc": "AUC",
    "accuracy": "right at 0.5",
    "ece_plain": "ECE as papers have it, 15 bins of equal width",
    "ece_width": "  less what noise alone adds",
    "ece": "  so over bins of equal mass",
    "smooth_ece": "smooth ECE, without bins",
    "slope": "slope (right: 1; below: too sure)",
    "intercept": "intercept (right: 0)",
    "in_the_large": "shift to the right share of fakes (right: 0)",
    "true_fake": "FAKE called FAKE, share of all",
    "false_real": "FAKE called REAL",
    "false_fake": "REAL called FAKE",
    "true_real": "REAL called REAL",
}

#: Measures of calibration, which a few groups cannot tell: maps and bins are fitted for them.
_OF_MANY = (
    *("refinement", "calibration", "discrimination", "ece_plain", "ece_width", "ece"),
    *("smooth_ece", "slope", "intercept", "in_the_large"),
)
#: Groups of the rarer label from which they are shown.
_ENOUGH = 20

#: Parts that are shown: those that cost most.
_PARTS = 20

#: Shares of fakes whose logits differ by less are called alike: 50 % and 51 %.
_ALIKE = 0.05

#: A shift of logits beyond this, of odds by 20,000, tells of no share of fakes: it is what answers
#: of nearly 0 or 1 that are wrong ask for, and these are named by themselves.
_FURTHEST = 10.0


def print_scored(found: Mapping[str, Any], submission: str, truth: str) -> None:
    """Everything that `score_answers` found."""
    terminal.say(
        f"{submission} against {truth}: {thousands(found['rows'], 'video')} of "
        f"{thousands(found['groups'], 'group')}, {percent(found['share'], 1)} of them fakes"
    )
    _print_measures(found)
    if found["promise"] is not None:
        terminal.say(promise_in_words(found))
    for sentence in prior_in_words(found):
        terminal.say(sentence)
    _print_slices(found)
    _print_worst(found)


def promise_in_words(found: Mapping[str, Any]) -> str:
    """What was promised, what came, and whether the one explains the other."""
    came, promise = found["measures"]["log_loss"], found["promise"]
    said = promise["log_loss"]
    words = (
        f"Promised by {promise['run']}: {number(said['value'])} ({interval(said)}). "
        f"It came to {number(came['value'])}, "
    )
    if promise["inside"] is None:
        return words + "which neither keeps nor breaks it: these videos are not new to the run."
    side = "above" if came["value"] > said["value"] else "below"
    other = not _alike(found["share"], promise["prior"])
    if promise["inside"]:
        verdict = "inside what was promised"
    elif promise["chance"]:
        verdict = f"{side} it, but by no more than the two intervals allow together"
    elif promise["chance"] is None:
        verdict = f"{side} it; from a single group it cannot be told whether by chance"
    elif side == "below":
        easier = "" if other else ": these videos are easier"
        verdict = f"below it by more than chance explains{easier}"
    else:
        verdict = (
            "above it by more than chance explains: these videos are of another kind, or the "
            "promise was too good"
        )
    if other:
        verdict += (
            f". The promise is for {percent(promise['prior'], 1)} fakes, as learned; where they "
            f"are {percent(found['share'], 1)}, knowing nothing costs "
            f"{number(found['knowing_nothing'])} instead of "
            f"{number(cost_of_share(promise['prior']))}"
        )
    return f"{words}{verdict}."


def _alike(share: float, other: float) -> bool:
    """Whether two shares of fakes are so near that nobody need move the answers."""
    if not (0 < share < 1 and 0 < other < 1):
        return share == other
    return abs(math.log(share / (1 - share)) - math.log(other / (1 - other))) < _ALIKE


def prior_in_words(found: Mapping[str, Any]) -> list[str]:
    """The share of fakes, and what moving the answers to it would have brought."""
    shifts, promise = found["prior"], found["promise"]
    if shifts is None:
        return []

    def cost(name: str) -> str:
        one = shifts[name]
        return f"{number(one['log_loss'])} (difference {interval(one)})"

    said = []
    if promise is not None:
        answered = promise["answered"]
        learned = f"Learned from {percent(promise['prior'], 1)} fakes"
        if answered is not None:
            learned += f", answered for {percent(answered, 1)} (--prior)"
        if abs(shifts["known"]["shift"]) < _ALIKE:
            said.append(f"{learned}, and here they are as many.")
        else:
            said.append(
                f"{learned}; here they are {percent(found['share'], 1)}. With --prior "
                f"{found['share']:.3g} it would have cost {cost('known')}"
                f"{'' if promise['own'] else ', if it was answered without'}."
            )
            if "estimated" in shifts:
                said.append(f"With --prior auto, which needs no labels: {cost('estimated')}.")
    high = shifts["best"]["high"]
    if high is not None and high < 0 and abs(shifts["best"]["shift"]) < _FURTHEST:
        rarely = "rarely" if shifts["best"]["shift"] > 0 else "often"
        step = signed(shifts["best"]["shift"], 2)
        said.append(
            f"FAKE is called too {rarely}: moving every logit by {step}, "
            f"which only these labels tell, would have cost {cost('best')}."
        )
    return said


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(columns[0], no_wrap=True)
    for name in columns[1:]:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _print_measures(found: Mapping[str, Any]) -> None:
    table = _table("measure", "value", "95 % interval")
    few = found["fewest"] < _ENOUGH
    for name, title in TITLES.items():
        if few and name in _OF_MANY:
            continue
        one = found["measures"][name]
        style = "bold" if name == "log_loss" else None
        table.add_row(title, number(one["value"]), interval(one), style=style)
    table.add_row("log loss of knowing only the share of fakes", number(found["knowing_nothing"]))
    terminal.out.print(table)
    if few:
        terminal.say(
            f"How well the answers are calibrated cannot be told: there are "
            f"{count(found['fewest'], 'group')} of the rarer label, and {_ENOUGH} are needed "
            "(--json and --out have the numbers all the same)."
        )


def _print_slices(found: Mapping[str, Any]) -> None:
    for column, parts in found["slices"].items():
        table = _table(f"by {column}", "videos", "fakes", "log loss", "95 % interval", "AUC")
        shown = sorted(
            parts, key=lambda name: -parts[name]["stages"]["probability"]["log_loss"]["value"]
        )
        for name in [name for name in parts if name in shown[:_PARTS]]:
            one = parts[name]
            judged = one["stages"]["probability"]
            loss, area = judged["log_loss"], judged["auc"]
            table.add_row(
                escape(shorten(name, 20)),
                f"{one['rows']:,}",
                f"{one['fakes']:,}",
                number(loss["value"]),
                interval(loss),
                "-" if area is None else number(area["value"], 3),
            )
        terminal.out.print(table)
        if len(parts) > _PARTS:
            rest = len(parts) - _PARTS
            terminal.say(f"and {rest} more of lower log loss (--json and --out have all)")


def _print_worst(found: Mapping[str, Any]) -> None:
    rows = found["worst"]
    if not rows:
        return
    lost = sum(row["share"] for row in rows)
    if 2 * len(rows) > found["rows"]:
        # Most of the answers are most of what they cost, whatever they are.
        which = "Every answer" if len(rows) == found["rows"] else f"The {len(rows)} worst answers"
        terminal.say(f"{which}, the dearest first:")
    else:
        terminal.say(f"The worst {len(rows)} of them are {percent(lost)} of the whole log loss:")
    table = _table("video", "truth", "answer", "log loss", "group")
    for row in rows:
        table.add_row(
            escape(shorten(str(row["video"]), 30)),
            row["label"],
            number(row["probability"]),
            number(row["log_loss"], 3),
            escape(shorten(str(row["group"]), 16)),
        )
    terminal.out.print(table)


def print_runs(found: Mapping[str, Any]) -> None:
    """What several runs promise, and the differences on the videos that they share."""
    terminal.print_alerts(list(map(note_from_json, found["alerts"])))
    table = _table("run", "log loss", "95 % interval", "AUC", "videos", "groups")
    for run in found["runs"]:
        table.add_row(
            escape(shorten(run["name"], 30)),
            number(run["log_loss"]),
            interval(run),
            number(run["auc"], 3),
            f"{run['rows']:,}",
            f"{run['groups']:,}" if run["groups"] else "none known",
        )
    terminal.out.print(table)
    for run in found["runs"]:
        for alert in run["alerts"]:
            terminal.note(f"{run['name']}: {alert['text']}")
    for one in found["differences"]:
        first, second = one["of"]
        if "difference" not in one:
            terminal.say(f"{first} and {second} share no video.")
            continue
        terminal.say(
            f"{first} less {second}, on {thousands(one['videos'], 'shared video')}: "
            f"{signed(one['difference'])} ({interval(one)})"
        )
