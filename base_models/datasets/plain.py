"""A folder of videos without labels: what is to be scored."""

from collections.abc import Collection
from os import walk
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.dataset import Found

_ENDINGS = """
.mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .ts .mts .m2ts .wmv .flv .3gp .ogv .h264 .264 .hevc .vob
"""
#: What counts as a video, by its ending in small letters.
VIDEO_ENDINGS = frozenset(_ENDINGS.split())

#: What counts as a picture.
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})


def list_videos(folder: Path) -> list[str]:
    """Paths of the videos in a folder and below; see `list_files`."""
    return list_files(folder, VIDEO_ENDINGS)


def list_files(folder: Path, endings: Collection[str]) -> list[str]:
    """Paths of the files of some endings below a folder, relative to it, with `/`, sorted.

    Hidden files and folders are passed over; links are followed.
    """
    found, seen = [], set()
    for parent, folders, files in walk(folder, followlinks=True):
        # A link to a folder above would be walked for ever.
        real = Path(parent).resolve()
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(parent).relative_to(folder)
        found += [
            (here / name).as_posix()
            for name in files
            if not name.startswith(".") and PurePosixPath(name).suffix.lower() in endings
        ]
    return sorted(found)


def find(folder: Path) -> bool:
    """Any folder may be one."""
    return True


def read(folder: Path) -> Found:
    """One row a video: `video`, and nothing known of it."""
    return Found(pd.DataFrame({"video": pd.Series(list_videos(folder), dtype="string")}))
