"""What every adapter returns."""

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class Dataset:
    """Videos on disk and what is known of them.

    Attributes:
        root: the folder that the ids in `videos` are relative to.
        videos: one row a video, as `predictions.videos` describes it; `group` is complete, and
            keeps fakes together with their originals and everything else linked to them.
        notes: one sentence for every decision that the user should see.
    """

    root: Path
    videos: pd.DataFrame = field(repr=False)
    notes: list[str] = field(default_factory=list)
