"""The ids of one file, as another file writes them."""

from collections import Counter
from collections.abc import Mapping

import pandas as pd

from predictions.notes import Note, NoteKind
from predictions.tables.names import VideoNames
from predictions.words import count

SPELLED = NoteKind(
    "scores.spelled",
    lambda file, spelled: (
        f"{file}: {count(len(spelled), 'id')} spelled otherwise than before, "
        + ", ".join(f"{name!r} for {video!r}" for name, video in list(spelled.items())[:2])
        + ("." if len(spelled) < 3 else ", ...")
    ),
)


def spellings(ids: pd.Index, known: pd.Index, *, all_known: bool = False) -> dict[str, str]:
    """Those `ids` that are videos of `known` under another name -> the name there.

    Other letters of the same path (case, composition, slashes) are another spelling. So is a path
    without its first folders or its ending (`VideoNames.spelled`), where no id is there to the
    letter, or where each of the others is: else files name videos alike, and it is another video.

    Args:
        ids: of a further file; they may be of other videos.
        known: of the files before it.
        all_known: whether none of them can be of other videos: then any name that fits one will do.
    """
    strange = ids.difference(known, sort=False)
    if strange.empty:
        return {}
    names, alike = VideoNames(map(str, known)), len(strange) < len(ids)
    renames: dict[str, str] = {}
    same_paths = set()
    for name in map(str, strange):
        video, same_path = names.spelled(name)
        if video is None and all_known and not alike:
            fits = names.fitting(name)
            video = fits[0] if len(fits) == 1 else None
        if video is not None:
            renames[name] = video
            same_paths |= {name} if same_path else set()
    # Two names of one video are two videos that only look alike.
    taken = Counter([*renames.values(), *map(str, ids.intersection(known))])
    renames = {name: video for name, video in renames.items() if taken[video] == 1}
    if alike and len(renames) < len(strange):
        return {name: video for name, video in renames.items() if name in same_paths}
    return renames


def respelled(table: pd.DataFrame, spelled: Mapping[str, str]) -> pd.DataFrame:
    """The table with the ids of its index as they are spelled elsewhere."""
    if not spelled:
        return table
    index = pd.Index([spelled.get(str(name), name) for name in table.index], name="video")
    return table.set_axis(index, axis=0)


def note_spellings(file: str, spelled: Mapping[str, str]) -> list[Note]:
    """What is told of them."""
    return [SPELLED(file=file, spelled=dict(spelled))] if spelled else []
