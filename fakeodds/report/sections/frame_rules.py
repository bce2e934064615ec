"""How one score a video was made of the scores of its frames."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Words, cell
from fakeodds.view.figures import CLOUD, SERIES, STRONG, row_axes
from fakeodds.view.format import better_or_worse, interval, number
from fakeodds.workflows.advice import SHOWN
from predictions.frame_rules import DEFAULT_RULE

#: What each rule does, for somebody who has not read `predictions.frame_rules`.
_MEANING = {
    "mean_logit": "mean of the logits",
    "mean_probability": "mean of the probabilities",
    "median": "median of the logits",
    "trimmed_mean": "mean without the highest and lowest fifth",
    "max": "the most suspicious frame alone",
    "top_mean": "mean of the most suspicious quarter",
    "confident": "only the sure frames, if there are enough (DFDC's winner)",
    "distance_weighted": "sure frames weigh more (third of the DFDC)",
}
_OVER_TRACKS = {
    "max": "the most suspicious face",
    "mean": "mean of the faces",
    "longest": "the face seen longest",
    "pooled": "all faces' frames together",
}
#: Half the width of a 95 % interval, in standard errors.
_HALF_WIDTH = 1.96


def build(contents: Contents) -> Section | None:
    """Every rule from frames to video, out of fold, and which one was taken."""
    found = _rules(contents)
    if found is None:
        return None
    rules, taken = found
    table = prepare_rules(rules, taken)
    name, default = _named(*taken, table), _named(*DEFAULT_RULE, table)
    own = table[table["taken"]].iloc[0]
    best = table.iloc[int(table["log_loss"].to_numpy().argmin())]
    lead = (
        "Detectors score faces in single frames. One score a video was made of them by this rule: "
        f"{name}. "
    )
    if taken != DEFAULT_RULE:
        chance = abs(own["difference"]) <= SHOWN * own["standard_error"]
        lead += (
            "On the outer folds its log loss is "
            f"{better_or_worse(own['difference'], own['standard_error'])} than that of the usual "
            f"rule ({default}){', which may be chance' if chance else ''}."
        )
    elif best["difference"] < 0:
        lead += (
            "On the outer folds the best one for these videos is only "
            f"{number(-best['difference'])} better in log loss (one standard error is "
            f"{number(best['standard_error'])})."
        )
    else:
        lead += "No other rule is better on the outer folds."
    several = table["over_tracks"].nunique() > 1
    parts: list[Part] = [
        Figure(
            "frame_rules",
            "Each rule against the usual one",
            "Difference in log loss on the outer folds, with 95 % intervals of the paired "
            "difference; left of the line is better. "
            + ("Colours: how several faces of one video are put together. " if several else "")
            + "The diamond was taken.",
            partial(_plot_rules, table=table),
            table,
            size=(4.6, 1.0 + (0.52 if several else 0.36) * table["rule"].nunique()),
        ),
        _as_table(table, several),
        Words(
            "The rules are compared by a simple combination of the detectors, so the log losses "
            "here are not those of the whole ensemble. The usual rule stays unless another is "
            "better by more than one standard error on inner folds: those of all videos chose the "
            "one that ships (the terminal says what it gained there), and each fold chose anew "
            "inside. Here every rule is judged on the outer folds, so the numbers differ."
        ),
    ]
    return Section("frame_rules", "Frames to video", lead, parts)


def prepare_rules(rules: list[dict[str, Any]], taken: tuple[str, str]) -> pd.DataFrame:
    """frame_rules.json as a table, best first, with `taken`, true for one row at most."""
    table = pd.DataFrame(rules).drop(columns="chosen", errors="ignore")
    table["taken"] = (table["rule"] == taken[0]) & (table["over_tracks"] == taken[1])
    return table.sort_values("log_loss", kind="stable", ignore_index=True)


def _rules(contents: Contents) -> tuple[list[dict[str, Any]], tuple[str, str]] | None:
    """The judged rules and the one that was taken; None where there is nothing to compare."""
    rules: list[dict[str, Any]]
    if contents.frame_rules is not None and contents.stack is not None:
        rules = contents.frame_rules["rules"]
        taken = contents.stack["about"].get("frames")
    elif contents.compare is not None and contents.compare.get("frame_rules"):
        rules = contents.compare["frame_rules"]["rules"]
        taken = contents.compare["frame_rules"]
    else:
        return None
    if taken is None or len(rules) < 2:
        return None
    chosen = (taken["rule"], taken["over_tracks"])
    if chosen not in [(row["rule"], row["over_tracks"]) for row in rules]:
        return None
    return rules, chosen


def _named(rule: str, over: str, table: pd.DataFrame) -> str:
    told = _MEANING.get(rule, rule)
    if table["over_tracks"].nunique() < 2:
        return told
    return f"{told}; of several faces: {_OVER_TRACKS.get(over, over)}"


def _as_table(table: pd.DataFrame, several: bool) -> Table:
    """Each rule with its best way to put faces together, and the one that was taken."""
    shown = table[~table["rule"].duplicated() | table["taken"]]

    def difference(row: Row) -> str:
        if (row["rule"], row["over_tracks"]) == DEFAULT_RULE:
            return "the usual one"
        return better_or_worse(row["difference"], row["standard_error"])

    return Table.of(
        shown,
        {
            "rule": lambda row: f"{row['rule']}/{row['over_tracks']}" if several else row["rule"],
            "what it does": lambda row: _named(row["rule"], row["over_tracks"], table),
            "log loss": cell("log_loss", number),
            "95 % interval": interval,
            "difference": difference,
        },
        strong=np.flatnonzero(shown["taken"].to_numpy()).tolist(),
        texts=(0, 1),
        title="Rules from frames to video" + (", each with its best over faces" if several else ""),
        note="Bold: taken. Difference: to the usual rule, with one standard error.",
    )


def _plot_rules(canvas: Any, table: pd.DataFrame) -> None:
    rules = list(dict.fromkeys(table["rule"]))[::-1]
    axes, _ = row_axes(canvas, rules[::-1], "difference in log loss to the usual rule")
    over = [name for name in _OVER_TRACKS if name in set(table["over_tracks"])]
    axes.axvline(0, color=CLOUD, linestyle=":", linewidth=1.6)
    for number_, name in enumerate(over):
        own = table[table["over_tracks"] == name]
        offset = 0.6 * ((len(over) - 1) / 2 - number_) / max(len(over), 1)
        at = np.array([rules.index(rule) for rule in own["rule"]]) + offset
        axes.errorbar(
            own["difference"], at, xerr=_HALF_WIDTH * own["standard_error"], fmt="o",
            color=SERIES[number_], markersize=3.5, elinewidth=1.1, label=_OVER_TRACKS[name],
        )  # fmt: skip
        taken = own["taken"].to_numpy()
        axes.plot(own["difference"][taken], at[taken], "D", color=STRONG, markersize=6, zorder=4)
    if len(over) > 1:
        canvas.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
