"""The spectrograms of one video in one Parquet file: where it lies, how it is written and read.

Columns: `window` (int32, its number in the video), `start_s` (float32, seconds) and `mel` (binary:
float16, little-endian, frames x bands, natural log of power). The schema's metadata holds status,
reason, seconds of sound, the shape of a window and the hash of the settings.

Nothing here imports torch or PyAV.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoTables, video_path
from predictions.errors import InputError

SoundStatus = Literal["ok", "no_sound", "unreadable"]

_SCHEMA = pa.schema([("window", pa.int32()), ("start_s", pa.float32()), ("mel", pa.binary())])
_TABLES = VideoTables(
    kind="sound",
    schema=_SCHEMA,
    keys=frozenset({"status", "reason", "seconds", "frames", "bands", "settings"}),
    missing="no sound was extracted yet; run `fakeodds train` or `run` with a sound detector.",
)


@dataclass(frozen=True)
class Sound:
    """The windows of one video, in order.

    Attributes:
        window: (n,) int32, numbers of the windows.
        start_s: (n,) float32, when they begin, in seconds.
        mel: (n, frames, bands) float16, natural log of mel power.
        status: `ok`, `no_sound` (no audio track, an empty or a silent one) or `unreadable`.
        reason: a sentence; empty when all is well.
        seconds: of sound that was decoded.
    """

    window: NDArray[np.int32]
    start_s: NDArray[np.float32]
    mel: NDArray[np.float16] = field(repr=False)
    status: SoundStatus
    reason: str
    seconds: float

    def __len__(self) -> int:
        return len(self.window)


@dataclass(frozen=True)
class SoundInfo:
    """What a sound file says of itself, read from its footer alone."""

    status: SoundStatus
    reason: str
    seconds: float
    n_windows: int
    settings_hash: str


def sound_path(out: Path, video: str) -> Path:
    """Where the sound of `video` (its id, a relative path) lies in the sound folder `out`.

    Raises:
        InputError: the id is absolute, or leads out of the folder.
    """
    return video_path(out, video)


def write_sound(sound: Sound, path: Path, settings_hash: str) -> None:
    """Write `sound` in one step; the same sound gives the same bytes."""
    _, frames, bands = sound.mel.shape
    columns = [
        pa.array(sound.window, pa.int32()),
        pa.array(sound.start_s, pa.float32()),
        pa.array([window.astype("<f2").tobytes() for window in sound.mel], pa.binary()),
    ]
    metadata = {
        "status": sound.status,
        "reason": sound.reason,
        "seconds": f"{sound.seconds:.3f}",
        "frames": str(frames),
        "bands": str(bands),
        "settings": settings_hash,
    }
    _TABLES.write(columns, metadata, path, "zstd")


def load_sound(path: Path) -> Sound:
    """Read the sound of one video.

    Raises:
        InputError: the file is missing, or is not a sound file.
    """
    table, metadata = _TABLES.read(path)
    shape = (len(table), int(metadata["frames"]), int(metadata["bands"]))
    data = b"".join(table["mel"].to_pylist())
    if len(data) != 2 * int(np.prod(shape)):
        raise InputError(f"{path}: its spectrograms are cut short; delete it and extract again.")
    return Sound(
        window=table["window"].to_numpy(),
        start_s=table["start_s"].to_numpy(),
        mel=np.frombuffer(data, "<f2").reshape(shape).astype(np.float16, copy=False),
        status=cast(SoundStatus, metadata["status"]),
        reason=metadata["reason"],
        seconds=float(metadata["seconds"]),
    )


def read_info(path: Path) -> SoundInfo | None:
    """The footer of a sound file; None when there is no usable file."""
    footer = _TABLES.read_footer(path)
    if footer is None:
        return None
    n_windows, metadata = footer
    return SoundInfo(
        status=cast(SoundStatus, metadata["status"]),
        reason=metadata["reason"],
        seconds=float(metadata["seconds"]),
        n_windows=n_windows,
        settings_hash=metadata["settings"],
    )
