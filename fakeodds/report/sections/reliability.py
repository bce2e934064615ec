"""Whether a probability means what it says, before and after calibration."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Section, Table, Words
from fakeodds.report.videos import records
from fakeodds.view.format import number, stage_name

if TYPE_CHECKING:
    from calibration import ReliabilityDiagram

#: Measures of measures.csv -> what they are called, and what is right.
_MEASURES = {
    "log_loss": "log loss",
    "calibration": "of it, what recalibrating would save (right: 0)",
    "ece": "calibration error, ECE (right: 0)",
    "smooth_ece": "smooth calibration error (right: 0)",
    "slope": "slope (right: 1; below is too sure)",
    "intercept": "intercept (right: 0)",
    "in_the_large": "shift to the right share of fakes (right: 0)",
}

#: What each calibrator does, in a few words.
_CALIBRATORS = {
    "identity": "leaves the probabilities as they are",
    "temperature": "divides every logit by one number, so that all are more or less sure",
    "affine": "stretches and shifts the logits (Platt's map)",
    "beta": "stretches the two ends differently (beta calibration)",
    "quadratic": "bends the logits with a square",
    "spline": "bends the logits smoothly",
    "isotonic": "fits any rising staircase",
    "histogram": "takes the share of fakes in bins",
    "venn_abers": "fits a rising staircase twice, with each label (Venn-Abers)",
}

Measures = dict[str, dict[str, dict[str, float]]]

#: Points of the smoothed curve that are drawn.
_POINTS = 200


def build(contents: Contents) -> Section | None:
    """Reliability diagrams of the stage before and of the calibrated one, and why it is so."""
    oof, before = contents.oof, contents.before
    if oof is None or before is None:
        return None
    stages = [before, *(["calibrated"] if "calibrated" in oof and before != "calibrated" else [])]
    parts: list[Part] = [
        _figure(oof, stage, "before" if stage == before else stage) for stage in stages
    ]
    if contents.measures is not None:
        told = prepare_measures(contents.measures, stages)
        sentences = [_in_words(told, stage) for stage in stages]
        parts += [Words(" ".join(sentences)), _table(told, stages)]
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


def called(stage: str) -> str:
    """A stage in a title."""
    if stage == "mean":
        return "mean of all detectors"
    return stage_name(stage)


def _lead() -> str:
    return (
        "When the answer is 0.7, about 70 of 100 such videos should be fake. In the diagrams each "
        "dot is a part of the videos: how many are fake, against how many should be; right is on "
        "the diagonal."
    )


def _figure(oof: pd.DataFrame, stage: str, when: str) -> Figure:
    diagram = prepare_diagram(oof, stage)
    title = "After calibration" if stage == "calibrated" else f"Before: {called(stage)}"
    return Figure(
        f"reliability_{when}",
        title,
        "Dots below the diagonal: FAKE is called too strongly; above: not strongly enough. Within "
        "the grey band a right answer would lie in 95 % by chance alone. At the foot, where the "
        "videos are.",
        partial(_plot_diagram, diagram=diagram),
        diagram.bins,
        size=(4.6, 4.4),
    )


def _plot_diagram(canvas: Any, diagram: "ReliabilityDiagram") -> None:
    from calibration import plot_reliability

    plot_reliability(diagram, canvas.subplots())


def _in_words(told: Measures, stage: str) -> str:
    """What slope, shift and gain say of a stage."""
    name = "After calibration" if stage == "calibrated" else f"Before ({called(stage)})"
    slope, shift = told[stage]["slope"], told[stage]["in_the_large"]
    gain = told[stage]["calibration"]
    if np.isnan(slope["value"]):
        sure = "how sure the answers are cannot be judged, as all are alike"
    elif slope["high"] < 1:
        sure = f"the answers are surer than they may be (slope {number(slope['value'], 2)}, not 1)"
    elif slope["low"] > 1:
        sure = f"the answers could be surer (slope {number(slope['value'], 2)}, not 1)"
    else:
        sure = f"the answers are as sure as they may be (slope {number(slope['value'], 2)})"
    share = ""
    if shift["low"] > 0:
        share = ", FAKE is called too rarely"
    elif shift["high"] < 0:
        share = ", FAKE is called too often"
    if gain["low"] > 0:
        saved = f"recalibrating would save {number(gain['value'])} of the log loss"
    else:
        saved = "recalibrating would save nothing that can be shown"
    return f"{name}: {sure}{share}, and {saved}."


def _table(told: Measures, stages: list[str]) -> Table:
    def cells(stage: str, measure: str) -> tuple[str, str]:
        row = told[stage][measure]
        return number(row["value"]), f"{number(row['low'], 3)} to {number(row['high'], 3)}"

    names = ["calibrated" if stage == "calibrated" else "before" for stage in stages]
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
    stack = contents.stack
    if stack is None:
        return []
    who = "asked for" if contents.robust is None else "chosen by --robust"
    asked = stack["settings"]["calibration"]
    if asked != "auto":
        what = _CALIBRATORS.get(asked)
        return [
            f"No calibrator was fitted, as {who}."
            if what is None
            else f"The calibrator is the one {who}, {asked}: it {what}."
        ]
    notes = [note for note in stack["notes"] if note.startswith("Calibration: ")]
    taken = notes[0].removeprefix("Calibration: ").split(",")[0].split(" ")[0] if notes else ""
    what = _CALIBRATORS.get(taken)
    explained = "" if what is None else f" {taken.capitalize()} {what}."
    return [f"{note}{explained}" for note in notes[:1]]
