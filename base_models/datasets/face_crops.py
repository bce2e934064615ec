"""Face crops that are cut out already: pictures instead of videos.

Either a CSV names the pictures (`file`, with `label`, `group`, `method` ... as for videos; a column
`video` says which pictures belong to one video), or they lie in `real/` and `fake/`, or in a
folder without labels. In folders, the pictures of one subfolder are one video, and a picture that
lies in none is a video of its own. The pictures of a video are in the natural order of their names.
"""

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from base_models.datasets import manifest, real_fake
from base_models.datasets.dataset import CropFiles, Listing
from base_models.datasets.named import NOTHING_NAMED, Named
from base_models.datasets.plain import IMAGE_ENDINGS, list_files, list_videos
from predictions.errors import InputError
from predictions.notes import NoteKind
from predictions.tables.reader import read_table

CROPS = NoteKind("datasets.face-crops", "{name}: {pictures:face crop} of {videos:video}.")


def find(path: Path) -> bool:
    """Whether pictures are named or lie there, and no videos.

    Raises:
        InputError: a CSV names both videos and pictures, or is not in order.
    """
    return pictures_in(path) is not None


def read(path: Path, named: Named = NOTHING_NAMED) -> Listing:
    """One row a video, and its pictures.

    Raises:
        InputError: as `find`; the pictures of one video are labelled or grouped differently.
    """
    listing = pictures_in(path, named)
    assert listing is not None  # by `find`
    videos, crops = _videos_of(listing.videos, str(path))
    note = CROPS(name=path.name or str(path), pictures=len(listing.videos), videos=len(videos))
    return Listing(videos, [note, *listing.notes], crops, path, listing.left_out)


def pictures_in(path: Path, named: Named = NOTHING_NAMED) -> Listing | None:
    """A row a picture: `video`, `file`, and what is known of it. None where videos lie.

    Raises:
        InputError: as `find`.
    """
    table = manifest.find(path)
    if table is not None:
        return _named(table, named)
    # A GIF beside pictures is a picture that moves, which nobody cut.
    if any(PurePosixPath(video).suffix.lower() != ".gif" for video in list_videos(path)):
        return None
    labels = real_fake.find(path)
    if not labels:
        pictures = list_files(path, IMAGE_ENDINGS)
        return Listing(_grouped(pictures)) if pictures else None
    parts = []
    for name, label in sorted(labels.items()):
        pictures = list_files(path / name, IMAGE_ENDINGS)
        if not pictures:
            return None
        part = _grouped(pictures).assign(label=label)
        part[["video", "file"]] = f"{name}/" + part[["video", "file"]]
        parts.append(part)
    return Listing(pd.concat(parts, ignore_index=True))


def _videos_of(pictures: pd.DataFrame, source: str) -> tuple[pd.DataFrame, CropFiles]:
    """One row a video, and its pictures, from a row a picture."""
    known = [str(name) for name in pictures if name not in ("video", "file")]
    for name in known:
        differing = pictures.groupby("video", sort=False)[name].nunique(dropna=False)
        bad = differing[differing > 1]
        if len(bad):
            raise InputError(
                f"the pictures of video {bad.index[0]} differ in {name}",
                file=source,
                remedy="give all of them the same",
            )
    files = {
        str(video): tuple(sorted(names, key=natural_order))
        for video, names in pictures.groupby("video", sort=False)["file"].agg(list).items()
    }
    videos = pictures.drop_duplicates("video")[["video", *known]].reset_index(drop=True)
    return videos, files


def _named(path: Path, named: Named) -> Listing | None:
    """A row a picture of a CSV that names pictures; None when it names videos."""
    listing = manifest.read(path, named)
    table = listing.videos
    pictures = [PurePosixPath(name).suffix.lower() in IMAGE_ENDINGS for name in table["video"]]
    if not any(pictures):
        return None
    if not all(pictures):
        row = pictures.index(False)
        raise InputError(
            f"names {table['video'][row]}, which is no picture as the others are",
            file=path,
            row=row + 1,
            remedy="give videos and face crops in two CSVs",
        )
    names = read_table(path, text="all")
    table = table.rename(columns={"video": "file"})
    own = "file" in names and "video" in names
    video = names["video"].fillna(table["file"]) if own else table["file"]
    return Listing(
        table.assign(video=video), listing.notes, left_out={".": f"not named in {path.name}"}
    )


def natural_order(name: str) -> tuple[list[str | int], str]:
    """What names are sorted by so that 10 comes after 2: frames of a video, in their order."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)], name


def _grouped(pictures: list[str]) -> pd.DataFrame:
    parents = [PurePosixPath(name).parent.as_posix() for name in pictures]
    videos = [
        name if parent == "." else parent for name, parent in zip(pictures, parents, strict=True)
    ]
    return pd.DataFrame({"video": videos, "file": pictures}, dtype="string")
