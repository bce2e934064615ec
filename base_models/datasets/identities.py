"""Who is tied to whom when one person's face is put on another."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from predictions.groups import linked
from predictions.notes import Note, NoteKind

FEW_GROUPS = NoteKind(
    "datasets.few-groups",
    lambda people, groups: (
        f"The fakes tie the {people} people into {groups} group{'s' * (groups != 1)}, and folds "
        "never split one; with --identity target only videos of the same filmed person stay "
        "together (the face put on may then be seen on both sides of a fold)."
    ),
)
MISSING_ORIGINALS = NoteKind(
    "datasets.missing-originals",
    "The originals of {n:fake} are not there ({names:few}); fakes of one original still stay "
    "together.",
)


def link_identities(people: Sequence[Sequence[str | None]]) -> list[str | None]:
    """The group of each video: the connected component of the people seen or used in it.

    Args:
        people: for each video its people (or source sequences); None and empty link nobody.

    Returns:
        The smallest name of the component, or None for a video without people.
    """
    rows = [(i, name) for i, names in enumerate(people) for name in names if name]
    if not rows:
        return [None] * len(people)
    video = np.array([i for i, _ in rows])
    code, names = pd.factorize(np.array([name for _, name in rows], object), sort=True)
    n = len(people)
    component = linked(video, code + n, n + len(names))
    # Sorted names: the first one met is the smallest of its component.
    first: dict[int, str] = {}
    for name, number in zip(names, component[n:], strict=True):
        first.setdefault(int(number), str(name))
    return [first.get(int(number)) for number in component[:n]]


def with_identity_groups(
    videos: pd.DataFrame, identity: str, least: int = 5
) -> tuple[pd.DataFrame, list[Note]]:
    """Add `group` from the columns `target` and `source`, where a layout gives them; notes.

    Args:
        videos: one row a video; `target` is who (or which sequence) was filmed, `source` whose
            face or expression was put on it, missing for real videos.
        identity: `both` ties the two together, `target` goes by who was filmed alone.
        least: fewer groups than this are told of.
    """
    if "target" not in videos.columns:
        return videos, []
    columns = ["target", "source"] if identity == "both" else ["target"]
    people = videos[columns].astype(object).where(videos[columns].notna(), None)
    groups = link_identities(people.to_numpy().tolist())
    made = videos.assign(group=pd.array(groups, dtype="string"))
    ids = {name for row in people.to_numpy().tolist() for name in row if name}
    tied = made["group"].dropna().nunique()
    notes = []
    if identity == "both" and len(ids) > tied and tied < least:
        notes.append(FEW_GROUPS(people=len(ids), groups=int(tied)))
    return made, notes


def note_missing_originals(videos: pd.DataFrame) -> list[Note]:
    """A note on fakes whose `original` is not among the videos; they keep its name."""
    original = videos["original"].dropna()
    if original.empty:
        return []
    missing = original[~original.isin(videos["video"])]
    if missing.empty:
        return []
    return [MISSING_ORIGINALS(n=len(missing), names=sorted(missing.unique().tolist()))]
