"""The faces of one video in one Parquet file: where it lies, how it is written and read.

Columns: `frame` (int32, frame number in the video), `face` (int32, the track; 0 is the most seen),
`x0, y0, x1, y1` (float32, pixels of the upright full frame), `score` (float32, how sure the finder
is, in its own measure), `jpeg` (binary, the square crop). The schema's metadata holds status,
reason, how many frames were looked at, what found the faces, the crop size and the hash of the
settings.

Nothing here imports torch or PyAV: training and exploring read faces without the finder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoTables, video_path

Status = Literal["ok", "no_face", "unreadable"]

_BOX = ("x0", "y0", "x1", "y1")
_SCHEMA = pa.schema(
    [
        ("frame", pa.int32()),
        ("face", pa.int32()),
        *((name, pa.float32()) for name in _BOX),
        ("score", pa.float32()),
        ("jpeg", pa.binary()),
    ]
)
_TABLES = VideoTables(
    kind="faces",
    schema=_SCHEMA,
    keys=frozenset({"status", "reason", "n_frames", "size", "settings"}),
    missing="no faces were extracted yet; run `fakeodds faces`.",
)


@dataclass(frozen=True)
class Faces:
    """The faces of one video, ordered by frame, then track.

    Attributes:
        frame: (n,) int32, the frame's number in the video.
        track: (n,) int32, which face; 0 is the most seen one.
        box: (n, 4) float32, x0 y0 x1 y1 in pixels of the full frame, before the margin.
        score: (n,) float32, how sure the finder is (see `finders.FinderSpec.measure`).
        jpeg: n JPEG files, square crops of one size.
        status: `ok`, `no_face` (frames came, no face in them) or `unreadable` (no frame came).
        reason: a sentence; empty when all is well.
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

    def __len__(self) -> int:
        return len(self.frame)

    def decode(self, indices: Sequence[int] | NDArray[np.integer] | None = None) -> NDArray:
        """The crops as RGB uint8 (n, size, size, 3): those at `indices`, or all."""
        from base_models.faces.images import decode_jpegs

        chosen = self.jpeg if indices is None else [self.jpeg[int(i)] for i in indices]
        if not chosen:
            return np.empty((0, self.size, self.size, 3), np.uint8)
        return decode_jpegs(chosen)


def empty_faces(status: Status, reason: str, *, n_frames: int, size: int) -> Faces:
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
    )


def faces_path(out: Path, video: str) -> Path:
    """Where the faces of `video` (its id, a relative path) lie in the faces folder `out`.

    Raises:
        InputError: the id is absolute, or leads out of the folder.
    """
    return video_path(out, video)


def write_faces(faces: Faces, path: Path, settings_hash: str) -> None:
    """Write `faces` in one step; the same faces give the same bytes."""
    columns: list[pa.Array] = [pa.array(faces.frame), pa.array(faces.track)]
    columns += [pa.array(np.ascontiguousarray(faces.box[:, i])) for i in range(4)]
    columns += [pa.array(faces.score), pa.array(faces.jpeg, pa.binary())]
    metadata = {
        "status": faces.status,
        "reason": faces.reason,
        "n_frames": str(faces.n_frames),
        "size": str(faces.size),
        "settings": settings_hash,
        "found_by": faces.found_by,
    }
    # JPEGs do not compress further, and the other columns are small.
    _TABLES.write(columns, metadata, path, "none")


def load_faces(path: Path) -> Faces:
    """Read the faces of one video; the crops stay JPEG until `decode`.

    Raises:
        InputError: the file is missing, or is not a faces file.
    """
    table, metadata = _TABLES.read(path)
    return Faces(
        frame=table["frame"].to_numpy(),
        track=table["face"].to_numpy(),
        box=np.stack([table[name].to_numpy() for name in _BOX], axis=1),
        score=table["score"].to_numpy(),
        jpeg=table["jpeg"].to_pylist(),
        status=cast(Status, metadata["status"]),
        reason=metadata["reason"],
        n_frames=int(metadata["n_frames"]),
        size=int(metadata["size"]),
        found_by=metadata.get("found_by", ""),
    )


@dataclass(frozen=True)
class FacesInfo:
    """What a faces file says of itself, read from its footer alone."""

    status: Status
    reason: str
    n_frames: int
    n_faces: int
    settings_hash: str
    found_by: str = ""


def read_info(path: Path) -> FacesInfo | None:
    """The footer of a faces file; None when there is no usable file."""
    footer = _TABLES.read_footer(path)
    if footer is None:
        return None
    n_faces, metadata = footer
    return FacesInfo(
        status=cast(Status, metadata["status"]),
        reason=metadata["reason"],
        n_frames=int(metadata["n_frames"]),
        n_faces=n_faces,
        settings_hash=metadata["settings"],
        found_by=metadata.get("found_by", ""),
    )
