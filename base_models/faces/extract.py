"""Videos in, one file of faces per video out.

A video is worked through in bounded batches of frames: find faces on reduced frames, cut them
out of the full frames, keep only the JPEGs. What a video gives depends on the file and the
settings alone, so a stopped extraction goes on with the videos whose file is not there yet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from os import cpu_count
from pathlib import Path
from typing import Any

import cv2
import joblib
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from base_models.datasets.dataset import Dataset
from base_models.faces.crops import cut_face
from base_models.faces.images import encode_jpeg
from base_models.faces.mtcnn import MIN_FACE_PIXELS, FaceFinder
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
from base_models.parallel import side_by_side
from base_models.video import (
    Frame,
    UnreadableVideo,
    choose_frames,
    decode_frames,
    describe_loss,
    index_video,
)
from predictions.progress import Progress, silent

#: A batch of full frames stays below this many bytes (but holds one frame at least). More than a
#: few frames at a time gain nothing on a CPU, and cost cache and memory.
_BATCH_BYTES = 96 * 2**20
_BATCH_FRAMES = 4


def reduced_size(height: int, width: int, settings: FaceSettings) -> tuple[int, int]:
    """Height and width that a frame is reduced to for the finder; never enlarged."""
    if settings.long_side is not None:
        ratio = settings.long_side / max(height, width)
    else:
        ratio = MIN_FACE_PIXELS / (settings.min_face * min(height, width))
    if ratio >= 1:
        return height, width
    return max(1, round(height * ratio)), max(1, round(width * ratio))


@dataclass
class _Found:
    """The faces of a video so far, in the order of its frames."""

    frame: list[int] = field(default_factory=list)
    box: list[NDArray[np.float32]] = field(default_factory=list)
    score: list[np.float32] = field(default_factory=list)
    jpeg: list[bytes] = field(default_factory=list)


def extract_video(
    path: Path, settings: FaceSettings, *, device: str = "cpu", threads: int = 0
) -> Faces:
    """The faces of one video, in memory.

    A video that cannot be decoded gives status `unreadable`, one without a face `no_face`, each
    with its reason. `threads`: of the decoder, 0 lets it choose.
    """
    finder = _finder(settings.thresholds, device)
    found, came = _Found(), 0
    try:
        index = index_video(path)
        chosen = choose_frames(index.times, settings.frames)
        for batch in _batches(decode_frames(index, chosen, threads=threads)):
            came += len(batch)
            _find_in_batch(finder, batch, settings, found)
    except UnreadableVideo as error:
        return empty_faces("unreadable", _sentence(error.reason), n_frames=0, size=settings.size)
    if not came:
        reason = "No frame of the file can be decoded."
        return empty_faces("unreadable", reason, n_frames=0, size=settings.size)
    loss = describe_loss(index, len(chosen), came)
    if not found.frame:
        reason = f"No face was found in {came} frame{'s' * (came > 1)}. {loss}".strip()
        return empty_faces("no_face", reason, n_frames=came, size=settings.size)
    return _followed(found, settings, loss, came)


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
        The dataset's videos with `status` (`ok`, `no_face`, `unreadable`), `reason` (string,
        empty when all is well) and `n_faces` (Int64); every video keeps its row.
    """
    settings = settings or FaceSettings()
    videos = [str(video) for video in dataset.videos["video"]]
    infos: dict[str, FacesInfo] = {}
    for video in videos:
        info = read_info(faces_path(out, video))
        if info and info.settings_hash == _work_hash(dataset.root / video, settings):
            infos[video] = info
    todo = [video for video in videos if video not in infos]
    progress("faces", len(infos), len(videos))
    if todo:
        workers = joblib.effective_n_jobs(jobs)
        threads = max(1, (cpu_count() or 1) // workers) if workers > 1 else 0
        arguments = [(dataset.root, video, out, settings, device, threads) for video in todo]
        for video, info in side_by_side(_extract_one, arguments, jobs, ordered=False):
            infos[video] = info
            progress("faces", len(infos), len(videos))
    table = dataset.videos.copy()
    table["status"] = pd.array([infos[v].status for v in videos], dtype="string")
    table["reason"] = pd.array([infos[v].reason for v in videos], dtype="string")
    table["n_faces"] = pd.array([infos[v].n_faces for v in videos], dtype="Int64")
    return table


def _extract_one(
    root: Path, video: str, out: Path, settings: FaceSettings, device: str, threads: int
) -> tuple[str, FacesInfo]:
    if threads:
        torch.set_num_threads(threads)
        cv2.setNumThreads(threads)
    target = faces_path(out, video)
    # What a killed process left half written.
    for leftover in target.parent.glob(f".{_glob_escaped(target.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)
    work = _work_hash(root / video, settings)
    faces = extract_video(root / video, settings, device=device, threads=threads)
    write_faces(faces, target, work)
    return video, FacesInfo(faces.status, faces.reason, faces.n_frames, len(faces), work)


def _find_in_batch(
    finder: FaceFinder, batch: list[Frame], settings: FaceSettings, found: _Found
) -> None:
    """Add the faces of equally sized frames to `found`."""
    height, width = batch[0].image.shape[:2]
    small_height, small_width = reduced_size(height, width, settings)
    images: list[NDArray[Any]] = [frame.image for frame in batch]
    if (small_height, small_width) != (height, width):
        images = [
            cv2.resize(image, (small_width, small_height), interpolation=cv2.INTER_AREA)
            for image in images
        ]
    detections = finder.find(np.stack(images))
    back = np.array([width / small_width, height / small_height] * 2)
    # Sixteenths of a pixel: finer differences come from the order of additions in the networks.
    boxes = (np.round(detections.box * back * 16) / 16).astype(np.float32)
    for position, box, score in zip(
        detections.frame, boxes, np.round(detections.score, 4), strict=True
    ):
        frame = batch[position]
        crop = cut_face(frame.image, box, margin=settings.margin, size=settings.size)
        found.frame.append(frame.index)
        found.box.append(box)
        found.score.append(score)
        found.jpeg.append(encode_jpeg(crop))


def _followed(found: _Found, settings: FaceSettings, reason: str, came: int) -> Faces:
    """Number the tracks and put the faces in order."""
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
        reason=reason,
        n_frames=came,
        size=settings.size,
    )


def _batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """Runs of equally sized frames, of bounded memory."""
    for shape, run in groupby(frames, key=lambda frame: frame.image.shape):
        limit = min(_BATCH_FRAMES, max(1, _BATCH_BYTES // int(np.prod(shape))))
        batch: list[Frame] = []
        for frame in run:
            batch.append(frame)
            if len(batch) == limit:
                yield batch
                batch = []
        if batch:
            yield batch


@lru_cache(maxsize=2)
def _finder(thresholds: tuple[float, float, float], device: str) -> FaceFinder:
    return FaceFinder(thresholds, device=device)


def _work_hash(path: Path, settings: FaceSettings) -> str:
    """Changes when the settings or the length of the file do."""
    try:
        length = path.stat().st_size
    except OSError:
        length = -1
    return f"{settings.hash}-{length}"


def _glob_escaped(name: str) -> str:
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
