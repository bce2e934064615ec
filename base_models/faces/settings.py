"""How faces are looked for and cut out."""

from dataclasses import dataclass

from base_models.faces.finders import parse_finder
from base_models.settings_checks import check_ranges, settings_hash
from base_models.video.sampling import Sampling
from predictions.errors import InputError

#: Goes into the hash: faces written by an older way of working are made again.
_FORMAT = 5

#: The least probability of a face after P-Net, R-Net and O-Net.
MTCNN_THRESHOLDS = (0.9, 0.9, 0.9)


@dataclass(frozen=True)
class FaceSettings:
    """Everything that decides which faces a video gets, and how their crops look.

    Attributes:
        frames: how many frames of a video are looked at, at most.
        size: side of the stored square crops, in pixels.
        margin: what is added on each side of the face, as a share of its box's longer side.
        keep_all: keep every face (True), or only the most seen one of the video.
        thresholds: the least probability of a face after MTCNN's P-Net, R-Net and O-Net.
        min_face: the smallest face wanted, as a share of the frame's shorter side. Frames are
            reduced for the finder until such a face has the size that the finder was made for
            (MTCNN: 20 pixels).
        long_side: the longer side of the reduced frame in pixels, instead of `min_face`'s.
        finder: what looks for faces: `mtcnn`, `haar`, `dlib` or `onnx:PATH`.
        min_score: the least score of a face, in the measure of a finder other than MTCNN; its
            own default when None.
        ladder: look again, in other ways, at a video in which nothing was found
            (see `base_models.faces.ladder`).
        second_finder: the ladder's last rung; None for none.
        sampling: which frames are looked at: `even`, `every:N` or `seconds:S`
            (see `base_models.video.sampling`).
        align: turn and scale every face so that its landmarks lie where they lie in all others
            (see `base_models.faces.align`); a face without landmarks is cut as it is.
        detect_every: MTCNN searches every so many of the frames everywhere and follows the faces
            in between (see `base_models.faces.following`); 1 searches all.

    Raises:
        InputError: a value outside its range.
    """

    frames: int = 30
    size: int = 256
    margin: float = 0.2
    keep_all: bool = True
    thresholds: tuple[float, float, float] = MTCNN_THRESHOLDS
    min_face: float = 0.05
    long_side: int | None = None
    finder: str = "mtcnn"
    min_score: float | None = None
    ladder: bool = True
    second_finder: str | None = "haar"
    sampling: str = "even"
    align: bool = False
    detect_every: int = 15

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
            (1 <= self.detect_every <= 100, "detect_every", "between 1 and 100"),
            (self.long_side is None or self.long_side >= 32, "long_side", "at least 32 pixels"),
        ]
        check_ranges(self, "face", checks)
        kind, _ = parse_finder(self.finder)
        if self.min_score is not None and kind.name == "mtcnn":
            raise InputError(
                f"min_score {self.min_score:g}: mtcnn has three thresholds instead; "
                "leave it out, or choose another finder."
            )
        if self.second_finder is not None:
            parse_finder(self.second_finder)
        Sampling.parse(self.sampling)

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits, the same for the same settings."""
        return settings_hash(self, _FORMAT)
