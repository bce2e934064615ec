"""Face crops that came as pictures, into the same faces files that a finder writes."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from base_models.compute.parallel import side_by_side
from base_models.datasets.dataset import Dataset
from base_models.faces.crops import cut_face
from base_models.faces.images import encode_jpeg
from base_models.faces.settings import FaceSettings
from base_models.faces.store import (
    Faces,
    FacesInfo,
    empty_faces,
    faces_path,
    read_info,
    write_faces,
)
from predictions.progress import Progress, silent


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
    for those larger than `settings.size`. What is there already is passed over.

    Returns:
        The dataset's videos with `status` (`ok`, `unreadable`), `reason` and `n_faces`.
    """
    settings = settings or FaceSettings()
    crops = dataset.crops or {}
    videos = [str(video) for video in dataset.videos["video"]]
    work = [(dataset.root, crops[video], faces_path(out, video), settings.size) for video in videos]
    infos = []
    for info in side_by_side(_import_one, work, jobs, ordered=True):
        infos.append(info)
        progress("faces", len(infos), len(videos))
    table = dataset.videos.copy()
    table["status"] = pd.array([info.status for info in infos], dtype="string")
    table["reason"] = pd.array([info.reason for info in infos], dtype="string")
    table["n_faces"] = pd.array([info.n_faces for info in infos], dtype="Int64")
    return table


def _import_one(root: Path, names: Sequence[str], target: Path, largest: int) -> FacesInfo:
    sizes = [(root / name).stat().st_size for name in names]
    wanted = f"crops-{largest}-{'-'.join(map(str, sizes))}"
    info = read_info(target)
    if info is not None and info.settings_hash == wanted:
        return info
    faces = read_crops(root, names, largest)
    write_faces(faces, target, wanted)
    return FacesInfo(faces.status, faces.reason, faces.n_frames, len(faces), wanted)


def read_crops(root: Path, names: Sequence[str], largest: int) -> Faces:
    """The pictures of one video as its faces: frame = place among `names`, one track.

    `unreadable` when a picture cannot be decoded, with its name.
    """
    jpegs: list[bytes] = []
    boxes = []
    side = 0
    for name in names:
        data = (root / name).read_bytes()
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            reason = f"The picture {name} cannot be decoded."
            return empty_faces("unreadable", reason, n_frames=0, size=largest)
        height, width = image.shape[:2]
        side = side or min(largest, max(height, width))
        box = np.array([0, 0, width, height], np.float32)
        if (height, width) == (side, side) and data[:2] == b"\xff\xd8":
            jpegs.append(data)
        else:
            rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
            jpegs.append(encode_jpeg(cut_face(rgb, box, margin=0.0, size=side)))
        boxes.append(box)
    n = len(jpegs)
    return Faces(
        frame=np.arange(n, dtype=np.int32),
        track=np.zeros(n, np.int32),
        box=np.stack(boxes),
        score=np.ones(n, np.float32),
        jpeg=jpegs,
        status="ok",
        reason="",
        n_frames=n,
        size=side,
    )
