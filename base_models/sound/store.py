"""The spectrograms of one video in one Parquet file: where it lies, how it is written and read.

Columns: `window` (int32, its number in the video), `start_s` (float32, seconds) and `mel` (binary:
float16, little-endian, frames x bands, natural log of power). The facts are status, reason, seconds
of sound and the shape of a window.

Nothing here imports torch or PyAV.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from base_models.compute.per_video import VideoStore, video_path

SoundStatus = Literal["ok", "no_sound", "unreadable"]

_SAID = ("status", "reason", "reason_code")


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
        reason_code: the kind of reason in a word: `silent`, `no_track`, ...; empty likewise.
    """

    window: NDArray[np.int32]
    start_s: NDArray[np.float32]
    mel: NDArray[np.float16] = field(repr=False)
    status: SoundStatus
    reason: str
    seconds: float
    reason_code: str = ""

    def __len__(self) -> int:
        return len(self.window)


def sound_path(out: Path, video: str) -> Path:
    """Where the sound of `video` lies in the folder `out`; see `video_path`."""
    return video_path(out, video)


def write_sound(sound: Sound, path: Path, key: str) -> None:
    """Write `sound`, made for `key`, in one step; the same sound gives the same bytes."""
    SOUND.write(sound, path, key)


def load_sound(path: Path) -> Sound:
    """Read the sound of one video.

    Raises:
        InputError: the file is missing, damaged, or no sound file.
    """
    return SOUND.load(path)


def _pack(sound: Sound) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    _, frames, bands = sound.mel.shape
    columns = {
        "window": pa.array(sound.window, pa.int32()),
        "start_s": pa.array(sound.start_s, pa.float32()),
        "mel": pa.array([window.astype("<f2").tobytes() for window in sound.mel], pa.binary()),
    }
    seconds = round(sound.seconds, 3)
    said = {name: getattr(sound, name) for name in _SAID}
    return columns, {**said, "seconds": seconds, "shape": [frames, bands]}


def _unpack(table: pa.Table, facts: Mapping[str, Any]) -> Sound:
    mel = np.frombuffer(b"".join(table["mel"].to_pylist()), "<f2")
    return Sound(
        window=table["window"].to_numpy(),
        start_s=table["start_s"].to_numpy(),
        mel=mel.reshape(len(table), *facts["shape"]).astype(np.float16, copy=False),
        seconds=facts["seconds"],
        **{name: facts[name] for name in _SAID},
    )


SOUND = VideoStore("sound", _pack, _unpack, made_by="fakeodds train", compression="zstd")
