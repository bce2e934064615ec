"""Face crops that came as pictures, into the same faces files that a finder writes."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from base_models.compute.per_video import keep_only, work_on_videos
from base_models.datasets.dataset import Dataset
from base_models.faces.crops import cut_face
from base_models.faces.images import encode_jpeg
from base_models.faces.settings import FaceSettings
from base_models.faces.store import FACES, Faces, empty_faces, faces_table
from base_models.video.stills import read_picture
from base_models.video.unreadable import UnreadableVideo
from predictions.products import key_of, media_identity
from predictions.progress import Progress, silent
from predictions.words import count, name_some

#: Goes into the key: faces written by an older way of working are made again.
_FORMAT = 4


def import_crops(
    dataset: Dataset,
    out: Path,
    settings: FaceSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Write the pictures of every video of a dataset of crops to the folder `out`.

    A picture is one frame with one face that fills it. A square JPEG of the video's size is kept
    as it is, byte for byte; others are made square about their middle. Crops keep their size, but
    for those larger than `settings.size`. What is there already is passed over; files of other
    videos are removed from `out`.

    Returns:
        See `faces_table`.
    """
    largest = (settings or FaceSettings()).size
    videos = [str(video) for video in dataset.videos["video"]]
    keep_only(out, videos)
    files = work_on_videos(
        FACES,
        out,
        {video: dataset.files(video) for video in videos},
        partial(_key, dataset.root, largest),
        partial(read_crops, dataset.root, largest),
        stage="faces",
        jobs=jobs,
        shared=(dataset.root,),
        progress=progress,
    )
    return faces_table(dataset.videos, dict(files))


def _key(root: Path, largest: int, names: Sequence[str]) -> str:
    media = [media_identity(root / name) for name in names]
    return key_of(format=_FORMAT, size=largest, names=list(names), media=media)


def read_crops(root: Path, largest: int, names: Sequence[str]) -> Faces:
    """The pictures of one video as its faces: frame = place among `names`, one track.

    A picture that cannot be decoded is left out, and named in the reason; `unreadable` where no
    other is left.
    """
    frames: list[int] = []
    jpegs: list[bytes] = []
    boxes = []
    lost: list[str] = []
    side = 0
    for number, name in enumerate(names):
        try:
            image, data = read_picture(root / name)
        except UnreadableVideo as error:
            lost.append(f"{name} ({error})")
            continue
        height, width = image.shape[:2]
        side = side or min(largest, max(height, width))
        box = np.array([0, 0, width, height], np.float32)
        if (height, width) == (side, side) and data[:2] == b"\xff\xd8":
            jpegs.append(data)
        else:
            jpegs.append(encode_jpeg(cut_face(image, box, margin=0.0, size=side)))
        frames.append(number)
        boxes.append(box)
    n = len(jpegs)
    reason = f"{len(lost)} of {count(len(names), 'picture')} left out: {name_some(lost)}."
    if not n:
        return empty_faces("unreadable", reason, "no_picture", n_frames=0, size=largest)
    return Faces(
        frame=np.array(frames, np.int32),
        track=np.zeros(n, np.int32),
        box=np.stack(boxes),
        score=np.ones(n, np.float32),
        jpeg=jpegs,
        status="ok",
        reason=reason if lost else "",
        n_frames=n,
        size=side,
        reason_code="pictures_lost" if lost else "",
        ready_made=True,
    )
