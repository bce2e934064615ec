"""How closely a dataset is looked at."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from base_models.faces.finders import parse_finder
from base_models.settings_checks import check_ranges

#: Goes into the keys of kept results: those of an older way of working are made again.
_FORMAT = 2


@dataclass(frozen=True)
class ExploreSettings:
    """What is looked at, and how much of it. File headers are read of every video.

    Attributes:
        sample: videos whose pictures are looked at (quality, faces, doubles); 0 takes all.
        frames: frames of each, evenly spaced in time.
        pairs: fakes that are compared with their originals; 0 takes all.
        pair_frames: frames of each pair.
        sheet: videos on the contact sheet, taken from the sample.
        finders: face finders; the first one's faces are counted and measured, the others' are
            drawn beside them.
        min_face: the smallest face wanted, as a share of the frame's shorter side.
        same_bits: two frames are the same picture when at most this many of the 64 bits of their
            perceptual hashes differ, on average over a video's frames.
        seed: which videos are in the sample.

    Raises:
        InputError: a value outside its range.
    """

    sample: int = 200
    frames: int = 8
    pairs: int = 60
    pair_frames: int = 4
    sheet: int = 24
    finders: tuple[str, ...] = ("mtcnn", "haar")
    min_face: float = 0.05
    same_bits: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        checks = [
            (self.sample >= 0, "sample", "0 (all) or more"),
            (self.frames >= 1, "frames", "at least 1"),
            (self.pairs >= 0, "pairs", "0 (all) or more"),
            (self.pair_frames >= 1, "pair_frames", "at least 1"),
            (self.sheet >= 0, "sheet", "0 or more"),
            (len(self.finders) >= 1, "finders", "one face finder or more"),
            (0 < self.min_face <= 1, "min_face", "above 0 and at most 1"),
            (0 <= self.same_bits < 32, "same_bits", "at least 0 and below 32"),
        ]
        check_ranges(self, "explore", checks)
        for name in self.finders:
            parse_finder(name)

    def key(self, *names: str) -> str:
        """Eight hexadecimal digits that change when one of the named settings does."""
        values: list[Any] = [_FORMAT, *(getattr(self, name) for name in names)]
        return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:8]
