"""What every adapter returns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """Videos on disk and what is known of them.

    Attributes:
        root: the folder that the ids in `videos` are relative to.
        videos: one row a video, as `predictions.tables.videos` describes it; `group` is complete,
            and keeps fakes together with their originals and everything else linked to them.
        notes: one sentence for every decision that the user should see.
        layout: name of the layout it was read in.
        crops: for face crops instead of videos, the pictures of each video, relative to `root`.
    """

    root: Path
    videos: pd.DataFrame = field(repr=False)
    notes: list[str] = field(default_factory=list)
    layout: str = "plain"
    crops: Mapping[str, tuple[str, ...]] | None = field(default=None, repr=False)

    def files(self, video: str) -> tuple[str, ...]:
        """The files of a video, relative to `root`: itself, or its face crops."""
        return (video,) if self.crops is None else self.crops[video]
