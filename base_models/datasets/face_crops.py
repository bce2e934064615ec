"""Face crops that are cut out already: pictures instead of videos.

Either a CSV names the pictures (`file`, with `label`, `group`, `method` ... as for videos; a column
`video` says which pictures belong to one video), or they lie in `real/` and `fake/`, or in a
folder without labels. In folders, the pictures of one subfolder are one video, and a picture that
lies in none is a video of its own.
"""

from os import walk
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets.manifest import find_manifest, read_manifest
from base_models.datasets.plain import list_videos
from base_models.datasets.real_fake import find_real_fake
from predictions.errors import InputError

#: What counts as a picture, by its ending in small letters.
IMAGE_ENDINGS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})

#: The pictures of each video, relative to the dataset's root, in order.
CropFiles = dict[str, tuple[str, ...]]


def is_picture(name: str) -> bool:
    """Whether a file's name ends like a picture's."""
    return PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS


def find_face_crops(path: Path) -> tuple[pd.DataFrame, list[str]] | None:
    """A row a picture: `video`, `file`, and what is known of it; notes. None where videos lie.

    Raises:
        InputError: a CSV names both videos and pictures, or is not in order.
    """
    if path.is_file():
        return _named(path) if path.suffix.lower() == ".csv" else None
    manifest = find_manifest(path)
    if manifest is not None:
        return _named(manifest)
    if list_videos(path):
        return None
    labels = find_real_fake(path)
    if not labels:
        pictures = _list_pictures(path)
        return (_grouped(pictures), []) if pictures else None
    parts = []
    for name, label in sorted(labels.items()):
        pictures = _list_pictures(path / name)
        if not pictures:
            return None
        part = _grouped(pictures).assign(label=label)
        part[["video", "file"]] = f"{name}/" + part[["video", "file"]]
        parts.append(part)
    return pd.concat(parts, ignore_index=True), []


def videos_of_crops(pictures: pd.DataFrame, source: str) -> tuple[pd.DataFrame, CropFiles]:
    """One row a video, and its pictures, from a row a picture.

    Raises:
        InputError: the pictures of one video are labelled or grouped differently.
    """
    known = [str(name) for name in pictures if name not in ("video", "file")]
    for name in known:
        differing = pictures.groupby("video", sort=False)[name].nunique(dropna=False)
        bad = differing[differing > 1]
        if len(bad):
            raise InputError(
                f"{source}: the pictures of video {bad.index[0]} differ in {name}; give all of "
                "them the same."
            )
    files = {
        str(video): tuple(names)
        for video, names in pictures.groupby("video", sort=False)["file"].agg(list).items()
    }
    videos = pictures.drop_duplicates("video")[["video", *known]].reset_index(drop=True)
    return videos, files


def _named(manifest: Path) -> tuple[pd.DataFrame, list[str]] | None:
    """A row a picture of a CSV that names pictures; None when it names videos."""
    table, notes = read_manifest(manifest)
    pictures = [is_picture(name) for name in table["video"]]
    if not any(pictures):
        return None
    if not all(pictures):
        row = pictures.index(False)
        raise InputError(
            f"{manifest}: row {row + 2} names {table['video'][row]}, which is no picture as the "
            "others are; give videos and face crops in two CSVs."
        )
    names = pd.read_csv(manifest, dtype="string", skipinitialspace=True, encoding="utf-8-sig")
    table = table.rename(columns={"video": "file"})
    own = "file" in names and "video" in names
    video = names["video"].fillna(table["file"]) if own else table["file"]
    return table.assign(video=video), notes


def _grouped(pictures: list[str]) -> pd.DataFrame:
    parents = [PurePosixPath(name).parent.as_posix() for name in pictures]
    videos = [
        name if parent == "." else parent for name, parent in zip(pictures, parents, strict=True)
    ]
    return pd.DataFrame({"video": videos, "file": pictures}, dtype="string")


def _list_pictures(folder: Path) -> list[str]:
    """Pictures in a folder and below, relative to it; hidden ones are passed over."""
    found = []
    for parent, folders, files in walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(parent).relative_to(folder)
        found += [
            (here / name).as_posix()
            for name in files
            if not name.startswith(".") and is_picture(name)
        ]
    return sorted(found)
