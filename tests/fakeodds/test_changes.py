"""What is told of videos that changed since a folder was used the last time."""

import pandas as pd

from fakeodds.workflows.changes import changes_between


def table(**labels: float | None) -> pd.DataFrame:
    names = list(labels)
    return pd.DataFrame({"video": names, "label": list(labels.values()), "group": names})


def test_what_came_went_and_was_corrected_is_told_by_name() -> None:
    before, now = table(a=1, b=0, c=1, d=None), table(b=1, c=1, d=0, e=0)
    (note,) = changes_between(before, now)
    assert str(note) == (
        "Videos since the last time: 1 came (e); 1 are gone (a); 2 have another label (b: REAL to "
        "FAKE, d: none to REAL)."
    )
    (note,) = changes_between(before, before.assign(group=["a", "b", "b", "d"]))
    assert note.facts["groups"] == ["c"]


def test_nothing_is_told_of_the_same_videos() -> None:
    same = table(a=1, b=None)
    assert changes_between(same, same.iloc[::-1]) == []
    unlabelled = same.drop(columns=["label", "group"])
    assert changes_between(unlabelled, unlabelled) == []
