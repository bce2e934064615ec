"""What two runs said of the same videos, out of fold, and which of them cost less."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.videos import losses
from predictions.notes import Note, NoteKind

CONTRADICTED = NoteKind(
    "several.contradicted",
    "{videos:video} of {n} with another label in {first} than in {second} ({videos:quoted}): "
    "either one of the runs learned from wrong labels, or these are other videos of the same "
    "names. They are left out of the difference.",
)


def paired_difference(first: pd.DataFrame, second: pd.DataFrame) -> dict[str, Any]:
    """The log loss of the first run less that of the second, on the videos that both judged.

    Both are out of fold. Videos that either run holds together are drawn together.

    Args:
        first, second: of `Contents.oof`, with the column `calibrated`.

    Returns:
        `videos` (shared, with the same label in both), `contradicted` (the ids of those shared
        that have another one) and, where there are shared videos, `groups`, `first` and `second`
        (log loss, nats), and their `difference` with its 95 % interval `low`, `high` (None of a
        single group).
    """
    from calibration import mean_interval
    from predictions import connected_groups

    shared = first.index.intersection(second.index).sort_values()
    one, other = first.loc[shared], second.loc[shared]
    same = (one["label"] == other["label"]).to_numpy()
    contradicted = shared[~same].astype(str).tolist()
    found: dict[str, Any] = {"videos": int(same.sum()), "contradicted": contradicted}
    one, other = one[same], other[same]
    if one.empty:
        return found
    links = {"video": one.index, "of_first": one["group"], "of_second": other["group"]}
    groups = connected_groups(pd.DataFrame(links, index=one.index), links=("of_first", "of_second"))
    of_first, of_second = losses(one), losses(other)
    gap = mean_interval((of_first - of_second).to_numpy(), groups.to_numpy())
    ends = {"low": gap.low, "high": gap.high}
    return {
        **found,
        "groups": int(groups.nunique()),
        "first": float(of_first.mean()),
        "second": float(of_second.mean()),
        "difference": gap.value,
        **{name: end if math.isfinite(end) else None for name, end in ends.items()},
    }


def all_differences(runs: dict[str, Contents]) -> list[dict[str, Any]]:
    """`paired_difference` of every two runs, with their names as `of`."""
    known = {name: run.oof for name, run in runs.items() if run.oof is not None}
    return [
        {"of": [one, other], **paired_difference(known[one], known[other])}
        for one, other in combinations(known, 2)
    ]


def contradictions(differences: Sequence[Mapping[str, Any]]) -> list[Note]:
    """What to beware of where runs know other labels of the same videos."""
    return [
        CONTRADICTED(
            videos=one["contradicted"],
            n=one["videos"] + len(one["contradicted"]),
            first=one["of"][0],
            second=one["of"][1],
        )
        for one in differences
        if one["contradicted"]
    ]


def verdict(difference: dict[str, Any]) -> str:
    """What a difference shows, in words."""
    one, other = difference["of"]
    if "difference" not in difference:
        return "no video in common"
    if difference["high"] is None:
        return "nothing, of a single group"
    if difference["high"] < 0:
        return f"{one} costs less"
    if difference["low"] > 0:
        return f"{other} costs less"
    return "nothing"
