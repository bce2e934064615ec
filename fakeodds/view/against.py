"""One column of probabilities against another, in words and in the terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from fakeodds.view import terminal
from fakeodds.view.calibrators import p_value
from fakeodds.view.format import interval, number, shorten, signed, thousands
from predictions.words import count as counted

#: Measures -> what they are called; of the last one more is better.
TITLES = {"log_loss": "log loss", "brier": "Brier", "auc": "AUC"}

#: A difference is shown from this p-value down.
LEVEL = 0.05

#: Nobody has so many more videos.
_FURTHEST = 5_000_000

#: With fewer groups no p-value can be that small.
LEAST_GROUPS = 6


def print_against(found: Mapping[str, Any]) -> None:
    """Each pair of against.json: a row a measure and what it tells; 80 columns at most."""
    pairs = pd.DataFrame(found["pairs"])
    sides = {side["name"]: side for side in found["sides"]}
    several = pairs[["first", "second"]].drop_duplicates()
    terminal.say(
        f"On {thousands(found['rows'], 'video')} of {thousands(found['groups'], 'group')}, out of "
        "fold:"
    )
    for first, second in several.itertuples(index=False):
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", no_wrap=True)
        p = "p" if len(several) == 1 else "p (Holm)"
        for name in ("first", "second", "difference", "95 % interval", p, "more videos"):
            table.add_column(name, justify="right", no_wrap=True)
        mine = pairs[(pairs["first"] == first) & (pairs["second"] == second)]
        rows = mine.to_dict(orient="records")
        for row in rows:
            table.add_row(
                TITLES[row["measure"]],
                number(sides[first][row["measure"]]["value"]),
                number(sides[second][row["measure"]]["value"]),
                _signed(row["difference"]),
                interval(row),
                p_value(_known(row["holm_p"])),
                further_videos(row),
            )
        terminal.say(f"first: {shorten(first, 72)}")
        terminal.say(f"second: {shorten(second, 71)}")
        terminal.out.print(table)
        terminal.say(in_words(rows[0], found["groups"]))


def further_videos(row: Mapping[str, Any]) -> str:
    """How many more videos would show the difference; `told apart` where it is shown."""
    if is_shown(row):
        return "told apart"
    further = _known(row["further_videos"])
    if not math.isfinite(further) or not further:
        return "-"
    return "millions" if further > _FURTHEST else f"+{_rounded(further)}"


def is_shown(row: Mapping[str, Any]) -> bool:
    """Whether a difference of against.json is more than chance."""
    return _known(row["holm_p"]) <= LEVEL


def is_better(row: Mapping[str, Any]) -> bool:
    """Whether the first looks better than the second."""
    return bool((row["difference"] > 0) == (row["measure"] == "auc"))


def in_words(row: Mapping[str, Any], groups: int) -> str:
    """What a measure tells of a pair, in a sentence."""
    title, p = TITLES[row["measure"]], p_value(_known(row["holm_p"]))
    if row["difference"] is None or math.isnan(row["difference"]):
        return f"There is no {title} of one label."
    first, second = (escape(shorten(row[side], 40)) for side in ("first", "second"))
    if is_shown(row):
        word = "better" if is_better(row) else "worse"
        # What is shown has both ends on one side of 0.
        near, far = sorted((abs(row["low"]), abs(row["high"])))
        return (
            f"{first} is {word} than {second}: by {number(abs(row['difference']))} in {title} "
            f"(95 %: {interval({'low': near, 'high': far})}; p {p})."
        )
    told = f"The {title} does not tell {first} and {second} apart (p {p})."
    if groups < LEAST_GROUPS:
        return f"{told} With fewer than {LEAST_GROUPS} groups nothing could."
    further = _known(row["further_videos"])
    if not math.isfinite(further) or not further:
        return told
    if further > _FURTHEST:
        return f"{told} A difference as small as it looks would take millions of videos to show."
    return (
        f"{told} If the difference is as large as it looks, {_rounded(further)} more videos like "
        "these would show it in 4 of 5 cases."
    )


def set_in_words(subsets: pd.DataFrame) -> str:
    """Which ensembles may be the best; `subsets`: of compare.json, with `models` and marks."""
    kept = subsets[subsets["confidence_set"]]
    fewest = kept.sort_values(["size", "log_loss"], kind="stable").iloc[0]
    if len(kept) == 1:
        return f"{', '.join(fewest['models'])} is better than all other ensembles (95 %)."
    marks = {
        name: bool(subsets.loc[subsets[name], "confidence_set"].iloc[0])
        for name in ("recommended", "smallest")
    }
    inside = [
        {"recommended": "the recommended one", "smallest": "the fewest that do as well"}[name]
        for name, there in marks.items()
        if there
    ]
    among = f", {' and '.join(inside)} among them" if inside else ""
    which = f"These {len(kept):,} of {len(subsets):,} ensembles"
    if len(kept) == len(subsets):
        which = f"All {len(subsets):,} ensembles"
    size = counted(int(fewest["size"]), "detector")
    return (
        f"{which} cannot be told from the best (95 %){among}; the smallest of them has {size}: "
        f"{', '.join(fewest['models'])}."
    )


def _signed(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else signed(value)


def _known(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _rounded(count: float) -> str:
    """Two digits of a number of videos: more of them are not known."""
    return f"{float(f'{count:.2g}'):,.0f}"


def listed_pairs(pairs: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """The pairs of against.json, each once."""
    return list(dict.fromkeys((row["first"], row["second"]) for row in pairs))
