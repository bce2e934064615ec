"""A folder a person, with the person's real and fake videos in folders of their own.

anna/real/1.mp4
anna/fake/1.mp4
bert/real/...
"""

from pathlib import Path

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.label_folders import (
    LEAST_PEOPLE,
    PEOPLE,
    labelled_folders,
    may_be_person,
)
from base_models.datasets.plain import list_videos


def find(folder: Path) -> list[str]:
    """The people's folders; empty when it is not this layout.

    Each folder is one, none is a split (`train`) or a part, and there are four at least: fewer may
    be datasets.
    """
    children = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    names = [child.name for child in children if not child.name.startswith(".")]
    labels = [labelled_folders(folder / name) for name in names]
    if len(names) < LEAST_PEOPLE or not all(labels) or not all(map(may_be_person, names)):
        return []
    return names if {label for some in labels for label in some.values()} == {0, 1} else []


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label` and `group`, the person."""
    people = find(folder)
    rows = [
        (f"{person}/{name}/{video}", label, person)
        for person in people
        for name, label in sorted(labelled_folders(folder / person).items())
        for video in list_videos(folder / person / name)
    ]
    return Listing(pd.DataFrame(rows, columns=["video", "label", "group"]), [PEOPLE(names=people)])
