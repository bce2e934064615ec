"""The videos whose label the judged ensemble doubts: label_doubts.csv, and what is said of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view.format import percent
from fakeodds.workflows.worth import shows_something
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from stacking.estimate.stages import SHIPPED

#: Videos that a sentence names.
_NAMED = 3

#: So many labels should be wrong before somebody is told: fewer are expected among clean labels,
#: in a fifth of data sets one or more, by detectors with an AUC of .96.
_LEAST_RIGHT = 3.0

#: No label is called wrong more surely than this where somebody reads it: of those at the top some
#: are hard videos (benchmarks/label_errors.py).
_SUREST = 0.95

LABELS_DOUBTED = NoteKind(
    "alerts.labels-doubted",
    lambda n, right, videos: (
        f"{n:,} labels look wrong, and about {right} should be "
        f"({', '.join(map(repr, videos))}{', ...' if n > len(videos) else ''}): out of fold, the "
        "stack contradicts them. Look there; label_doubts.csv has all."
    ),
)


def doubted_labels(oof: pd.DataFrame, metrics: Mapping[str, Any]) -> pd.DataFrame:
    """The doubted rows of an oof.csv, the most doubted first; none where it shows nothing: who
    has not shown to know more than the share of fakes contradicts nobody.

    Args:
        oof: index `video`; label, group and the out-of-fold probability of each stage.
        metrics: of metrics.json, of the same answers.

    Returns:
        Index `video`; `label` (1 = FAKE, as it is given), `group`, `probability` (of FAKE, out of
        fold), `wrong` (probability that the label is wrong), `likely` (whether it is rather wrong
        than right) and `with_group` (whether the group is doubted as a whole).
    """
    from calibration import label_doubts

    ordered = oof.sort_index(kind="stable")
    label = ordered["label"].to_numpy(np.float64)
    doubts = label_doubts(label, ordered[SHIPPED].to_numpy(), ordered["group"].to_numpy())
    before = ordered["stacked" if "stacked" in ordered else SHIPPED].to_numpy()
    order = doubts.order(np.where(label == 1, before, 1 - before))
    table = pd.DataFrame(
        {
            "label": ordered["label"],
            "group": ordered["group"],
            "probability": ordered[SHIPPED],
            "wrong": doubts.wrong,
            "likely": doubts.real,
            "with_group": doubts.with_group,
        },
        index=ordered.index,
    )
    doubted = table.iloc[order[doubts.doubted[order]]]
    return doubted if shows_something(metrics) else doubted.head(0)


def doubts_in_dataset(videos: Iterable[object], path: Path) -> pd.DataFrame:
    """`doubted_labels` of a run, for those of its videos that a dataset has, by their ids there.

    Args:
        videos: ids of the dataset. path: of the run folder.

    Raises:
        InputError: no run, one that is not finished, or of none of these videos; a name that fits
            several of them.
    """
    from predictions.tables.names import VideoNames

    run = RunFolder.existing(path, reads=True)
    run.require("stack")
    oof = run.read_oof()
    names = VideoNames(map(str, videos))
    there = pd.Series({video: names.find(str(video), path) for video in oof.index}, dtype=object)
    if there.isna().all():
        raise InputError(
            "judged none of the videos of this dataset",
            file=path,
            remedy="name the run that they taught",
        )
    doubts = doubted_labels(oof, run.read_metrics())
    own = doubts[there[doubts.index].notna().to_numpy()]
    return own.set_axis(pd.Index(there[own.index], name="video"))


def told_chance(wrong: float) -> str:
    """The probability that a label is wrong, for a table."""
    return f"over {percent(_SUREST)}" if wrong > _SUREST else percent(wrong)


def as_records(doubts: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as JSON values, the most doubted first."""
    told = doubts.assign(
        label=np.where(doubts["label"] == 1, "fake", "real"), group=doubts["group"].astype(str)
    )
    columns = [str(name) for name in told.reset_index()]
    return [dict(zip(columns, row, strict=True)) for row in told.itertuples(name=None)]


def summary_of(doubts: pd.DataFrame) -> dict[str, Any]:
    """Of metrics.json: how many labels are `doubted`, how many of them are rather wrong than right
    (`likely`) and how many of those should be (`right`), and the `groups` doubted as a whole."""
    likely = doubts[doubts["likely"]]
    return {
        "doubted": len(doubts),
        "likely": len(likely),
        "right": float(likely["wrong"].sum()),
        "groups": sorted(doubts.loc[doubts["with_group"], "group"].astype(str).unique()),
    }


def doubts_noted(doubts: pd.DataFrame) -> list[Note]:
    """A note where labels should be wrong, of those that are rather wrong than right."""
    likely = doubts[doubts["likely"]]
    right = float(likely["wrong"].sum())
    if right < _LEAST_RIGHT:
        return []
    named = [str(video) for video in likely.index[:_NAMED]]
    return [LABELS_DOUBTED(n=len(likely), right=round(right), videos=named)]
