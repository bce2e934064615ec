"""The faces of one video in one Parquet file: where it lies, how it is written and read.

Columns: `frame` (int32, frame number in the video), `face` (int32, the track; 0 is the most seen),
`x0, y0, x1, y1` (float32, pixels of the upright full frame), `score` (float32, how sure the finder
is, in its own measure), `jpeg` (binary, the square crop). The facts are status, reason, how many
frames were looked at, what found the faces and the crop size.

Nothing here imports torch or PyAV: training and exploring read faces without the finder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoFile, VideoStore, video_path

Status = Literal["ok", "no_face", "unreadable"]

_BOX = ("x0", "y0", "x1", "y1")
_FACTS = ("status", "reason", "reason_code", "n_frames", "size", "found_by")


@dataclass(frozen=True)
class Faces:
    """The faces of one video, ordered by frame, then track.

    Attributes:
        frame: (n,) int32, the frame's number in the video.
        track: (n,) int32, which face; 0 is the most seen one.
        box: (n, 4) float32, x0 y0 x1 y1 in pixels of the full frame, before the margin.
        score: (n,) float32, how sure the finder is (see `registry.FinderSpec.measure`).
        jpeg: n JPEG files, square crops of one size.
        status: `ok`, `no_face` (frames came, no face in them) or `unreadable` (no frame came).
        reason: a sentence; empty when all is well.
        reason_code: the kind of reason in a word: `no_face`, `cut_off`, ...; empty likewise.
        n_frames: how many frames were looked at.
        size: side of a crop in pixels.
        found_by: the rung of the ladder that found them (see `base_models.faces.ladder`); empty
            where nothing was found, or where it is not known.
    """

    frame: NDArray[np.int32]
    track: NDArray[np.int32]
    box: NDArray[np.float32]
    score: NDArray[np.float32]
    jpeg: list[bytes] = field(repr=False)
    status: Status
    reason: str
    n_frames: int
    size: int
    found_by: str = ""
    reason_code: str = ""

    def __len__(self) -> int:
        return len(self.frame)

    def decode(self, indices: Sequence[int] | NDArray[np.integer] | None = None) -> NDArray:
        """The crops as RGB uint8 (n, size, size, 3): those at `indices`, or all."""
        from base_models.faces.images import decode_jpegs

        chosen = self.jpeg if indices is None else [self.jpeg[int(i)] for i in indices]
        if not chosen:
            return np.empty((0, self.size, self.size, 3), np.uint8)
        return decode_jpegs(chosen)


def empty_faces(
    status: Status, reason: str, code: str = "no_face", *, n_frames: int, size: int
) -> Faces:
    """No faces, and why."""
    return Faces(
        frame=np.empty(0, np.int32),
        track=np.empty(0, np.int32),
        box=np.empty((0, 4), np.float32),
        score=np.empty(0, np.float32),
        jpeg=[],
        status=status,
        reason=reason,
        n_frames=n_frames,
        size=size,
        reason_code=code,
    )


def faces_path(out: Path, video: str) -> Path:
    """Where the faces of `video` lie in the folder `out`; see `video_path`."""
    return video_path(out, video)


def write_faces(faces: Faces, path: Path, key: str) -> None:
    """Write `faces`, made for `key`, in one step; the same faces give the same bytes."""
    FACES.write(faces, path, key)


def load_faces(path: Path) -> Faces:
    """Read the faces of one video; the crops stay JPEG until `decode`.

    Raises:
        InputError: the file is missing, damaged, or no faces file.
    """
    return FACES.load(path)


def faces_table(videos: pd.DataFrame, files: Mapping[str, VideoFile]) -> pd.DataFrame:
    """What was found in a dataset's videos.

    Returns:
        `videos` with `status` (`ok`, `no_face`, `unreadable`), `reason` and `reason_code` (string,
        empty when all is well), `n_faces` (Int64) and `found_by` (string, the rung of the ladder
        that found the faces; missing where there are none); every video keeps its row.
    """
    found = [files[str(video)] for video in videos["video"]]
    facts = [file.facts for file in found]
    return videos.assign(
        status=pd.array([one["status"] for one in facts], dtype="string"),
        reason=pd.array([one["reason"] for one in facts], dtype="string"),
        reason_code=pd.array([one["reason_code"] for one in facts], dtype="string"),
        n_faces=pd.array([file.rows for file in found], dtype="Int64"),
        found_by=pd.array([one["found_by"] or None for one in facts], dtype="string"),
    )


def _pack(faces: Faces) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    box = np.asarray(faces.box, np.float32)
    columns = {
        "frame": pa.array(faces.frame, pa.int32()),
        "face": pa.array(faces.track, pa.int32()),
        **{name: pa.array(np.ascontiguousarray(box[:, i])) for i, name in enumerate(_BOX)},
        "score": pa.array(faces.score, pa.float32()),
        "jpeg": pa.array(faces.jpeg, pa.binary()),
    }
    return columns, {name: getattr(faces, name) for name in _FACTS}


def _unpack(table: pa.Table, facts: Mapping[str, Any]) -> Faces:
    return Faces(
        frame=table["frame"].to_numpy(),
        track=table["face"].to_numpy(),
        box=np.stack([table[name].to_numpy() for name in _BOX], axis=1),
        score=table["score"].to_numpy(),
        jpeg=table["jpeg"].to_pylist(),
        **facts,
    )


#: JPEGs do not compress further, and the other columns are small.
FACES = VideoStore("faces", _pack, _unpack, made_by="fakeodds faces")
