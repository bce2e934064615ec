"""How closely a dataset is looked at."""

from dataclasses import dataclass

from base_models.faces.registry import FINDER_NAMES, FINDERS, parse_finder
from predictions.errors import InputError
from predictions.settings import check_settings, setting


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

    Examples:
        >>> from base_models.explore import ExploreSettings
        >>> ExploreSettings(sample=50, frames=4).pairs
        60
    """

    sample: int = setting(
        200,
        "Videos whose pictures are looked at, label and method taking turns; 0 takes all. File "
        "headers are read of every video.",
        least=0,
    )
    frames: int = setting(8, "Frames of each.", least=1)
    pairs: int = setting(60, "Fakes compared with their originals; 0 takes all.", least=0)
    pair_frames: int = setting(4, least=1)
    sheet: int = setting(24, "Videos on the contact sheet.", least=0)
    finders: tuple[str, ...] = setting(
        ("mtcnn", "haar"),
        "Face finders: the first one's faces are counted, all are drawn on the sheet "
        f"({', '.join(FINDER_NAMES)}).",
        metavar="NAME,...",
        names=lambda: list(FINDERS),
    )
    min_face: float = setting(0.05, above=0, most=1)
    same_bits: float = setting(
        5.0,
        "Near duplicates: at most so many of a frame's 64 hash bits differ on average.",
        least=0,
        below=32,
    )
    seed: int = setting(0, "Which videos are sampled.", least=0)

    def __post_init__(self) -> None:
        check_settings(self, "explore")
        if not self.finders:
            raise InputError(
                "no face finder is named",
                option="--finders",
                expected=f"one or more of {', '.join(FINDER_NAMES)}",
            )
        for name in self.finders:
            parse_finder(name)
