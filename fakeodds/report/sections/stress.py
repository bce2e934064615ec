"""What altered videos cost, how far the answers move, and which detector breaks first."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Section, Table, Words, cell
from fakeodds.view.figures import CLOUD, GREY, SERIES, STRONG, row_axes
from fakeodds.view.format import apart_in_figure, as_floats, in_figure, interval, number, shorten
from fakeodds.view.stressed import first_sentences, is_shown, signed_change, told_change
from stacking.estimate.stages import SHIPPED, single_stage

#: Detectors that a figure has colours for.
_DRAWN = len(SERIES)
_HOLDS = "holds"


def build(contents: Contents) -> Section | None:
    """The stack at every strength of every alteration; the detectors; the hardened stack."""
    found = contents.stress
    if found is None:
        return None
    steps = prepare_strengths(found)
    areas = prepare_areas(found)
    parts: list[Part] = [
        Figure(
            "stress",
            "Log loss of what is submitted",
            "A dot a strength, from mild (light) to strong (dark); bars are 95 % intervals over "
            "groups. The line is the videos as they are, the dotted one saying the share of fakes.",
            partial(_plot_strengths, steps=steps, found=found),
            steps,
            size=(4.6, 1.2 + 0.34 * steps["alteration"].nunique()),
        ),
        Figure(
            "stress_detectors",
            "Each detector at the strongest",
            "AUC of each detector by itself; the first line is the videos as they are. At .5 a "
            "detector tells nothing.",
            partial(_plot_areas, areas=areas),
            areas,
            size=(4.6, 1.7 + 0.34 * areas["altered"].nunique()),
        ),
        Table.of(
            steps,
            {
                "altered": cell("name", shorten),
                "log loss": cell("log_loss", number),
                "95 % interval": interval,
                "than as they are": cell("told"),
                "AUC": cell("auc", number, 3),
                "smooth ECE": cell("smooth_ece", number, 3),
                "shift": cell("in_the_large", number, 2),
                "moves by": cell("median", number, 3),
                "nine in ten below": cell("most", number, 3),
                "to FAKE": cell("to_fake"),
                "to REAL": cell("to_real"),
                "seen": cell("seen"),
            },
            strong=[0],
            title="What is submitted",
            note="A question mark: the difference may be chance (its paired 95 % interval holds "
            "0). Shift: of the logits, that would make the mean right. Moves by: of the "
            "probability, the median and what nine in ten videos stay below; then how many came "
            "over .5. Seen: videos with any score.",
        ),
        Table(
            ("altered", *(shorten(name, 24) for name in found["detectors"])),
            prepare_breaks(found),
            title="Where each detector breaks",
            note="The first strength at which its log loss, through a map of its own that was "
            "learned on videos as they are, is shown to be higher than on the same videos as they "
            "are (95 %), and by how much. Among many looks, a few are chance.",
        ),
        *_hardened(contents.hardened),
    ]
    return Section("stress", "Under stress", _lead(found, steps), parts)


def prepare_strengths(found: Mapping[str, Any]) -> pd.DataFrame:
    """A row the videos as they are, then a row a strength of an alteration, of what is submitted.

    Returns:
        `name`, `alteration` (empty of the first), `strength`, `unit`, `step` (1 the mildest);
        `log_loss`, `low`, `high`; `change` and `told` (in words); `auc`, `smooth_ece`,
        `in_the_large`; `median`, `most`, `to_fake`, `to_real` (see `movement`), `seen` (videos).
    """
    rows = []
    steps: dict[str, int] = {}
    for one in ({"name": "as they are", **found["clean"]}, *found["alterations"]):
        measures = one["stages"][SHIPPED]
        loss, change = as_floats(measures["log_loss"]), measures.get("change")
        moved = one.get("moved", {})
        kind = one.get("alteration", "")
        steps[kind] = steps.get(kind, 0) + 1
        rows.append(
            {
                "name": one["name"],
                "alteration": kind,
                "strength": one.get("strength"),
                "unit": one.get("unit", ""),
                "step": steps[kind] if kind else 0,
                "log_loss": loss["value"],
                "low": loss["low"],
                "high": loss["high"],
                "change": np.nan if change is None else change["value"],
                "told": "" if change is None else told_change(change),
                **{
                    name: as_floats(measures[name])["value"]
                    for name in ("auc", "smooth_ece", "in_the_large")
                },
                "median": moved.get("median", np.nan),
                "most": moved.get("most", np.nan),
                "to_fake": str(moved.get("to_fake", "")),
                "to_real": str(moved.get("to_real", "")),
                "seen": f"{one['seen']:,}",
            }
        )
    return pd.DataFrame(rows)


def prepare_areas(found: Mapping[str, Any]) -> pd.DataFrame:
    """`altered`, `detector`, `auc`: of the videos as they are, and at the strongest of each."""
    strongest = {one["alteration"]: one for one in found["alterations"]}
    shown = {"as they are": found["clean"], **{one["name"]: one for one in strongest.values()}}
    return pd.DataFrame(
        [
            {
                "altered": name,
                "detector": detector,
                "auc": as_floats(one["stages"][single_stage(detector)]["auc"])["value"],
            }
            for name, one in shown.items()
            for detector in found["detectors"]
        ]
    )


def prepare_breaks(found: Mapping[str, Any]) -> list[list[str]]:
    """A row an alteration: of each detector the strength at which it breaks; bold is not needed.

    The one that breaks first is marked.
    """
    rows = []
    for alteration in dict.fromkeys(one["alteration"] for one in found["breaks"]):
        of = {one["detector"]: one for one in found["breaks"] if one["alteration"] == alteration}
        cells = []
        for detector in found["detectors"]:
            one = of[detector]
            told = _HOLDS
            if one["at"] is not None:
                told = f"{one['at']} (+{number(one['change']['value'], 3)})"
            cells.append(f"{told}, first" if one["first"] else told)
        rows.append([shorten(alteration, 24), *cells])
    return rows


def _lead(found: Mapping[str, Any], steps: pd.DataFrame) -> str:
    clean, altered = steps.iloc[0], steps.iloc[1:]
    worst = altered.iloc[int(altered["log_loss"].to_numpy().argmax())]
    lead = (
        f"On {found['videos']:,} videos as they are the log loss is {number(clean['log_loss'], 3)};"
        f" altered it is {number(altered['log_loss'].min(), 3)} to {number(worst['log_loss'], 3)} "
        f"({shorten(worst['name'])}). Saying the share of fakes costs "
        f"{number(found['knowing_nothing'], 3)}."
    )
    told = [sentence for sentence in first_sentences(found) if "breaks first" in sentence]
    return " ".join([lead, *(told[:1] or ["No detector is shown to break."])])


def _hardened(found: Mapping[str, Any] | None) -> list[Part]:
    if found is None:
        return []
    known = found["known"]
    rows = [("videos as they are", known["clean"]), ("altered, as it was taught", known["altered"])]
    if found["unknown"] is not None:
        rows.append(("altered, by kinds it was not taught", found["unknown"]["altered"]))
    rows += [(shorten(name), known["copies"][name]) for name in found["names"]]
    return [
        Table(
            ("judged on", "the stack", "hardened", "difference", "95 % interval"),
            [
                [
                    name,
                    number(one["plain"]["value"]),
                    number(one["hardened"]["value"]),
                    signed_change(one["change"]),
                    interval(one["change"]),
                ]
                for name, one in rows
            ],
            strong=list(range(len(rows) - len(found["names"]))),
            title="A stack that was taught on altered copies too (--harden)",
            note="Both out of fold; below 0 the hardened one is better. What is submitted is the "
            "stack; the hardened one lies in hardened/, where fakeodds apply takes it.",
        ),
        *_worth(found),
    ]


def _worth(found: Mapping[str, Any]) -> list[Part]:
    """What hardening does, and when to take it: only where a gain is shown."""
    known, unknown = found["known"], found["unknown"]
    cost, gain = known["clean"]["change"], known["altered"]["change"]
    words = (
        f"Hardening makes videos as they are {told_change(cost)}, altered ones {told_change(gain)}"
    )
    if unknown is not None:
        others = told_change(unknown["altered"]["change"])
        words += f", and altered ones of kinds it was not taught {others}"
    is_gain = is_shown(gain) and gain["value"] < 0
    return [
        Words(
            f"{words}. "
            + (
                "Take it where videos altered so are what will come."
                if is_gain
                else "No gain is shown, so nothing speaks for it."
            )
        )
    ]


def _plot_strengths(canvas: Any, steps: pd.DataFrame, found: Mapping[str, Any]) -> None:
    altered = steps[steps["step"] > 0]
    kinds = list(dict.fromkeys(altered["alteration"]))
    axes, at = row_axes(canvas, apart_in_figure(kinds, 18), "log loss")
    axes.axvline(steps["log_loss"].iloc[0], color=STRONG, linewidth=1.2)
    axes.axvline(found["knowing_nothing"], color=GREY, linestyle=":", linewidth=1.6)
    for kind, height in zip(kinds, at, strict=True):
        rows = altered[altered["alteration"] == kind]
        axes.plot(rows["log_loss"], [height] * len(rows), color=CLOUD, linewidth=1.2, zorder=1)
        for number_of, row in enumerate(rows.to_dict(orient="records")):
            light = number_of < len(rows) - 1
            colour = SERIES[0] if light else STRONG
            axes.errorbar(
                row["log_loss"],
                height,
                xerr=[[row["log_loss"] - row["low"]], [row["high"] - row["log_loss"]]],
                fmt="o",
                color=colour,
                alpha=(number_of + 1) / len(rows),
                markersize=5,
                elinewidth=1.0,
            )


def _plot_areas(canvas: Any, areas: pd.DataFrame) -> None:
    names = list(dict.fromkeys(areas["altered"]))
    axes, at = row_axes(canvas, apart_in_figure(names, 18), "AUC")
    axes.axvline(0.5, color=GREY, linestyle=":", linewidth=1.6)
    detectors = list(dict.fromkeys(areas["detector"]))[:_DRAWN]
    for colour, detector in zip(SERIES, detectors, strict=False):
        own = areas[areas["detector"] == detector]
        axes.plot(own["auc"], at, "o", color=colour, markersize=5, label=in_figure(detector, 20))
    canvas.legend(loc="outside lower center", ncols=2, frameon=False)
