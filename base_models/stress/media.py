"""The faces of altered videos, in the same files and found in the same way as those of others."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Protocol

import cv2
import numpy as np

from base_models.augment.image import Image
from base_models.compute.per_video import KILLED, KILLED_CODE, work_on_videos
from base_models.compute.threads import available_threads
from base_models.faces.extract import Altering, extract_video
from base_models.faces.images import encode_jpeg
from base_models.faces.ladder import settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, Faces, empty_faces, faces_path, load_faces
from base_models.stress.registry import Degree
from base_models.video.choose import choose_frames
from base_models.video.stills import is_still
from base_models.video.unreadable import UnreadableVideo, as_unreadable
from predictions.parallel import pieces_a_machine
from predictions.products import key_of, media_identity
from predictions.progress import Progress, silent

#: Goes into the key: what an older way of altering gave is made again.
_FORMAT = 1


class Media(Protocol):
    """The videos of a run, from which altered ones can be made; small, and sent to processes."""

    @property
    def folder(self) -> Path:
        """Where what they are made from lies."""

    def can(self, degree: Degree) -> bool:
        """Whether such videos can be altered so."""

    def identity(self, video: str) -> str:
        """All that the faces of an altered video depend on, beside how it is altered."""

    def altered(self, degree: Degree, threads: int, video: str) -> Faces:
        """The faces of an altered video; `threads` as of `extract_video`."""


@dataclass(frozen=True)
class VideoFiles:
    """Videos, or pictures, as they lie on disk.

    Attributes:
        folder: the root of the dataset.
        settings: how faces are looked for.
        stills: whether they are pictures.
    """

    folder: Path
    settings: FaceSettings
    stills: bool = False

    def can(self, degree: Degree) -> bool:
        """All alterations of videos; of pictures those without time. Fewer frames must be fewer."""
        if degree.entry.acts_on == "looking" and degree.strength >= self.settings.frames:
            return False
        return degree.entry.on_stills or not self.stills

    def identity(self, video: str) -> str:
        """How faces are looked for, and the file's content."""
        return key_of(faces=settings_key(self.settings), media=media_identity(self.folder / video))

    def altered(self, degree: Degree, threads: int, video: str) -> Faces:
        """As `altered_faces`."""
        return altered_faces(self.folder / video, degree, self.settings, threads)


def altered_faces(path: Path, degree: Degree, settings: FaceSettings, threads: int = 0) -> Faces:
    """The faces of one altered video, or picture, in memory; see `extract_video`."""
    entry = degree.entry
    if entry.acts_on == "looking":
        fewer = replace(settings, frames=min(settings.frames, int(degree.strength)))
        return extract_video(path, fewer, threads=threads)
    if entry.acts_on == "picture" or is_still(path):
        return extract_video(path, settings, threads=threads, altering=_on_pictures(degree))
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.mp4"
        try:
            with as_unreadable():
                resolve_name(entry.operation)(path, copy, degree.strength)
        except UnreadableVideo as error:
            reason = error.sentence, error.code
            return empty_faces("unreadable", *reason, n_frames=0, size=settings.size)
        return extract_video(copy, settings, threads=threads)


@dataclass(frozen=True)
class CutFaces:
    """Faces that came cut: the crops as the run keeps them.

    Attributes:
        folder: the run's faces.
        most: how many pictures a video has at the most.
    """

    folder: Path
    most: int = 1

    def can(self, degree: Degree) -> bool:
        """What does not need the picture around the face. Fewer frames must be fewer."""
        if degree.entry.acts_on == "looking" and degree.strength >= self.most:
            return False
        return degree.entry.on_crops

    def identity(self, video: str) -> str:
        """What the run's file was made for."""
        file = FACES.describe(faces_path(self.folder, video))
        return "" if file is None else file.key

    def altered(self, degree: Degree, _threads: int, video: str) -> Faces:
        """As `altered_crops`."""
        return altered_crops(load_faces(faces_path(self.folder, video)), degree)


def altered_crops(faces: Faces, degree: Degree) -> Faces:
    """The same faces with every crop altered; or fewer of them, evenly chosen."""
    if not len(faces):
        return faces
    if degree.entry.acts_on == "looking":
        at = choose_frames(np.arange(len(faces), dtype=np.float64), int(degree.strength))
        jpeg = [faces.jpeg[i] for i in at]
    else:
        at, alter = np.arange(len(faces)), _on_pictures(degree)
        numbers = faces.frame.tolist()
        pictures = zip(faces.decode(), numbers, strict=True)
        jpeg = [encode_jpeg(alter(picture, number)) for picture, number in pictures]
    return replace(
        faces,
        frame=faces.frame[at],
        track=faces.track[at],
        box=faces.box[at],
        score=faces.score[at],
        jpeg=jpeg,
    )


def media_of_run(faces: Path, videos: Sequence[str], root: Path, settings: FaceSettings) -> Media:
    """What the altered videos of a run are made from.

    Args:
        faces: its folder of faces. videos: their ids. root: of its dataset.
        settings: how its faces were looked for.
    """
    for video in videos:
        loaded = load_faces(faces_path(faces, video), [])
        if loaded.ready_made:
            files = (FACES.describe(faces_path(faces, other)) for other in videos)
            return CutFaces(faces, max(0 if file is None else file.rows for file in files))
        if loaded.status == "ok":
            break
    return VideoFiles(root, settings, all(is_still(Path(video)) for video in videos))


def possible(media: Media, degrees: Sequence[Degree]) -> tuple[list[Degree], list[Degree]]:
    """The degrees by which such videos can be altered, and the others."""
    able = [media.can(degree) for degree in degrees]
    kept = [degree for degree, can in zip(degrees, able, strict=True) if can]
    return kept, [degree for degree, can in zip(degrees, able, strict=True) if not can]


def write_altered(
    media: Media,
    degree: Degree,
    videos: Sequence[str],
    out: Path,
    *,
    jobs: int | None = None,
    progress: Progress = silent,
) -> None:
    """Write the faces of altered videos into the folder `out`; those that are there stay.

    Args:
        media: see `media_of_run`. degree: how they are altered. videos: their ids.
        jobs: processes side by side; None: here.
        progress: told the videos done, and all videos.

    Raises:
        InputError: a finder cannot be had.
    """
    workers = pieces_a_machine(jobs)
    threads = max(1, available_threads() // workers) if workers > 1 else 0
    written = work_on_videos(
        FACES,
        out,
        {video: video for video in videos},
        partial(_key, media, degree),
        partial(_altered, media, degree, threads),
        stage="faces",
        jobs=jobs,
        lost=_lost,
        shared=(media.folder,),
        progress=progress,
    )
    deque(written, maxlen=0)


def _altered(media: Media, degree: Degree, threads: int, video: str) -> Faces:
    if threads:
        cv2.setNumThreads(threads)
    return media.altered(degree, threads, video)


def _lost(_video: str) -> Faces:
    return empty_faces("unreadable", KILLED, KILLED_CODE, n_frames=0, size=FaceSettings().size)


def _on_pictures(degree: Degree) -> Altering:
    operation = resolve_name(f"base_models.stress.pictures:{degree.alteration}")

    def alter(image: Image, number: int) -> Image:
        return np.asarray(operation(image, degree.strength, number))

    return alter


def _key(media: Media, degree: Degree, video: str) -> str:
    return altered_key(degree, media.identity(video))


def altered_key(degree: Degree, identity: str) -> str:
    """What an altered video is known by; `identity`: of the video it was."""
    return key_of(format=_FORMAT, degree=[degree.alteration, degree.strength], of=identity)
