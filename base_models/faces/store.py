"""The faces of one video in one Parquet file: where it lies, how it is written and read.

Columns: `frame` (int32, frame number in the video), `face` (int32, the track; 0 is the most seen),
`x0, y0, x1, y1` (float32, pixels of the upright full frame), `score` (float32, how sure the finder
is, in its own measure), `jpeg` (binary, the square crop), and `jpeg:NAME` (likewise) for each other
view of the same faces. A view of whole pictures has rows of its own behind those of the faces, with
`face` -1 and no box. The facts are status, reason, how many frames were looked at, what found the
faces, the crop size, and the names of the views.

Nothing here imports torch or PyAV: training and exploring read faces without the finder.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoFile, VideoStore, video_path
from base_models.faces.views import View
from predictions.errors import InputError

Status = Literal["ok", "no_face", "unreadable"]

_BOX = ("x0", "y0", "x1", "y1")
_FACTS = ("status", "reason", "reason_code", "n_frames", "size", "found_by")
#: The column of the plain crops; those of views are called `jpeg:NAME`.
_JPEG = "jpeg"
#: The track of a row that is a whole picture.
_NO_FACE = -1


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
        ready_made: the crops came cut, and there are no pictures to cut others from.
        views: name of a view -> n JPEG files, the same faces cut in another way.
        picture_frame: (m,) int32, the frames of which whole pictures are kept.
        pictures: name of a view of whole pictures -> m JPEG files.

    Examples:
        >>> from base_models.faces import empty_faces
        >>> faces = empty_faces("no_face", "no face was found", n_frames=30, size=256)
        >>> len(faces), faces.status
        (0, 'no_face')
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
    ready_made: bool = False
    views: Mapping[str, list[bytes]] = field(default_factory=dict, repr=False)
    picture_frame: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    pictures: Mapping[str, list[bytes]] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.frame)

    def seen(self, view: View | None = None) -> "Seen":
        """What a detector sees that asks for `view`: all the crops, as they are where it is None.

        Raises:
            InputError: the faces were cut without this view.
        """
        if view is None or self.ready_made:
            return Seen(self.frame, self.track, self.jpeg, self.size)
        if view.name in self.pictures:
            jpeg, m = self.pictures[view.name], len(self.picture_frame)
            return Seen(self.picture_frame, np.zeros(m, np.int32), jpeg, view.size)
        if view.name not in self.views:
            if self.status != "unreadable":
                raise InputError(
                    "these faces were not cut as a detector's card asks",
                    remedy="give `fakeodds run` or `fakeodds faces` again, with that detector in "
                    "--detectors",
                )
            return Seen(self.frame, self.track, [], view.size)
        return Seen(self.frame, self.track, self.views[view.name], view.size)

    def decode(self, indices: Sequence[int] | NDArray[np.integer] | None = None) -> NDArray:
        """The crops as RGB uint8 (n, size, size, 3): those at `indices`, or all."""
        return self.seen().decode(indices)


@dataclass(frozen=True)
class Seen:
    """What a detector sees of a video.

    Attributes:
        frame: (n,) int32, the frame's number in the video.
        track: (n,) int32, which face; 0 for a whole picture.
        jpeg: n JPEG files, squares of one size.
        size: their side in pixels.
    """

    frame: NDArray[np.int32]
    track: NDArray[np.int32]
    jpeg: list[bytes] = field(repr=False)
    size: int

    def __len__(self) -> int:
        return len(self.frame)

    def decode(self, indices: Sequence[int] | NDArray[np.integer] | None = None) -> NDArray:
        """As RGB uint8 (n, size, size, 3): those at `indices`, or all."""
        from base_models.faces.images import decode_jpegs

        chosen = self.jpeg if indices is None else [self.jpeg[int(i)] for i in indices]
        if not chosen:
            return np.empty((0, self.size, self.size, 3), np.uint8)
        return decode_jpegs(chosen)


def empty_faces(
    status: Status, reason: str, code: str = "no_face", *, n_frames: int, size: int
) -> Faces:
    """No faces, and why.

    Examples:
        >>> from base_models.faces import empty_faces
        >>> empty_faces("no_face", "no face was found", n_frames=30, size=256).box.shape
        (0, 4)
    """
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
    """Where the faces of `video` lie in the folder `out`; see `video_path`.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.faces import faces_path
        >>> faces_path(Path("faces"), "real/anna.mp4").parent.name
        'real'
    """
    return video_path(out, video)


def write_faces(faces: Faces, path: Path, key: str) -> None:
    """Write `faces`, made for `key`, in one step; the same faces give the same bytes.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.faces import empty_faces, faces_path, load_faces, write_faces
        >>> faces = empty_faces("no_face", "no face was found", n_frames=30, size=256)
        >>> path = faces_path(Path("faces"), "anna.mp4")
        >>> write_faces(faces, path, key="made for this")
        >>> load_faces(path).reason
        'no face was found'
    """
    FACES.write(faces, path, key)


def load_faces(path: Path, views: Collection[View] | None = None) -> Faces:
    """Read the faces of one video; the crops stay JPEG until `decode`.

    Args:
        path: the file.
        views: those that are wanted beside the plain crops; all where None.

    Raises:
        InputError: the file is missing, damaged, or no faces file.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.faces import empty_faces, faces_path, load_faces, write_faces
        >>> faces = empty_faces("no_face", "no face was found", n_frames=30, size=256)
        >>> path = faces_path(Path("faces"), "anna.mp4")
        >>> write_faces(faces, path, key="made for this")
        >>> load_faces(path).reason
        'no face was found'
    """
    if views is None:
        return FACES.load(path)
    names = {_column(view.name) for view in views}
    return FACES.load(path, lambda name: not name.startswith(f"{_JPEG}:") or name in names)


def faces_table(videos: pd.DataFrame, files: Mapping[str, VideoFile]) -> pd.DataFrame:
    """What was found in a dataset's videos.

    Returns:
        `videos` with `status` (`ok`, `no_face`, `unreadable`), `reason` and `reason_code` (string,
        empty when all is well), `n_faces` (Int64) and `found_by` (string, the rung of the ladder
        that found the faces; missing where there are none); every video keeps its row.
    """
    video_files = [files[str(video)] for video in videos["video"]]
    facts = [file.facts for file in video_files]
    return videos.assign(
        status=pd.array([one["status"] for one in facts], dtype="string"),
        reason=pd.array([one["reason"] for one in facts], dtype="string"),
        reason_code=pd.array([one["reason_code"] for one in facts], dtype="string"),
        n_faces=pd.array(
            [file.rows - file.facts.get("n_pictures", 0) for file in video_files], dtype="Int64"
        ),
        found_by=pd.array([one["found_by"] or None for one in facts], dtype="string"),
    )


def _column(view: str) -> str:
    return f"{_JPEG}:{view}"


def _pack(faces: Faces) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    n, m = len(faces), len(faces.picture_frame)
    box = np.asarray(faces.box, np.float32)
    frame = np.concatenate([faces.frame, faces.picture_frame])
    track = np.concatenate([faces.track, np.full(m, _NO_FACE, np.int32)])
    places = [np.ascontiguousarray(box[:, i]) for i in range(len(_BOX))]
    columns = {
        "frame": pa.array(frame, pa.int32()),
        "face": pa.array(track, pa.int32()),
        **{name: _longer(place, m) for name, place in zip(_BOX, places, strict=True)},
        "score": _longer(np.asarray(faces.score, np.float32), m),
        _JPEG: pa.array([*faces.jpeg, *[None] * m], pa.binary()),
    }
    for name, jpeg in faces.views.items():
        columns[_column(name)] = pa.array([*jpeg, *[None] * m], pa.binary())
    for name, jpeg in faces.pictures.items():
        columns[_column(name)] = pa.array([*[None] * n, *jpeg], pa.binary())
    facts = {name: getattr(faces, name) for name in _FACTS}
    # Only what is so: files without it are as they were before there was such a thing.
    facts |= {"ready_made": True} if faces.ready_made else {}
    facts |= {"views": list(faces.views)} if faces.views else {}
    facts |= {"pictures": list(faces.pictures), "n_pictures": m} if faces.pictures else {}
    return columns, facts


def _longer(values: NDArray[np.float32], by: int) -> pa.Array:
    return pa.concat_arrays([pa.array(values, pa.float32()), pa.nulls(by, pa.float32())])


def _unpack(table: pa.Table, facts: Mapping[str, Any]) -> Faces:
    facts = dict(facts)
    names, whole = facts.pop("views", []), facts.pop("pictures", [])
    n = len(table) - facts.pop("n_pictures", 0)
    faces, pictures = table.slice(0, n), table.slice(n)
    there = set(table.column_names)
    return Faces(
        frame=faces["frame"].to_numpy(),
        track=faces["face"].to_numpy(),
        box=np.stack([faces[name].to_numpy() for name in _BOX], axis=1),
        score=faces["score"].to_numpy(),
        jpeg=faces[_JPEG].to_pylist(),
        views={v: faces[_column(v)].to_pylist() for v in names if _column(v) in there},
        picture_frame=pictures["frame"].to_numpy(),
        pictures={v: pictures[_column(v)].to_pylist() for v in whole if _column(v) in there},
        **facts,
    )


#: JPEGs do not compress further, and the other columns are small.
FACES = VideoStore("faces", _pack, _unpack, made_by="fakeodds faces")
