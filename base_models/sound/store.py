"""The sound of one video in one Parquet file: where it lies, how it is written and read.

One row, `samples` (binary: int16, little-endian, mono); none where there is no sound. The facts are
status, reason, and seconds of sound.

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

_FULL_SCALE = 32_768
_FACTS = ("status", "reason", "reason_code")


@dataclass(frozen=True)
class Sound:
    """The beginning of the track of one video.

    Attributes:
        samples: (n,) int16 at the rate of the settings, mono; 32,768 is full scale.
        status: `ok`, `no_sound` (no audio track, an empty or a silent one) or `unreadable`.
        reason: a sentence; empty when all is well.
        seconds: of sound that was decoded.
        reason_code: the kind of reason in a word: `silent`, `no_track`, ...; empty likewise.

    Examples:
        >>> import numpy as np
        >>> from base_models.sound import Sound
        >>> samples = np.zeros(16_000, np.int16)
        >>> Sound(samples, "no_sound", "the track is silent", seconds=1.0).status
        'no_sound'
    """

    samples: NDArray[np.int16] = field(repr=False)
    status: SoundStatus
    reason: str
    seconds: float
    reason_code: str = ""

    @property
    def wave(self) -> NDArray[np.float32]:
        """The samples (n,) float32 in [-1, 1]."""
        return self.samples.astype(np.float32) / np.float32(_FULL_SCALE)


def as_samples(wave: NDArray[np.float32]) -> NDArray[np.int16]:
    """Samples (n,) in [-1, 1] as they are kept, to the nearest of 65,536 values."""
    return np.clip(np.rint(wave * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype(np.int16)


def sound_path(out: Path, video: str) -> Path:
    """Where the sound of `video` lies in the folder `out`; see `video_path`.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.sound import sound_path
        >>> sound_path(Path("sound"), "real/anna.mp4").parent.name
        'real'
    """
    return video_path(out, video)


def write_sound(sound: Sound, path: Path, key: str) -> None:
    """Write `sound`, made for `key`, in one step; the same sound gives the same bytes.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from base_models.sound import Sound, load_sound, sound_path, write_sound
        >>> sound = Sound(np.ones(16_000, np.int16), "ok", "", seconds=1.0)
        >>> path = sound_path(Path("sound"), "anna.mp4")
        >>> write_sound(sound, path, key="made for this")
        >>> load_sound(path).seconds
        1.0
    """
    SOUND.write(sound, path, key)


def load_sound(path: Path) -> Sound:
    """Read the sound of one video.

    Raises:
        InputError: the file is missing, damaged, or no sound file.

    Examples:
        >>> from pathlib import Path
        >>> import numpy as np
        >>> from base_models.sound import Sound, load_sound, sound_path, write_sound
        >>> sound = Sound(np.ones(16_000, np.int16), "ok", "", seconds=1.0)
        >>> path = sound_path(Path("sound"), "anna.mp4")
        >>> write_sound(sound, path, key="made for this")
        >>> load_sound(path).seconds
        1.0
    """
    return SOUND.load(path)


def _pack(sound: Sound) -> tuple[dict[str, pa.Array], dict[str, Any]]:
    tracks = [sound.samples.astype("<i2").tobytes()] if len(sound.samples) else []
    seconds = round(sound.seconds, 3)
    facts = {name: getattr(sound, name) for name in _FACTS}
    return {"samples": pa.array(tracks, pa.binary())}, {**facts, "seconds": seconds}


def _unpack(table: pa.Table, facts: Mapping[str, Any]) -> Sound:
    return Sound(
        samples=np.frombuffer(b"".join(table["samples"].to_pylist()), "<i2").astype(np.int16),
        seconds=facts["seconds"],
        **{name: facts[name] for name in _FACTS},
    )


SOUND = VideoStore("sound", _pack, _unpack, made_by="fakeodds train", compression="zstd")
