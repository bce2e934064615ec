"""What is another than the last time in the videos of a folder that is used again."""

from collections.abc import Mapping

import pandas as pd

from predictions.notes import Note, NoteKind
from predictions.words import name_some


def _words(
    came: list[str], gone: list[str], labels: Mapping[str, tuple[str, str]], groups: list[str]
) -> str:
    of_labels = [f"{video}: {old} to {new}" for video, (old, new) in labels.items()]
    parts = {"came": came, "are gone": gone, "have another label": of_labels}
    parts["have another group"] = groups
    known = [f"{len(some)} {what} ({name_some(some, 3)})" for what, some in parts.items() if some]
    return f"Videos since the last time: {'; '.join(known)}."


CHANGED = NoteKind("run.videos-changed", _words)


def changes_between(before: pd.DataFrame, now: pd.DataFrame) -> list[Note]:
    """A note on what changed between two tables of videos; none where nothing did.

    Args:
        before, now: `video`, and `label` (1 = FAKE, 0 = REAL) and `group` where they are known.
    """
    old, new = (table.set_index(table["video"].astype(str)) for table in (before, now))
    both = [video for video in new.index if video in old.index]
    labels = {
        video: (was, said)
        for video in both
        if (was := _label(old, video)) != (said := _label(new, video))
    }
    known = "group" in old and "group" in new
    groups = [v for v in both if known and str(old["group"][v]) != str(new["group"][v])]
    came = [video for video in new.index if video not in old.index]
    gone = [video for video in old.index if video not in new.index]
    if not (labels or groups or came or gone):
        return []
    return [CHANGED(came=came, gone=gone, labels=labels, groups=groups)]


def _label(videos: pd.DataFrame, video: str) -> str:
    label = videos["label"][video] if "label" in videos else None
    return "none" if label is None or pd.isna(label) else ("FAKE" if label == 1 else "REAL")
