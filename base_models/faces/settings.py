"""How faces are looked for and cut out."""

import hashlib
import json
from dataclasses import asdict, dataclass

from predictions.errors import InputError

#: Goes into the hash: faces written by an older way of working are made again.
_FORMAT = 1


@dataclass(frozen=True)
class FaceSettings:
    """Everything that decides which faces a video gets, and how their crops look.

    Attributes:
        frames: how many frames of a video are looked at, evenly spaced in time.
        size: side of the stored square crops, in pixels.
        margin: what is added on each side of the face, as a share of its box's longer side.
        keep_all: keep every face (True), or only the most seen one of the video.
        thresholds: the least probability of a face after P-Net, R-Net and O-Net.
        min_face: the smallest face wanted, as a share of the frame's shorter side. Frames are
            reduced for the finder until such a face is 20 pixels wide, its training size.
        long_side: the longer side of the reduced frame in pixels, instead of `min_face`'s.

    Raises:
        InputError: a value outside its range.
    """

    frames: int = 30
    size: int = 256
    margin: float = 0.2
    keep_all: bool = True
    thresholds: tuple[float, float, float] = (0.9, 0.9, 0.9)
    min_face: float = 0.05
    long_side: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(float(t) for t in self.thresholds))
        checks = [
            (self.frames >= 1, "frames", "at least 1"),
            (self.size >= 16, "size", "at least 16 pixels"),
            (0 <= self.margin <= 2, "margin", "between 0 and 2"),
            (
                len(self.thresholds) == 3 and all(0 < t < 1 for t in self.thresholds),
                "thresholds",
                "three numbers between 0 and 1",
            ),
            (0 < self.min_face <= 1, "min_face", "above 0 and at most 1"),
            (self.long_side is None or self.long_side >= 32, "long_side", "at least 32 pixels"),
        ]
        for holds, name, expected in checks:
            if not holds:
                raise InputError(
                    f"face setting {name}={getattr(self, name)!r}: give a value that is {expected}."
                )

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits, the same for the same settings."""
        text = json.dumps([_FORMAT, asdict(self)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]
