"""Videos in, one file of faces per video out.

A video is worked through in bounded batches of frames: find faces on reduced frames, cut them
out of the full frames, keep only the JPEGs. Where nothing is found, the next rung of the ladder
looks at the video again. What a video gives depends on the file and the settings alone, so a
stopped extraction goes on with the videos whose file is not there yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import groupby, islice
from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from base_models.compute.parallel import side_by_side
from base_models.compute.threads import available_threads
from base_models.datasets.dataset import Dataset
from base_models.faces.align import cut_aligned
from base_models.faces.crops import cut_face
from base_models.faces.finders import FaceFinder, make_finder
from base_models.faces.following import Follower
from base_models.faces.images import encode_jpeg
from base_models.faces.ladder import Rung, rungs, settings_key
from base_models.faces.settings import FaceSettings
from base_models.faces.store import (
    Faces,
    FacesInfo,
    empty_faces,
    faces_path,
    read_info,
    write_faces,
)
from base_models.faces.tracks import link_tracks
from base_models.video.decode import (
    Frame,
    UnreadableVideo,
    decode_frames,
    describe_loss,
    index_video,
)
from base_models.video.sampling import Sampling, choose_frames
from predictions.progress import Progress, silent

#: A batch of full frames stays below this many bytes (but holds one frame at least).
_BATCH_BYTES = 96 * 2**20

#: So many of the smallest files a process come last.
_LAST = 10

#: A frame is enlarged to this long a side at most.
_LONGEST_SIDE = 2048


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
class _Found:
    """The faces of a video so far, in the order of its frames."""

    frame: list[int] = field(default_factory=list)
    box: list[NDArray[np.float32]] = field(default_factory=list)
    score: list[np.float32] = field(default_factory=list)
    jpeg: list[bytes] = field(default_factory=list)
    frames_seen: int = 0
    not_aligned: int = 0


def extract_video(
    path: Path, settings: FaceSettings, *, device: str = "cpu", threads: int = 0
) -> Faces:
    """The faces of one video, in memory.

    A video that cannot be decoded gives status `unreadable`, one without a face `no_face`, each
    with its reason. `threads`: of the decoder, 0 lets it choose.
    """
    try:
        index = index_video(path)
        chosen = choose_frames(index.times, settings.frames, Sampling.parse(settings.sampling))
        for rung in rungs(settings):
            frames = decode_frames(index, chosen, threads=threads)
            found = _find(rung, frames, settings, device)
            if found.frame or not found.frames_seen:
                break
    except UnreadableVideo as error:
        return empty_faces("unreadable", _sentence(error.reason), n_frames=0, size=settings.size)
    came = found.frames_seen
    if not came:
        reason = "No frame of the file can be decoded."
        return empty_faces("unreadable", reason, n_frames=0, size=settings.size)
    loss = describe_loss(index, len(chosen), came)
    if not found.frame:
        reason = f"No face was found in {came} frame{'s' * (came > 1)}. {loss}".strip()
        return empty_faces("no_face", reason, n_frames=came, size=settings.size)
    return _followed(found, settings, loss, rung.name)


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

    Videos whose file is there, made with the same settings from a file of the same length, are
    passed over. Each file appears in one step, so the work may be stopped at any moment and
    started again. `jobs` processes work side by side through joblib's current backend (-1: as
    many as there are cores).

    Returns:
        See `faces_table`.

    Raises:
        InputError: a finder cannot be had (its package or its file is missing).
    """
    coming = iter_faces(
        dataset, out, settings, jobs=jobs, progress=progress, device=device, in_order=False
    )
    return faces_table(dataset, dict(coming))


