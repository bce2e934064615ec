"""A folder with `real/` and `fake/` in it."""

from pathlib import Path

import pandas as pd

from base_models.datasets.dataset import Found
from base_models.datasets.plain import list_videos
from predictions.errors import InputError


def find(folder: Path) -> dict[str, int]:
    """The two folders by name, with their labels; empty when it is not this layout.

    Any case of the names will do.
    """
    labels = {"real": 0, "fake": 1}
    found = {
        child.name: labels[child.name.lower()]
        for child in folder.iterdir()
        if child.is_dir() and child.name.lower() in labels
    }
    return found if set(found.values()) == {0, 1} else {}


def read(folder: Path) -> Found:
    """One row a video: `video` (relative to `folder`) and `label`.

    Raises:
        InputError: one of the two folders holds no video.
    """
    rows = []
    for name, label in sorted(find(folder).items()):
        names = list_videos(folder / name)
        if not names:
            raise InputError("there is no video in it", file=folder / name, remedy="put some there")
        rows += [(f"{name}/{video}", label) for video in names]
    return Found(pd.DataFrame(rows, columns=["video", "label"]))
