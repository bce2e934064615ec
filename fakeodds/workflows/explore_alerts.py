"""What to beware of in a dataset before anything is trained on it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from fakeodds.workflows.alerts import examples_of, groups_noted
from predictions.notes import Note, NoteKind

SAME_PICTURES = NoteKind(
    "alerts.same-pictures",
    "{n:set} of videos of several groups show the same pictures ({examples}): folds would part "
    "them, and a detector is judged by what it has learned; give them one group, or leave some "
    "out.",
)


def explore_alerts(found: Mapping[str, Any], videos: pd.DataFrame) -> list[Note]:
    """The alerts on a dataset, the gravest first.

    Args:
        found: of `base_models.explore.explore`.
        videos: of the dataset: `video`, `group` and perhaps `label` (1 = FAKE).
    """
    notes = []
    known = videos.dropna(subset=["label"]) if "label" in videos else None
    if known is not None and "group" in known and known["label"].nunique() == 2:
        names = known["video"].astype(str).tolist()
        notes += groups_noted(known["group"], known["label"].astype(float), names)
    doubles = [[one["video"] for one in row["videos"]] for row in found["doubles"]["across_groups"]]
    if doubles:
        notes.append(SAME_PICTURES(n=len(doubles), examples=examples_of(doubles)))
    return notes