def iter_faces(
    dataset: Dataset,
    out: Path,
    settings: FaceSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
    device: str = "cpu",
    in_order: bool = True,
) -> Iterator[tuple[str, FacesInfo]]:
    """As `extract_faces`, but yields every video as soon as its file is there.

    Processes go on with the next ones meanwhile. The videos come in their order, or as they are
    done: then the smallest files are worked on last, so that at the end no process waits long.
    """
    settings = settings or FaceSettings()
    work = settings_key(settings)
    videos = [str(video) for video in dataset.videos["video"]]
    kept: dict[str, FacesInfo] = {}
    for video in videos:
        info = read_info(faces_path(out, video))
        if info and info.settings_hash == _work_hash(dataset.root / video, work):
            kept[video] = info
    todo = [video for video in videos if video not in kept]
    done = len(kept)
    progress("faces", done, len(videos))
    if todo:
        for rung in rungs(settings):
            _finder(rung, device)  # what cannot be had is told of now, not at the first failure
    workers = joblib.effective_n_jobs(jobs)
    threads = max(1, available_threads() // workers) if workers > 1 else 0
    if not in_order:
        todo = _smallest_last(dataset.root, todo, _LAST * workers)
        videos = [*kept, *todo]
    arguments = [(dataset.root, video, out, settings, work, device, threads) for video in todo]
    found = side_by_side(_extract_one, arguments, jobs, ordered=in_order)
    for video in videos:
        if video in kept:
            yield video, kept[video]
            continue
        yield next(found)
        done += 1
        progress("faces", done, len(videos))


def faces_table(dataset: Dataset, infos: Mapping[str, FacesInfo]) -> pd.DataFrame:
    """What was found in a dataset's videos.

    Returns:
        The dataset's videos with `status` (`ok`, `no_face`, `unreadable`), `reason` (string,
        empty when all is well), `n_faces` (Int64) and `found_by` (string, the rung of the ladder
        that found the faces; missing where there are none); every video keeps its row.
    """
    found = [infos[str(video)] for video in dataset.videos["video"]]
    table = dataset.videos.copy()
    table["status"] = pd.array([info.status for info in found], dtype="string")
    table["reason"] = pd.array([info.reason for info in found], dtype="string")
    table["n_faces"] = pd.array([info.n_faces for info in found], dtype="Int64")
    table["found_by"] = pd.array([info.found_by or None for info in found], dtype="string")
    return table


def _extract_one(
    root: Path,
    video: str,
    out: Path,
    settings: FaceSettings,
    work: str,
    device: str,
    threads: int,
) -> tuple[str, FacesInfo]:
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    target = faces_path(out, video)
    # What a killed process left half written.
    for leftover in target.parent.glob(f".{_glob_escaped(target.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)
    work = _work_hash(root / video, work)
    faces = extract_video(root / video, settings, device=device, threads=threads)
    write_faces(faces, target, work)
    return video, FacesInfo(
        faces.status, faces.reason, faces.n_frames, len(faces), work, faces.found_by
    )


def _find(rung: Rung, frames: Iterable[Frame], settings: FaceSettings, device: str) -> _Found:
    """What one rung of the ladder finds in a video."""
    finder = _finder(rung, device)
    found = _Found()
    for shape, run in groupby(frames, key=lambda frame: frame.image.shape):
        reduction = partial(
            reduced_size, settings=settings, pixels=finder.min_face_pixels, larger=rung.larger
        )
        follower = Follower(finder, reduction)
        for batch in _batches(run, min(settings.detect_every, _frames_at_once(shape))):
            found.frames_seen += len(batch)
            _find_in_batch(follower, batch, settings, found)
    return found


def _find_in_batch(
    follower: Follower, batch: list[Frame], settings: FaceSettings, found: _Found
) -> None:
    """Add the faces of equally sized frames to `found`."""
    detections = follower.find([frame.image for frame in batch])
    boxes, points = _rounded(detections.box), _rounded(detections.points)
    for position, box, five, score in zip(
        detections.frame, boxes, points, np.round(detections.score, 4), strict=True
    ):
        frame = batch[position]
        found.frame.append(frame.index)
        found.box.append(box)
        found.score.append(score)
        found.jpeg.append(encode_jpeg(_cut(frame.image, box, five, settings, found)))


def _cut(
    image: NDArray[np.uint8],
    box: NDArray[np.float32],
    points: NDArray[np.float32],
    settings: FaceSettings,
    found: _Found,
) -> NDArray[np.uint8]:
    """The crop, aligned when that is asked for and possible; `found` counts where it is not."""
    if settings.align:
        crop = cut_aligned(image, points, margin=settings.margin, size=settings.size)
        if crop is not None:
            return crop
        found.not_aligned += 1
    return cut_face(image, box, margin=settings.margin, size=settings.size)


def _rounded(places: NDArray[np.floating]) -> NDArray[np.float32]:
    """To sixteenths of a pixel: finer differences come from the order of additions in networks."""
    return (np.round(places * 16) / 16).astype(np.float32)


def _followed(found: _Found, settings: FaceSettings, loss: str, found_by: str) -> Faces:
    """Number the tracks and put the faces in order."""
    missed = ""
    if found.not_aligned:
        missed = f"{found.not_aligned} of {len(found.frame)} faces are not aligned: no landmarks."
    frame = np.array(found.frame, np.int32)
    box = np.stack(found.box)
    track = link_tracks(frame, box)
    order = np.lexsort((track, frame))
    if not settings.keep_all:
        order = order[track[order] == 0]
    return Faces(
        frame=frame[order],
        track=track[order],
        box=box[order],
        score=np.array(found.score, np.float32)[order],
        jpeg=[found.jpeg[i] for i in order],
        status="ok",
        reason=f"{loss} {missed}".strip(),
        n_frames=found.frames_seen,
        size=settings.size,
        found_by=found_by,
    )


def _frames_at_once(shape: tuple[int, ...]) -> int:
    """How many frames of this shape may be in memory."""
    return max(1, _BATCH_BYTES // int(np.prod(shape)))


def _batches(frames: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    """The frames in order, `size` at a time."""
    frames = iter(frames)
    while batch := list(islice(frames, size)):
        yield batch


@lru_cache(maxsize=4)
def _finder(rung: Rung, device: str) -> FaceFinder:
    return make_finder(rung.finder, rung.options(device))


def _smallest_last(root: Path, videos: list[str], count: int) -> list[str]:
    """The videos in their order, but for so many of the smallest files: at the end, falling."""
    by_size = sorted(videos, key=lambda video: _length(root / video))
    last = set(by_size[:count])
    return [*(video for video in videos if video not in last), *reversed(by_size[:count])]


def _work_hash(path: Path, settings_key: str) -> str:
    """Changes when the settings or the length of the file do."""
    return f"{settings_key}-{_length(path)}"


def _length(path: Path) -> int:
    """Bytes of a file; -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _glob_escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
