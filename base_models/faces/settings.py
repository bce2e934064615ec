"""How faces are looked for and cut out."""

from dataclasses import dataclass

from base_models.faces.registry import FINDER_NAMES, parse_finder
from base_models.faces.views import View
from base_models.video.sampling import Sampling
from predictions.errors import InputError
from predictions.settings import check_settings, setting

#: The least probability of a face after P-Net, R-Net and O-Net.
MTCNN_THRESHOLDS = (0.9, 0.9, 0.9)


@dataclass(frozen=True, kw_only=True)
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
        finder: what looks for faces: `mtcnn`, `haar`, `onnx:FILE`, ... (see
            `base_models.faces.registry`).
        min_score: the least score of a face, in the measure of a finder other than MTCNN; its
            own default when None.
        ladder: look again, in other ways, at a video in which nothing was found
            (see `base_models.faces.ladder`).
        second_finder: the ladder's last rung; None for none.
        sampling: which frames are looked at: `even`, `every:N` or `seconds:S`
            (see `base_models.video.sampling`).
        align: turn and scale every face so that its landmarks lie where they lie in all others
            (see `base_models.faces.align`); a face without landmarks is cut as it is.
        detect_every: finders that can follow (MTCNN, BlazeFace, FaceMesh) search every so many of
            the frames everywhere and follow the faces in between (see
            `base_models.faces.following`); 1 searches all.
        views: how else the same faces are cut (see `base_models.faces.views`); also the facts of
            views, as run.json keeps them.

    Raises:
        InputError: a value outside its range.

    Examples:
        >>> from base_models.faces import FaceSettings
        >>> FaceSettings(frames=8, margin=0.3).finder
        'mtcnn'
    """

    frames: int = setting(30, "Frames looked at a video, at most.", least=1)
    sampling: str = setting(
        "even",
        "Evenly spaced frames, every N-th, or one every S seconds.",
        metavar="even|every:N|seconds:S",
    )
    size: int = setting(256, "Side of stored crops, px.", option="--crop", least=16)
    margin: float = setting(
        0.2, "Added on each side of a face, as a share of its longer side.", least=0, most=2
    )
    align: bool = setting(
        False,
        "Turn and scale faces so that eyes, nose and mouth lie alike in all crops.",
    )
    keep_all: bool = setting(
        True, "Every face, or only the most seen one.", option="--keep-all/--one-face"
    )
    thresholds: tuple[float, float, float] = setting(
        MTCNN_THRESHOLDS,
        "Least probability of a face after MTCNN's three networks.",
        above=0,
        below=1,
    )
    min_face: float = setting(
        0.05,
        "Smallest face wanted, as a share of the frame's shorter side.",
        above=0,
        most=1,
    )
    long_side: int | None = setting(None, least=32)
    finder: str = setting(
        "mtcnn",
        "What looks for faces: {choices}; FILE is a YuNet or YOLO face network.",
        metavar="NAME",
        names=lambda: FINDER_NAMES,
    )
    detect_every: int = setting(
        15,
        "Every so many of the frames are searched; MTCNN, BlazeFace and FaceMesh follow the faces "
        "in between.",
        least=1,
        most=100,
    )
    min_score: float | None = setting(
        None, "Least score of a face for finders other than MTCNN [default: each its own]."
    )
    ladder: bool = setting(
        True,
        "Look again at videos without a face: lower threshold, larger image, second finder.",
    )
    second_finder: str | None = setting(
        "haar",
        "Last rung of the ladder; as --finder, or none.",
        metavar="NAME|none",
        names=lambda: FINDER_NAMES,
        none="none",
    )
    views: tuple[View, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", tuple(float(t) for t in self.thresholds))
        object.__setattr__(self, "views", tuple(map(View.of, self.views)))
        check_settings(self, "face")
        if len(self.thresholds) != 3:
            raise InputError(
                f"face setting thresholds is {self.thresholds}",
                option="--thresholds",
                expected="three numbers such as 0.9,0.9,0.9",
            )
        kind, _ = parse_finder(self.finder)
        if self.min_score is not None and kind.name == "mtcnn":
            raise InputError(
                f"min_score {self.min_score:g}: mtcnn has three thresholds instead",
                option="--min-score",
                remedy="leave it out, or choose another finder",
            )
        if self.second_finder is not None:
            parse_finder(self.second_finder)
        Sampling.parse(self.sampling)
