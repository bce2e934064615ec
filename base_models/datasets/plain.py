"""A folder of videos without labels: what is to be scored."""

from collections.abc import Collection, Iterator
from os import walk
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.dataset import Listing
from predictions.file_names import as_id

#: Why nobody can take a file or folder.
LINKED = "a link to a folder that was read"
FOLDER = "named as a video or picture, but a folder with none in it"
DOUBLE = "named as another file is, but for bytes that are no text"

_ENDINGS = """
.mp4 .m4v .mov .qt .avi .divx .mkv .webm .mpg .mpeg .mpe .m1v .m2v .ts .mts .m2ts .wmv .asf .flv
.3gp .3g2 .ogv .ogm .vob .mxf .rm .rmvb .dv .nut .mjpeg .mjpg .y4m .ivf .h264 .264 .h265 .265 .hevc
.f4v .gif
"""
#: What counts as a video, by its ending in small letters.
VIDEO_ENDINGS = frozenset(_ENDINGS.split())

#: What counts as a picture.
IMAGE_ENDINGS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".webp", ".tif", ".tiff", ".avif"}
)


def list_videos(folder: Path) -> list[str]:
    """Ids of the videos in a folder and below; see `list_files`.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.datasets import list_videos
        >>> Path("clips/real").mkdir(parents=True)
        >>> for name in ("real/a.mp4", "notes.txt"):
        ...     Path("clips", name).touch()
        >>> list_videos(Path("clips"))
        ['real/a.mp4']
    """
    return list_files(folder, VIDEO_ENDINGS)


def list_files(folder: Path, endings: Collection[str]) -> list[str]:
    """Ids of the files of some endings below a folder: paths relative to it, with `/`, sorted.

    Hidden files and folders are passed over; links are followed. How a name that is no text is
    written in an id: see `predictions.file_names`.
    """
    return sorted(
        file
        for file, why in walk_files(folder)
        if not why and PurePosixPath(file).suffix.lower() in endings
    )


def walk_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Every file below a folder that is not hidden: its id, and why nobody can take it, or "".

    Folders that cannot be read, or were read under another name, come with a reason likewise, and
    so does each that has the name of a video or picture, whatever is in it.
    """
    seen: set[Path] = set()
    closed: list[OSError] = []
    for parent, folders, files in walk(folder, followlinks=True, onerror=closed.append):
        here = as_id(Path(parent).relative_to(folder).as_posix())
        # A link to a folder above would be walked for ever.
        real = Path(parent).resolve()
        if real in seen:
            folders.clear()
            yield here, LINKED
            continue
        seen.add(real)
        if here != "." and PurePosixPath(here).suffix.lower() in VIDEO_ENDINGS | IMAGE_ENDINGS:
            yield here, FOLDER
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = {name for name in files if not name.startswith(".")}
        for name in names:
            file = as_id(name)
            why = DOUBLE if file != name and file in names else ""
            yield (file if here == "." else f"{here}/{file}"), why
    for error in closed:
        path = Path(str(error.filename))
        yield as_id(path.relative_to(folder).as_posix()), f"cannot be read ({error.strerror})"


def find(folder: Path) -> bool:
    """Any folder may be one."""
    return True


def read(folder: Path) -> Listing:
    """One row a video: `video`, and nothing known of it."""
    return Listing(pd.DataFrame({"video": pd.Series(list_videos(folder), dtype="string")}))
