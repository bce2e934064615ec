"""Whole pictures as data: one picture, one row.

They lie as face crops do (`face_crops`), in `real/` and `fake/`, in a folder without labels, or
named by a CSV; but a face is looked for in each, and detectors of whole pictures see it as it is.
Nobody can tell the two apart, so that only `--layout stills` takes pictures for stills.
"""

from pathlib import Path

from base_models.datasets.dataset import Listing
from base_models.datasets.face_crops import pictures_in
from base_models.datasets.named import NOTHING_NAMED, Named
from predictions.notes import NoteKind

STILLS = NoteKind("datasets.stills", "{name}: {pictures:picture}, in which faces are looked for.")


def find(path: Path) -> bool:
    """Whether pictures are named or lie there, and no videos.

    Raises:
        InputError: as `face_crops.find`.
    """
    return pictures_in(path) is not None


def read(path: Path, named: Named = NOTHING_NAMED) -> Listing:
    """One row a picture. Pictures of one subfolder, or of one `video` of a CSV, form a group.

    Raises:
        InputError: as `find`.
    """
    listing = pictures_in(path, named)
    assert listing is not None  # by `find`
    table = listing.videos
    if "group" not in table and (table["video"] != table["file"]).any():
        table = table.assign(group=table["video"])
    videos = table.drop(columns="video").rename(columns={"file": "video"})
    note = STILLS(name=path.name or str(path), pictures=len(videos))
    return Listing(videos, [note, *listing.notes], source=path, left_out=listing.left_out)
