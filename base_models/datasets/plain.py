"""A folder of videos without labels: what is to be scored."""

from collections.abc import Iterator
from os import walk
from pathlib import Path

import pandas as pd

from base_models.datasets.dataset import Found

_ENDINGS = """
.mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .ts .mts .m2ts .wmv .flv .3gp .ogv .h264 .264 .hevc .vob
"""
#: What counts as a video, by its ending in small letters.
VIDEO_ENDINGS = frozenset(_ENDINGS.split())


def list_videos(folder: Path) -> list[str]:
    """Paths of the videos in a folder and below, relative to it, with `/`, in sorted order.

    Hidden files and folders are passed over; links are followed.
    """
    return sorted(path.relative_to(folder).as_posix() for path in _video_files(folder))


def find(folder: Path) -> bool:
    """Any folder may be one."""
    return True


def read(folder: Path) -> Found:
    """One row a video: `video`, and nothing known of it."""
    return Found(pd.DataFrame({"video": pd.Series(list_videos(folder), dtype="string")}))


def _video_files(folder: Path) -> Iterator[Path]:
    seen: set[Path] = set()
    for parent, folders, files in walk(folder, followlinks=True):
        # A link to a folder above would be walked for ever.
        real = Path(parent).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith(".") and Path(name).suffix.lower() in VIDEO_ENDINGS:
                yield Path(parent, name)
