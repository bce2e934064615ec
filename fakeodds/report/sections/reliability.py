"""Whether a probability means what it says, before and after calibration."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Section, Table, Words, records
from fakeodds.view.format import interval, number
from stacking.estimate.stages import SHIPPED

if TYPE_CHECKING:
    from calibration import ReliabilityDiagram

#: Measures of measures.csv -> what they are called, and what is right.
_MEASURES = {
    "log_loss": "log loss",
    "calibration": "of it, what recalibrating would save (right: 0)",
    "ece_plain": "ECE as papers have it: 15 bins of equal width",
    "ece_width": "the same, less what noise alone adds (right: 0)",
    "ece": "so over bins of equal mass (right: 0)",
    "smooth_ece": "smooth ECE, without bins (right: 0)",
    "slope": "slope (right: 1; below is too sure)",
    "intercept": "intercept (right: 0)",
    "in_the_large": "shift to the right share of fakes (right: 0)",
}

Measures = dict[str, dict[str, dict[str, float]]]

#: A slope whose whole interval is within this factor of 1 is called right.
_NEAR_ONE = 1.25

#: Notes of a stack that say which calibrator *auto* took, and why; the first names one.
_CHOSEN = ("calibration.chosen", "calibration.none", "stacking.as-before")

#: Points of the smoothed curve that are drawn.
_POINTS = 200


def build(contents: Contents) -> Section | None:
    """Reliability diagrams of the stage before and of the calibrated one, and why it is so."""
    oof, stages = contents.oof, contents.before_and_after
    if oof is None or not stages:
        return None
    titles = {stage: _title(contents, stage) for stage in stages}
    parts: list[Part] = [_figure(oof, stage, title) for stage, title in titles.items()]
    if contents.measures is not None:
        told = prepare_measures(contents.measures, stages)
        sentences = [_in_words(told[stage], title) for stage, title in titles.items()]
        parts += [Words(" ".join(sentences)), _table(told, contents)]
    parts += [Words(sentence) for sentence in _calibrator(contents)]
    return Section("reliability", "Reliability", _lead(), parts)


def prepare_measures(measures: pd.DataFrame, stages: list[str]) -> Measures:
    """Of each stage the measures of calibration: stage -> measure -> value, low, high."""
    found: Measures = {stage: {} for stage in stages}
    for row in records(measures):
        if row["stage"] in found and row["measure"] in _MEASURES:
            found[row["stage"]][row["measure"]] = {
                name: float(row[name]) for name in ("value", "low", "high")
            }
    return found


def prepare_diagram(oof: pd.DataFrame, stage: str) -> "ReliabilityDiagram":
    """The reliability diagram of a stage, with a curve of few points: it goes into a page."""
    from calibration import prepare_reliability

    diagram = prepare_reliability(oof["label"], oof[stage], oof["group"])
    every = max(1, len(diagram.curve) // _POINTS)
    return replace(diagram, curve=diagram.curve.iloc[every // 2 :: every])


def _lead() -> str:
    return (
        "When the answer is 0.7, about 70 of 100 such videos should be fake. In the diagrams each "
        "dot is a part of the videos: how many are fake, against how many should be; right is on "
        "the diagonal."
    )


def _title(contents: Contents, stage: str) -> str:
    """Which answers they are: before, or those that are submitted, and what was done to them."""
    title = contents.title_of(stage)
    return f"As submitted ({title})" if stage == SHIPPED else f"Before ({title})"


def _figure(oof: pd.DataFrame, stage: str, title: str) -> Figure:
    diagram = prepare_diagram(oof, stage)
    is_last = stage == SHIPPED
    return Figure(
        f"reliability_{'calibrated' if is_last else 'before'}",
        title,
        "Dots below the diagonal: FAKE is called too strongly; above: not strongly enough. Within "
        "the grey band a right answer would lie in 95 % by chance alone. At the foot, where the "
        "videos are.",
        partial(_plot_diagram, diagram=diagram),
        diagram.bins,
        size=(4.6, 5.9),
        further={"curve": diagram.curve},
    )


def _plot_diagram(canvas: Any, diagram: "ReliabilityDiagram") -> None:
    from calibration import plot_reliability

    plot_reliability(diagram, canvas.subplots())


def _in_words(measured: Mapping[str, Mapping[str, float]], title: str) -> str:
    """What slope, shift and gain say of a stage."""
    slope, shift, gain = (measured[name] for name in ("slope", "in_the_large", "calibration"))
    its = f"slope {number(slope['value'], 2)}; 95 %: {interval(slope, 2)}"
    if np.isnan(slope["value"]):
        sure = "how sure the answers are cannot be judged, as all are alike"
    elif slope["high"] < 1:
        sure = f"the answers are surer than they may be ({its}; right would be 1)"
    elif slope["low"] > 1:
        sure = f"the answers could be surer ({its}; right would be 1)"
    elif slope["low"] > 1 / _NEAR_ONE and slope["high"] < _NEAR_ONE:
        sure = f"the answers are about as sure as they may be ({its})"
    else:
        sure = (
            "it cannot be told from these videos whether the answers are too sure or not sure "
            f"enough ({its}; right would be 1)"
        )
    share = ""
    if shift["low"] > 0:
        share = ", FAKE is called too rarely"
    elif shift["high"] < 0:
        share = ", FAKE is called too often"
    if gain["low"] > 0:
        saved = f"recalibrating would save {number(gain['value'])} of the log loss"
    else:
        saved = "recalibrating would save nothing that can be shown"
    return f"{title}: {sure}{share}, and {saved}."


def _table(told: Measures, contents: Contents) -> Table:
    def cells(stage: str, measure: str) -> tuple[str, str]:
        row = told[stage][measure]
        return number(row["value"]), interval(row, 3)

    stages = list(told)
    names = [contents.title_of(stage) if stage == SHIPPED else "before" for stage in stages]
    return Table(
        ("measure", *(text for name in names for text in (name, "95 %"))),
        [
            (text, *(cell for stage in stages for cell in cells(stage, measure)))
            for measure, text in _MEASURES.items()
        ],
        title="Measures of calibration",
    )


def _calibrator(contents: Contents) -> list[str]:
    """Which calibrator was taken, and why."""
    from calibration.registry import CALIBRATORS

    stack = contents.stack
    if stack is None:
        return []
    name = None if stack["calibrator"] is None else str(stack["calibrator"]["name"])
    about = CALIBRATORS[name].about if name in CALIBRATORS else ""
    if stack["settings"]["calibration"] == "auto":
        explained = f" {name.capitalize()} {about}." if name and about else ""
        return [
            f"{note}{explained if note.code == _CHOSEN[0] else ''}"
            for note in contents.stack_notes
            if note.code in _CHOSEN
        ]
    who = "asked for" if contents.robust is None else "chosen by --robust"
    if name is None:
        return [f"No calibrator was fitted, as {who}."]
    return [f"The calibrator is the one {who}, {name}{f': it {about}' if about else ''}."]
