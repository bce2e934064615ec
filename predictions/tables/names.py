"""Which video a name means: the one matcher of names from elsewhere with the ids of videos."""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from predictions.errors import InputError
from predictions.words import count, first_names


class VideoNames:
    """Videos to be found by name.

    A name means the video with this id; else those with this file name, in whatever folders; else
    those with this file name without its ending. Letters are compared in Unicode's composed form
    (NFC, as macOS writes names otherwise), folders with `/`.

    Args:
        videos: their ids, paths below the dataset.
    """

    def __init__(self, videos: Iterable[str]) -> None:
        self.videos = list(videos)
        self._exact = set(self.videos)
        self._levels: list[dict[str, list[str]]] | None = None

    def fitting(self, name: str) -> list[str]:
        """The videos that the name fits, by the first of the three ways in which any fits."""
        if name in self._exact:
            return [name]
        if self._levels is None:
            self._levels = [{}, {}, {}]
            for video in self._exact:
                for level, key in zip(self._levels, _ways(video), strict=True):
                    level.setdefault(key, []).append(video)
        for level, key in zip(self._levels, _ways(name), strict=True):
            if key in level:
                return sorted(level[key])
        return []

    def find(self, name: str, file: Path | str | None = None) -> str | None:
        """The video that the name means; None where there is none.

        Raises:
            InputError: it fits several; they are named, and so is `file`, where the name was read.
        """
        fits = self.fitting(name)
        if len(fits) > 1:
            raise InputError(
                f"the name {name!r} fits {len(fits)} videos ({first_names(fits)})",
                file=file,
                remedy="give the path below the dataset",
            )
        return fits[0] if fits else None

    def match(self, names: Sequence[str], file: Path | str) -> dict[str, str]:
        """Name -> video, for those names of a file that mean one.

        Raises:
            InputError: a name fits several videos, or no name fits any.
        """
        found = {name: video for name in names if (video := self.find(name, file)) is not None}
        if not found:
            raise InputError(
                f"none of its {count(len(names), 'id')} ({first_names(names)}) is one of the "
                f"{count(len(self.videos), 'video')} ({first_names(self.videos)})",
                file=file,
                remedy="give the path below the dataset, or the file name, as id",
            )
        return found


def original_of(name: str, videos: VideoNames) -> list[str]:
    """The videos that a fake's `original` may mean; several where it fits several.

    A name with folders means that path alone: `fake/a.mp4` is not the original `real/a.mp4` that
    is not here.
    """
    path = _path(name)
    return [one for one in videos.fitting(name) if "/" not in path or _path(one) == path]


def _path(name: str) -> str:
    return unicodedata.normalize("NFC", name.strip().replace("\\", "/")).removeprefix("./")


def _ways(name: str) -> tuple[str, str, str]:
    """Path, file name, and file name without its ending."""
    path = _path(name)
    file = path.rsplit("/", 1)[-1]
    stem, dot, ending = file.rpartition(".")
    # A dot within a name that has no ending is kept (`v1.25`).
    ends = dot and stem and ending.isalnum() and not ending.isdigit() and len(ending) <= 4
    return path, file, stem if ends else file
