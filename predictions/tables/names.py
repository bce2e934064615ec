"""Which video a name means: the one matcher of names from elsewhere with the ids of videos."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from predictions.errors import InputError
from predictions.words import count, first_names


class VideoNames:
    """Videos to be found by name.

    A name means the video with this id; else those with this path; else those with this file name,
    in whatever folders; else those with this file name without its ending. Each is looked for as it
    is written, then in small letters. Letters are compared in Unicode's composed form (NFC, as
    macOS writes names otherwise), folders with `/`; the bytes of a file's name that are no UTF-8
    are letters of Latin-1. Zeros that a spreadsheet took off are told of, but never put back.

    Args:
        videos: their ids, paths below the dataset.

    Examples:
        >>> from predictions import VideoNames
        >>> names = VideoNames(["real/anna.mp4", "fake/bob.mp4"])
        >>> names.find("anna"), names.find("BOB.mp4"), names.find("carl")
        ('real/anna.mp4', 'fake/bob.mp4', None)
    """

    def __init__(self, videos: Iterable[str]) -> None:
        self.videos = list(videos)
        self._exact = set(self.videos)
        self._levels: list[dict[str, list[str]]] | None = None

    def fitting(self, name: str) -> list[str]:
        """The videos that the name fits, by the first of the ways in which any fits."""
        if name in self._exact:
            return [name]
        if self._levels is None:
            self._levels = [{} for _ in _ways("")]
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

    def spelled(self, name: str) -> tuple[str | None, bool]:
        """The one video of which the name is another spelling, and whether of its whole path.

        Narrower than `find`, for ids that may be of other videos: other letters (case, composition,
        slashes) of its path; or the end of it, or it the end of the name; one of the two may lack
        the ending. Never another folder or ending. None where there is none, or several.
        """
        path = _small(_path(name))
        fits = []
        for video in self.fitting(name):
            other = _small(_path(video))
            if other == path or _is_end(other, path) or _is_end(path, other):
                fits.append((video, other == path))
        return fits[0] if len(fits) == 1 else (None, False)

    def match(self, names: Sequence[str], file: Path | str) -> dict[str, str]:
        """Name -> video, for those names of a file that mean one.

        Raises:
            InputError: a name fits several videos, or no name fits any.
        """
        matches = {name: video for name in names if (video := self.find(name, file)) is not None}
        if not matches:
            raise self.none_of(names, file)
        return matches

    def none_of(
        self,
        names: Sequence[str],
        file: Path | str,
        *,
        of: str = "",
        remedy: str = "give the path below the dataset, or the file name, as id",
    ) -> InputError:
        """The error that no name of a file fits any video, with what may be the reason.

        Args:
            of: where the videos were read. remedy: what to do where no zeros are lost.
        """
        return InputError(
            f"none of its {count(len(names), 'id')} ({first_names(names)}) is one of the "
            f"{count(len(self.videos), 'video')}{of and f' of {of}'} ({first_names(self.videos)})",
            file=file,
            remedy=self.zeros_hint(names) or remedy,
        )

    def zeros_hint(self, names: Sequence[str]) -> str:
        """What to do where names may be those of videos but for zeros before them; else empty."""
        lost = self._without_zeros(names)
        if lost is None:
            return ""
        return (
            f"{lost[0]!r} may be {lost[1]!r}, whose zeros a spreadsheet takes off: save the ids as "
            "text"
        )

    def _without_zeros(self, names: Sequence[str]) -> tuple[str, str] | None:
        """A name of digits, and a video that it would be with zeros before it."""
        numbers = {stem.lstrip("0"): v for v in self.videos if (stem := _stem(v)).isdecimal()}
        stems = ((name, _stem(name)) for name in names)
        return next(
            (
                (name, numbers[stem.lstrip("0")])
                for name, stem in stems
                if stem.isdecimal() and stem.lstrip("0") in numbers
            ),
            None,
        )


def original_of(name: str, videos: VideoNames) -> list[str]:
    """The videos that a fake's `original` may mean; several where it fits several.

    A name with folders means that path alone: `fake/a.mp4` is not the original `real/a.mp4` that
    is not here.
    """
    path = _path(name).casefold()
    return [one for one in videos.fitting(name) if "/" not in path or _path(one).casefold() == path]


def _path(name: str) -> str:
    try:
        name.encode()
    except UnicodeEncodeError:
        # The file system's bytes, each a letter from U+DC80 on: those of Latin-1.
        name = re.sub("[\udc80-\udcff]", lambda byte: chr(ord(byte[0]) - 0xDC00), name)
    name = unicodedata.normalize("NFC", name)
    return name.strip().replace("\\", "/").removeprefix("./")


def _stem(name: str) -> str:
    return _without_ending(_path(name).rsplit("/", 1)[-1])


def _without_ending(path: str) -> str:
    stem, dot, ending = path.rpartition(".")
    # A dot within a name that has no ending is kept (`v1.25`).
    ends = dot and stem and ending.isalnum() and not ending.isdigit() and len(ending) <= 4
    return stem if ends and not stem.endswith("/") else path


def _is_end(short: str, long: str) -> bool:
    """Whether one path is the end of the other, from some folder on; one may lack its ending."""
    bare, barer = _without_ending(short), _without_ending(long)
    for end, whole in ((short, long), (bare, long), (short, barer)):
        if whole == end or whole.endswith("/" + end):
            return True
    return False


def _ways(name: str) -> tuple[str, ...]:
    """Path, file name, and file name without its ending; each as it is and in small letters."""
    path = _path(name)
    ways = (path, path.rsplit("/", 1)[-1], _stem(name))
    return tuple(form for way in ways for form in (way, _small(way)))


def _small(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
