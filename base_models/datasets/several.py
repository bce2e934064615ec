"""Videos to predict from several places at once: files, folders, CSVs."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.datasets.dataset import CropFiles, Dataset
from base_models.datasets.plain import IMAGE_ENDINGS, VIDEO_ENDINGS
from base_models.datasets.read import read_dataset
from predictions.errors import InputError
from predictions.file_names import as_id
from predictions.folds import connected_groups
from predictions.notes import Note, NoteKind
from predictions.tables.reader import is_table
from predictions.tables.videos import check_videos

#: Columns whose values may be ids of videos.
_OF_IDS = ("video", "group", "original")

TWICE = NoteKind("datasets.named-twice", "Named twice, and taken once: {videos:few}.")


def is_media(path: Path) -> bool:
    """Whether a path is that of a single video or picture, by its ending."""
    return path.suffix.lower() in VIDEO_ENDINGS | IMAGE_ENDINGS and not path.is_dir()


def read_new(
    paths: Sequence[Path], *, tell: Callable[[Note], object] = lambda note: None, **options: Any
) -> Dataset:
    """Read videos to predict; labels need not be there.

    One folder or CSV is read by `read_dataset`. Of several, or of files, an id is the path below
    the folder that all of them lie in, so that files of one name in two folders stay two videos; a
    file that is named twice is one.

    Args:
        paths: videos, pictures, folders and CSVs.
        tell: called with each note.
        options: of `read_dataset`.

    Raises:
        InputError: as of `read_dataset`; a file is none of these; or some are videos and some face
            crops.
    """
    if len(paths) == 1 and not is_media(paths[0]):
        return read_dataset(paths[0], tell=tell, **options)
    parts = [_part(path, tell, options) for path in paths]
    root = Path(os.path.commonpath([part.root for part in parts]))
    if len({part.crops is None for part in parts}) > 1:
        raise InputError(
            "some of them are videos and some are face crops",
            file=next(part.named for part in parts if part.crops is not None),
            remedy="predict them one after the other",
        )
    tables = [part.below(root) for part in parts]
    videos = pd.concat([table for table, _ in tables], ignore_index=True)
    again = videos["video"].duplicated()
    if again.any():
        tell(TWICE(videos=videos["video"][again].unique().tolist()))
    videos = videos[~again].reset_index(drop=True)
    source = " ".join(map(str, paths))
    videos = check_videos(videos.assign(group=connected_groups(videos)), source)
    crops = (
        None if parts[0].crops is None else {k: v for _, some in tables for k, v in some.items()}
    )
    (layout, *others) = dict.fromkeys(part.layout for part in parts)
    return Dataset(root, videos, layout="plain" if others else layout, crops=crops)


@dataclass(frozen=True)
class _Part:
    """What one path holds: a dataset, and the path as it was `named`; its root is absolute."""

    named: Path
    root: Path
    videos: pd.DataFrame
    layout: str
    crops: CropFiles | None

    def below(self, root: Path) -> tuple[pd.DataFrame, Mapping[str, tuple[str, ...]]]:
        """The table and the crops with ids below a folder that its own lies in."""
        place = as_id(self.root.relative_to(root).as_posix())
        before = "" if place == "." else f"{place}/"
        own = {str(video): f"{before}{video}" for video in self.videos["video"]}
        known = [name for name in _OF_IDS if name in self.videos]
        moved = {name: self.videos[name].map(lambda one: own.get(one, one)) for name in known}
        crops = {} if self.crops is None else self.crops
        return self.videos.assign(**moved), {
            own[video]: tuple(before + file for file in files) for video, files in crops.items()
        }


def _part(path: Path, tell: Callable[[Note], object], options: Mapping[str, Any]) -> _Part:
    if path.is_dir() or is_table(path):
        dataset = read_dataset(path, tell=tell, **options)
        root = Path(os.path.abspath(dataset.root))
        return _Part(path, root, dataset.videos, dataset.layout, dataset.crops)
    if not is_media(path):
        raise InputError(
            "is neither a video nor a folder nor a CSV that names videos",
            file=path,
            remedy=f"give videos ({', '.join(sorted(VIDEO_ENDINGS)[:4])} ...) or folders of them",
        )
    root, name = Path(os.path.abspath(path)).parent, as_id(path.name)
    videos = pd.DataFrame({"video": pd.Series([name], dtype="string")})
    is_crop = path.suffix.lower() in IMAGE_ENDINGS and options.get("layout") != "stills"
    layout = ("face_crops" if is_crop else options.get("layout")) or "plain"
    return _Part(path, root, videos, layout, {name: (name,)} if is_crop else None)
