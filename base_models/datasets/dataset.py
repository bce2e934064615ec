"""What the readers of datasets return."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from predictions.notes import Note

#: The pictures of each video, relative to the dataset's root, in order.
CropFiles = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Listing:
    """What a layout reads from a folder or a CSV.

    Attributes:
        videos: one row a video: `video` and what else is known of it, its types not yet settled.
        notes: decisions to show.
        crops: for face crops instead of videos, the pictures of each video.
        source: the file that errors about the table name, where it is not the dataset's path.
        left_out: id of a file or folder (`.`: of all) -> why it was not taken.
    """

    videos: pd.DataFrame
    notes: list[Note] = field(default_factory=list)
    crops: CropFiles | None = None
    source: Path | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Dataset:
    """Videos on disk and what is known of them.

    Attributes:
        root: the folder that the ids in `videos` are relative to.
        videos: one row a video, as `predictions.tables.videos` describes it; `group` is complete,
            and keeps fakes together with their originals and everything else linked to them.
        notes: decisions to show.
        layout: name of the layout it was read in.
        crops: for face crops instead of videos, the pictures of each video, relative to `root`.

    Examples:
        >>> from pathlib import Path
        >>> import pandas as pd
        >>> from base_models.datasets import Dataset
        >>> Dataset(Path("videos"), pd.DataFrame({"video": ["a.mp4"], "label": [1]})).layout
        'plain'
    """

    root: Path
    videos: pd.DataFrame = field(repr=False)
    notes: list[Note] = field(default_factory=list)
    layout: str = "plain"
    crops: CropFiles | None = field(default=None, repr=False)

    def files(self, video: str) -> tuple[str, ...]:
        """The files of a video, relative to `root`: itself, or its face crops."""
        return (video,) if self.crops is None else self.crops[video]
