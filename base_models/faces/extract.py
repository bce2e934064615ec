"""Videos in, one file of faces per video out.

A video is worked through in bounded batches of frames: find faces on reduced frames, cut them
out of the full frames in as many ways as there are views, keep only the JPEGs. Where nothing is
found, the next rung of the ladder looks at the video again. What a video gives depends on the file
and the settings alone, so a stopped extraction goes on with the videos whose file is not there yet.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.compute.per_video import KILLED, KILLED_CODE, VideoFile, keep_only, work_on_videos
from base_models.compute.threads import available_threads
from base_models.datasets.dataset import Dataset
from base_models.faces.align import cut_aligned
from base_models.faces.crops import cut_face
from base_models.faces.cut_views import cut_view, whole_picture
from base_models.faces.finders import FaceFinder, own_finder
from base_models.faces.following import Follower
from base_models.faces.images import encode_jpeg
from base_models.faces.ladder import Rung, rungs, settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, Faces, empty_faces, faces_path, faces_table
from base_models.faces.tracks import link_tracks
from base_models.faces.views import View
from base_models.video.choose import choose_frames
from base_models.video.decode import Frame, decode_frames, describe_loss, index_video
from base_models.video.sampling import Sampling
from base_models.video.stills import is_still, read_still
from base_models.video.unreadable import UnreadableVideo, as_unreadable
from predictions.file_names import on_disk
from predictions.parallel import pieces_a_machine
from predictions.products import key_of, media_identity
from predictions.progress import Progress, silent
from predictions.words import count

#: A batch of full frames stays below this many bytes (but holds one frame at least).
_BATCH_BYTES = 96 * 2**20

#: A frame is enlarged to this long a side at most.
_LONGEST_SIDE = 2048

#: What is done to a picture before it is looked at: of the picture and its frame's number.
Altering = Callable[[NDArray[np.uint8], int], NDArray[np.uint8]]


def reduced_size(
    height: int, width: int, settings: FaceSettings, *, pixels: int = 20, larger: float = 1.0
) -> tuple[int, int]:
    """Height and width that a frame is reduced to for the finder.

    Args:
        height, width: of the frame, in pixels.
        settings: how small a face is wanted.
        pixels: side of the smallest face that the finder sees.
        larger: how many times as large the result is to be. A frame is enlarged by this factor at
            most, and not beyond a side of 2048 pixels; with 1 it is never enlarged.
    """
    long_side = max(height, width)
    if settings.long_side is not None:
        ratio = settings.long_side / long_side
    else:
        ratio = pixels / (settings.min_face * min(height, width))
    ratio = min(ratio, 1) * larger
    if ratio > 1:
        ratio = max(1.0, min(ratio, _LONGEST_SIDE / long_side))
    if ratio == 1:
        return height, width
    return max(1, round(height * ratio)), max(1, round(width * ratio))


@dataclass
class _Findings:
    """The faces of a video so far, in the order of its frames.

    Attributes:
        views: a list like `jpeg` for each view of faces, by name.
        seen: the frames that were looked at, in their order.
        pictures: their JPEGs for each view of whole pictures, by name.
    """

    frame: list[int] = field(default_factory=list)
    box: list[NDArray[np.float32]] = field(default_factory=list)
    score: list[np.float32] = field(default_factory=list)
    jpeg: list[bytes] = field(default_factory=list)
    views: dict[str, list[bytes]] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)
    pictures: dict[str, list[bytes]] = field(default_factory=dict)
    not_aligned: int = 0

    @classmethod
    def nothing(cls, views: Iterable[View]) -> "_Findings":
        """Before the first frame."""
        findings = cls()
        for view in views:
            (findings.pictures if view.crop.whole else findings.views)[view.name] = []
        return findings


def extract_video(
    path: Path,
    settings: FaceSettings,
    *,
    device: str = "cpu",
    threads: int = 0,
    altering: Altering | None = None,
) -> Faces:
    """The faces of one video, or of a picture, in memory.

    A video that cannot be decoded, or makes anything fail, gives status `unreadable`, one without a
    face `no_face`, each with its reason. `threads`: of the decoder and of MTCNN, 0 lets them
    choose. `altering`: see `base_models.stress`.

    Raises:
        InputError: a finder cannot be had (its package or its file is missing).
    """
    try:
        with as_unreadable():
            return _extracted(path, settings, device, threads, altering)
    except UnreadableVideo as error:
        return empty_faces("unreadable", error.sentence, error.code, n_frames=0, size=settings.size)


def _extracted(
    path: Path, settings: FaceSettings, device: str, threads: int, altering: Altering | None
) -> Faces:
    media = _Picture(path) if is_still(path) else _Video(path, settings, threads)
    for rung in rungs(settings):
        frames = media.frames()
        if altering is not None:
            frames = (replace(one, image=altering(one.image, one.index)) for one in frames)
        findings = _find(rung, frames, settings, device, threads)
        if findings.frame or not findings.seen:
            break
    came = len(findings.seen)
    if not came:
        raise UnreadableVideo("no frame of the file can be decoded", "no_frame")
    loss, code = media.loss(came)
    if not findings.frame:
        reason = f"No face was found in {count(came, 'frame')}. {loss}".strip()
        empty = empty_faces("no_face", reason, n_frames=came, size=settings.size)
        return replace(empty, views=findings.views, **_pictures(findings))
    return _followed(findings, settings, loss, code, rung.name)


class _Video:
    """The frames of a video that are looked at, as often as they are wanted."""

    def __init__(self, path: Path, settings: FaceSettings, threads: int) -> None:
        self._index = index_video(path)
        sampling = Sampling.parse(settings.sampling)
        self._chosen = choose_frames(self._index.times, settings.frames, sampling)
        self._threads = threads

    def frames(self) -> Iterable[Frame]:
        return decode_frames(self._index, self._chosen, threads=self._threads)

    def loss(self, came: int) -> tuple[str, str]:
        """What is missing of it, and the code of that."""
        return describe_loss(self._index, len(self._chosen), came)


class _Picture:
    """A picture, which is a video of one frame."""

    def __init__(self, path: Path) -> None:
        self._frame = read_still(path)

    def frames(self) -> Iterable[Frame]:
        return [self._frame]

    def loss(self, came: int) -> tuple[str, str]:
        return "", ""


def extract_faces(
    dataset: Dataset,
    out: Path,
    settings: FaceSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
    device: str = "cpu",
) -> pd.DataFrame:
    """Write the faces of every video of a dataset to the folder `out`, one file a video.

    Videos whose file is there, made with the same settings from the same content, are passed over;
    files of other videos are removed from `out`. Each file appears in one step, so the work may be
    stopped at any moment and started again. `jobs` processes work side by side
    (see `predictions.parallel`; -1: as many as there are cores).

    Returns:
        See `faces_table`.

    Raises:
        InputError: a finder cannot be had (its package or its file is missing).

    Examples:
        >>> from pathlib import Path
        >>> from base_models.datasets import read_dataset
        >>> Path("clips").mkdir()
        >>> _ = Path("clips/broken.mp4").write_bytes(b"no video")
        >>> from base_models.faces import extract_faces
        >>> extract_faces(read_dataset(Path("clips")), Path("faces"))["status"].tolist()
        ['unreadable']
    """
    coming = iter_faces(
        dataset, out, settings, jobs=jobs, progress=progress, device=device, in_order=False
    )
    return faces_table(dataset.videos, dict(coming))


def iter_faces(
    dataset: Dataset,
    out: Path,
    settings: FaceSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
    device: str = "cpu",
    in_order: bool = True,
) -> Iterator[tuple[str, VideoFile]]:
    """As `extract_faces`, but yields every video as soon as its file is there.

    Processes go on with the next ones meanwhile. The videos come in their order, or as they are
    done: then the smallest files are worked on last, so that at the end no process waits long.
    """
    videos = [str(video) for video in dataset.videos["video"]]
    keep_only(out, videos)
    looking = Looking.side_by_side(dataset.root, out, settings or FaceSettings(), jobs, device)
    return looking.at(videos, jobs=jobs, in_order=in_order, progress=progress)


@dataclass(frozen=True)
class Looking:
    """How the faces of videos are found, and where; small enough to be sent to another process.

    Attributes:
        root: of the dataset.
        out: the faces folder.
        settings: of the faces.
        device: of the finders.
        threads: of one video's work; 0: as many as there are.
    """

    root: Path
    out: Path
    settings: FaceSettings
    device: str = "cpu"
    threads: int = 0

    @classmethod
    def side_by_side(
        cls, root: Path, out: Path, settings: FaceSettings, jobs: int | None, device: str = "cpu"
    ) -> "Looking":
        """With a share of this machine's threads for each of `jobs`."""
        workers = pieces_a_machine(jobs)
        threads = max(1, available_threads() // workers) if workers > 1 else 0
        return cls(root, out, settings, device, threads)

    def at(
        self,
        videos: Sequence[str],
        *,
        jobs: int | None = None,
        in_order: bool = True,
        progress: Progress = silent,
    ) -> Iterator[tuple[str, VideoFile]]:
        """As `iter_faces`, of some videos; the files of others stay."""
        return work_on_videos(
            FACES,
            self.out,
            {video: self.root / video for video in videos},
            partial(_key, settings_key(self.settings)),
            partial(_faces_of, self.settings, self.device, self.threads),
            stage="faces",
            jobs=jobs,
            in_order=in_order,
            length=_length,
            # What cannot be had is told of now, not at the first failure.
            before=self._make_finders,
            lost=self._lost,
            shared=(self.root,),
            progress=progress,
        )

    def give_up(self, video: str) -> None:
        """Write that the video killed whatever looked at it."""
        path = self.root / video
        key = _key(settings_key(self.settings), path)
        FACES.write(self._lost(path), faces_path(self.out, video), key)

    def _make_finders(self) -> None:
        for rung in rungs(self.settings):
            _finder(rung, self.device, self.threads)

    def _lost(self, _path: Path) -> Faces:
        return empty_faces("unreadable", KILLED, KILLED_CODE, n_frames=0, size=self.settings.size)


def _key(settings: str, path: Path) -> str:
    return key_of(settings=settings, media=media_identity(path))


def _faces_of(settings: FaceSettings, device: str, threads: int, path: Path) -> Faces:
    if threads:
        cv2.setNumThreads(threads)
    return extract_video(path, settings, device=device, threads=threads)


def _find(
    rung: Rung, frames: Iterable[Frame], settings: FaceSettings, device: str, threads: int
) -> _Findings:
    """What one rung of the ladder finds in a video."""
    finder = _finder(rung, device, threads)
    findings = _Findings.nothing(settings.views)
    for shape, run in groupby(frames, key=lambda frame: frame.image.shape):
        reduction = partial(
            reduced_size, settings=settings, pixels=finder.min_face_pixels, larger=rung.larger
        )
        follower = Follower(finder, reduction)
        for batch in _batches(run, min(settings.detect_every, _frames_at_once(shape))):
            for frame in batch:
                findings.seen.append(frame.index)
                for view in settings.views:
                    if view.crop.whole:
                        picture = encode_jpeg(whole_picture(frame.image, view))
                        findings.pictures[view.name].append(picture)
            _find_in_batch(follower, batch, settings, findings)
    return findings


def _find_in_batch(
    follower: Follower, batch: list[Frame], settings: FaceSettings, findings: _Findings
) -> None:
    """Add the faces of equally sized frames to `findings`."""
    detections = follower.find([frame.image for frame in batch])
    boxes, points = _rounded(detections.box), _rounded(detections.points)
    for position, box, five, score in zip(
        detections.frame, boxes, points, np.round(detections.score, 4), strict=True
    ):
        frame = batch[position]
        findings.frame.append(frame.index)
        findings.box.append(box)
        findings.score.append(score)
        crop, is_right = _cut(frame.image, box, five, settings)
        findings.jpeg.append(encode_jpeg(crop))
        for view in settings.views:
            if not view.crop.whole:
                crop, is_as_wanted = cut_view(frame.image, box, five, view)
                findings.views[view.name].append(encode_jpeg(crop))
                is_right = is_right and is_as_wanted
        findings.not_aligned += not is_right


def _cut(
    image: NDArray[np.uint8],
    box: NDArray[np.float32],
    points: NDArray[np.float32],
    settings: FaceSettings,
) -> tuple[NDArray[np.uint8], bool]:
    """The crop, and whether it is aligned where that is asked for."""
    if settings.align:
        crop = cut_aligned(image, points, margin=settings.margin, size=settings.size)
        if crop is not None:
            return crop, True
    upright = cut_face(image, box, margin=settings.margin, size=settings.size)
    return upright, not settings.align


def _pictures(findings: _Findings) -> dict[str, Any]:
    """What `Faces` says of whole pictures."""
    if not findings.pictures:
        return {}
    return {"picture_frame": np.array(findings.seen, np.int32), "pictures": findings.pictures}


def _rounded(places: NDArray[np.floating]) -> NDArray[np.float32]:
    """To sixteenths of a pixel: finer differences come from the order of additions in networks."""
    return (np.round(places * 16) / 16).astype(np.float32)


def _followed(
    findings: _Findings, settings: FaceSettings, loss: str, code: str, found_by: str
) -> Faces:
    """Number the tracks and put the faces in order."""
    missed = ""
    if findings.not_aligned:
        code = code or "not_aligned"
        of = count(len(findings.frame), "face")
        missed = f"Not aligned: {findings.not_aligned} of {of}, without landmarks."
    frame = np.array(findings.frame, np.int32)
    box = np.stack(findings.box)
    track = link_tracks(frame, box)
    order = np.lexsort((track, frame))
    if not settings.keep_all:
        order = order[track[order] == 0]
    return Faces(
        frame=frame[order],
        track=track[order],
        box=box[order],
        score=np.array(findings.score, np.float32)[order],
        jpeg=[findings.jpeg[i] for i in order],
        status="ok",
        reason=f"{loss} {missed}".strip(),
        n_frames=len(findings.seen),
        size=settings.size,
        found_by=found_by,
        reason_code=code,
        views={name: [jpeg[i] for i in order] for name, jpeg in findings.views.items()},
        **_pictures(findings),
    )


def _frames_at_once(shape: tuple[int, ...]) -> int:
    """How many frames of this shape may be in memory."""
    return max(1, _BATCH_BYTES // int(np.prod(shape)))


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """The frames in order, `size` at a time."""
    frames = iter(frames)
    while batch := list(islice(frames, size)):
        yield batch


def _finder(rung: Rung, device: str, threads: int) -> FaceFinder:
    return own_finder(rung.finder, rung.options(device, threads))


def _length(path: Path) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        return on_disk(path).stat().st_size
    except OSError:
        return -1
