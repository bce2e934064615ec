"""The layout of UADFV (Yang et al. 2019): `real/NNNN.mp4` and `fake/NNNN_fake.mp4`.

A fake was made from the real video of its number. All fakes bear the face of one and the same
actor, who is in none of the real videos; tying by him would leave a single group, so only
a fake and its real video stay together.
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets import real_fake
from base_models.datasets.dataset import Listing
from base_models.datasets.identities import note_missing_originals
from base_models.datasets.plain import list_videos

_FAKE = re.compile(r"(\d{4})_fake", re.IGNORECASE)


def find(folder: Path) -> bool:
    """Whether there are `real/` and `fake/`, and every fake is named `NNNN_fake`."""
    folders = [name for name, label in real_fake.find(folder).items() if label == 1]
    names = [PurePosixPath(video).stem for name in folders for video in list_videos(folder / name)]
    return bool(names) and all(_FAKE.fullmatch(name) for name in names)


def read(folder: Path) -> Listing:
    """One row a video: `video`, `label`, `original`, `method`, `dataset`."""
    videos = real_fake.read(folder).videos
    real = {PurePosixPath(video).stem: video for video in videos["video"][videos["label"] == 0]}
    originals = []
    for video, label in zip(videos["video"], videos["label"], strict=True):
        match = _FAKE.fullmatch(PurePosixPath(video).stem) if label else None
        originals.append(real.get(match[1], f"real/{match[1]}.mp4") if match else None)
    videos = videos.assign(
        original=pd.array(originals, dtype="string"),
        method=pd.array(["FakeApp" if label else None for label in videos["label"]], "string"),
        dataset="UADFV",
    )
    return Listing(videos, note_missing_originals(videos))
