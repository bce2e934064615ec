"""The DeepFakeDetection set of Google and Jigsaw (2019): actors, alone or inside FaceForensics++.

Real videos are `NN__scene.mp4` (actor, scene); fakes are `NN_MM__scene__HASH.mp4`: actor NN was
filmed, the face is that of actor MM.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.dataset import Listing
from base_models.datasets.identities import note_missing_originals
from base_models.datasets.plain import list_videos

METHOD = "DeepFakeDetection"

_UNNAMED = "named neither NN__scene nor NN_MM__scene__HASH"

_REAL = re.compile(r"(?P<target>\d{2})__(?P<scene>.+)")
_FAKE = re.compile(
    r"(?P<target>\d{2})_(?P<source>\d{2})__(?P<scene>.+)__(?P<hash>[A-Z0-9]{8})", re.IGNORECASE
)


@dataclass(frozen=True)
class DfdName:
    """What a file name says: who was filmed, whose face it bears (None: their own), the scene."""

    target: str
    source: str | None
    scene: str

    @property
    def original(self) -> str | None:
        """File name, without its ending, of the video that a fake was made from."""
        return None if self.source is None else f"{self.target}__{self.scene}"


def parse_dfd_name(stem: str) -> DfdName | None:
    """Read a file name without its ending; None when it is neither of the two kinds."""
    fake = _FAKE.fullmatch(stem)
    if fake:
        return DfdName(fake["target"], fake["source"], fake["scene"])
    real = _REAL.fullmatch(stem)
    return DfdName(real["target"], None, real["scene"]) if real else None


def find(folder: Path) -> bool:
    """Whether every video is named in one of the two ways, and both ways are there."""
    names = [parse_dfd_name(PurePosixPath(video).stem) for video in list_videos(folder)]
    return None not in names and {name.source is None for name in names if name} == {True, False}


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label`, `original`, `method`, `dataset`, `scene`, `target`,
    `source`. Videos that are named otherwise are left out and told of.
    """
    rows, unnamed = [], []
    videos = list_videos(folder)
    real = {PurePosixPath(video).stem: video for video in videos}
    for video in videos:
        name = parse_dfd_name(PurePosixPath(video).stem)
        if name is None:
            unnamed.append(video)
            continue
        rows.append(
            {
                "video": video,
                "label": int(name.source is not None),
                "original": real.get(name.original, name.original) if name.original else None,
                "method": METHOD if name.source else None,
                "dataset": "DFD",
                "scene": name.scene,
                "target": f"actor{name.target}",
                "source": f"actor{name.source}" if name.source else None,
            }
        )
    columns = ["video", "label", "original", "method", "dataset", "scene", "target", "source"]
    made = pd.DataFrame(rows, columns=columns).astype({"original": "string", "method": "string"})
    return Listing(made, note_missing_originals(made), left_out=dict.fromkeys(unnamed, _UNNAMED))
