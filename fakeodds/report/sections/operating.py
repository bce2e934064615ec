"""Operating points: the threshold for a stated rate of errors, and what it delivers."""

from functools import partial
from typing import Any

import pandas as pd

from calibration.decisions.aim import Aim
from fakeodds.report.contents import Contents
from fakeodds.report.elements import Actions, Figure, Part, Section, Table, Words, cell
from fakeodds.view.decided import MEASURES, aim_in_words, bound, rate, rule_in_words, share
from fakeodds.view.figures import FAKE, STRONG, plain_axes
from fakeodds.view.format import interval, number, percent
from fakeodds.workflows.decide import NOT_PROMISED, OF_NEW_KINDS, altered_rates, judge_aim
from predictions.notes import note_from_json

#: Points of the curve that are drawn.
_POINTS = 400


def build(contents: Contents) -> Section | None:
    """Thresholds for stated rates, the measures of detection challenges, errors by coverage."""
    oof = contents.oof
    if oof is None or "calibrated" not in oof or oof["label"].nunique() < 2:
        return None
    chosen = contents.decide
    judged = chosen or judge_aim(oof, Aim())
    parts: list[Part] = []
    if chosen is None:
        command = f"fakeodds decide {contents.run.path} --false-alarms 1%"
        parts.append(Actions([("To decide by a rate, and have decisions.csv written:", command)]))
    else:
        parts += [Words(str(note_from_json(promise))) for promise in chosen["promises"]]
    parts += [
        _points(judged, chosen is not None),
        *_altered(contents),
        _coverage(oof),
        _measures(judged["measures"]),
        Words(str(OF_NEW_KINDS())),
    ]
    return Section("operating", "Operating points", _lead(judged, chosen is not None), parts)


def prepare_coverage(oof: pd.DataFrame) -> pd.DataFrame:
    """The curve of `calibration.risk_coverage` of the calibrated answers, at most 400 points."""
    from calibration import risk_coverage

    curve = risk_coverage(oof["label"], oof["calibrated"])
    step = max(1, len(curve) // _POINTS)
    return pd.concat([curve.iloc[::step], curve.iloc[-1:]]).drop_duplicates(ignore_index=True)


def _lead(judged: dict[str, Any], is_chosen: bool) -> str:
    if is_chosen:
        delivered = judged["delivered"]
        return (
            f"Decided by {rule_in_words(judged['rule'])} (asked: {aim_in_words(judged['aim'])}). "
            f"On folds that had no say in it, {rate(delivered['false_alarms'])} of the real videos "
            f"are called FAKE and {rate(delivered['misses'])} of the fakes REAL."
        )
    one = next(point for point in judged["points"] if point["aim"] == {"false_alarms": 0.01})
    return (
        f"With false alarms held to 1 %, {rate(one['delivered']['misses'])} of the fakes are "
        f"missed (FAKE above {bound(one['rule']['high'])})."
    )


def _points(judged: dict[str, Any], is_chosen: bool) -> Table:
    points = [*([judged] if is_chosen else []), *judged["points"], *judged["coverage"]]
    rows = pd.DataFrame(
        {
            "asked": [aim_in_words(one["aim"]) for one in points],
            "rule": [rule_in_words(one["rule"]) for one in points],
            "promised": [_promised(one) for one in points],
            **{
                name: [rate(one["delivered"][name]) for one in points]
                for name in ("false_alarms", "misses")
            },
            **{
                name: [share(one["delivered"][name]) for one in points]
                for name in ("errors", "undecided")
            },
        }
    )
    return Table.of(
        rows,
        {
            "asked": cell("asked"),
            "rule": cell("rule"),
            "promised": cell("promised"),
            "false alarms": cell("false_alarms"),
            "misses": cell("misses"),
            "called wrong": cell("errors"),
            "undecided": cell("undecided"),
        },
        texts=(0, 1, 2),
        strong=(0,) if is_chosen else (),
        title="Thresholds for a stated rate",
        note="What each delivers is counted on folds that had no say in the threshold, with 95 % "
        "intervals over groups (Korn and Graubard). Promised “on average”: for new groups like "
        "these, whatever their scores are like; “no”: there are too few groups to promise so "
        "little (errors among the called are promised with --confidence only), and the threshold "
        "keeps to the rate on these videos.",
    )


def _altered(contents: Contents) -> list[Part]:
    """What the rule delivers on altered videos, where there is one and `stress` judged them."""
    rates = altered_rates(contents.run)
    if not rates:
        return []
    names = ("false_alarms", "misses", "errors", "undecided")
    shown = {name: [rate(one[name]) for one in rates] for name in names}
    rows = pd.DataFrame({"name": [one["name"] for one in rates], **shown})
    return [
        Table.of(
            rows,
            {
                "videos": cell("name"),
                "false alarms": cell("false_alarms"),
                "misses": cell("misses"),
                "called wrong": cell("errors"),
                "undecided": cell("undecided"),
            },
            strong=(0,),
            title="The same rule on altered videos",
            note="Each video is decided, with all its copies, by the rule that other folds chose "
            "on videos as they are. A rate that was promised is promised for those.",
        )
    ]


def _promised(one: dict[str, Any]) -> str:
    promises = one["promises"]
    if not promises:
        return "-"
    if NOT_PROMISED.among(map(note_from_json, promises)):
        return "no"
    sure = one["aim"].get("confidence")
    return "on average" if sure is None else f"in {percent(sure)} of cases"


def _measures(measures: dict[str, dict[str, float]]) -> Table:
    rows = pd.DataFrame(
        [{"name": words, **measures[measure]} for measure, words in MEASURES.items()]
    )
    return Table.of(
        rows,
        {
            "measure": cell("name"),
            "value": cell("value", number),
            "95 % interval": lambda row: interval(row),
        },
        title="As papers on detection report it",
        note="minDCF and actDCF with the costs of ASVspoof 5 (5 % fakes, a miss costs ten times a "
        "false alarm; 1: as good as looking at nothing). Cllr counts both labels alike; its part "
        "above minCllr is lost to miscalibration.",
    )


def _coverage(oof: pd.DataFrame) -> Figure:
    data = prepare_coverage(oof)
    return Figure(
        "risk_coverage",
        "Errors if only the surest are called",
        "How many of the called videos are called wrong, if so many are called, the surest first, "
        "and the others are left to people. The dotted line: all are called.",
        partial(_plot_coverage, data=data),
        data,
        size=(4.6, 3.2),
    )


def _plot_coverage(canvas: Any, data: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    axes.plot(data["coverage"], data["risk"], color=STRONG, linewidth=2.0)
    every = float(data["risk"].iloc[-1])
    axes.axhline(every, color=FAKE, linestyle=":", linewidth=1.2)
    axes.set(
        xlim=(0, 1.01), ylim=(0, 1.15 * max(float(data["risk"].max()), 0.001)),
        xlabel="share of videos that are called", ylabel="called wrong",
    )  # fmt: skip
