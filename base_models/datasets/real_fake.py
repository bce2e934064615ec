"""A folder with `real/` and `fake/` in it, or `Real Videos/` and `Fake Videos/`."""

from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.label_folders import PEOPLE, labelled_folders, people_below
from base_models.datasets.plain import list_videos
from predictions.errors import InputError


def find(folder: Path) -> dict[str, int]:
    """The two folders by name, with their labels; empty when it is not this layout.

    Any case of the names will do, and any words of their labels (`label_folders.label_of`).
    """
    labels = labelled_folders(folder)
    return labels if set(labels.values()) == {0, 1} else {}


def read(folder: Path) -> Listing:
    """One row a video: `video` (relative to `folder`), `label`, and `group`, where the folders in
    the two are of people.

    Raises:
        InputError: one of the two folders holds no video.
    """
    videos: dict[str, list[str]] = {}
    labels = find(folder)
    for name in sorted(labels):
        videos[name] = list_videos(folder / name)
        if not videos[name]:
            raise InputError("there is no video in it", file=folder / name, remedy="put some there")
    rows = [(f"{name}/{video}", labels[name]) for name in videos for video in videos[name]]
    table = pd.DataFrame(rows, columns=["video", "label"])
    by_label: dict[int, list[str]] = {0: [], 1: []}
    for name, below in videos.items():
        by_label[labels[name]] += below
    people = people_below(by_label[0], by_label[1])
    if not people:
        return Listing(table)
    second = [PurePosixPath(video).parts[1] for video in table["video"]]
    group = [name if name in people else None for name in second]
    table = table.assign(group=pd.array(group, dtype="string"))
    return Listing(table, [PEOPLE(names=sorted(people))])
