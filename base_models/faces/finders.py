"""What a face finder is, and the ones there are.

Nothing here imports torch, OpenCV or dlib: a finder's module is imported when it is made.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Protocol, Self, cast

import numpy as np
from numpy.typing import NDArray

from predictions.errors import InputError

#: Points of a face, in this order, as the picture shows them: left eye, right eye, nose, left
#: corner of the mouth, right corner.
N_POINTS = 5


@dataclass(frozen=True)
class Detections:
    """The faces found in a batch of frames.

    Attributes:
        frame: (n,) int64, position of the frame in the batch, ascending.
        box: (n, 4) float32, x0 y0 x1 y1 in pixels of the pictures given; may reach over the edge.
        score: (n,) float32, how sure the finder is; descending within a frame.
        points: (n, 5, 2) float32, x y of the five points (`N_POINTS`) in the same pixels; NaN for
            those that the finder does not give.
    """

    frame: NDArray[np.int64]
    box: NDArray[np.float32] = field(repr=False)
    score: NDArray[np.float32] = field(repr=False)
    points: NDArray[np.float32] = field(repr=False)

    def __len__(self) -> int:
        return len(self.frame)

    def of_frame(self, number: int) -> Self:
        """Those of one frame, as of a batch of that frame alone."""
        here = self.frame == number
        return type(self)(
            np.zeros(here.sum(), np.int64), self.box[here], self.score[here], self.points[here]
        )


class FaceFinder(Protocol):
    """Whatever finds faces in pictures. The same pictures give the same faces."""

    @property
    def min_face_pixels(self) -> int:
        """Side of the smallest face it finds well, in pixels; frames are reduced down to it."""

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""


@dataclass(frozen=True)
class FinderOptions:
    """How a finder is to be made.

    Attributes:
        thresholds: of MTCNN's three networks; the other finders have `least`.
        least: the least score of a face, in the finder's own measure.
        device: where torch computes; the others work on the CPU.
        path: the file of a finder that is one.
    """

    thresholds: tuple[float, float, float]
    least: float
    device: str = "cpu"
    path: Path | None = None


@dataclass(frozen=True)
class FinderSpec:
    """One line of the list of finders.

    Attributes:
        name: what users call it; a finder that is a file is called `name:PATH`.
        about: what it is, and what it gives beside boxes.
        measure: what its scores are.
        least: the least score by default, in that measure.
        lower: the least score on the ladder's lower rungs.
        extra: the extra of fakeodds that brings what it needs.
        factory: `module:function`, called as function(FinderOptions) -> FaceFinder.
        is_file: whether a path belongs to the name.
    """

    name: str
    about: str
    measure: str
    least: float
    lower: float
    extra: str
    factory: str
    is_file: bool = False


FINDERS = {
    spec.name: spec
    for spec in (
        FinderSpec(
            "mtcnn",
            "MTCNN (Zhang et al. 2016), five points",
            "probability of a face after the last network",
            0.0,  # it has three thresholds instead
            0.0,
            "torch",
            "base_models.faces.mtcnn:create_mtcnn",
        ),
        FinderSpec(
            "haar",
            "OpenCV's Haar cascades (Viola and Jones 2001), frontal, profile and mirrored profile; "
            "the eyes where both are seen",
            "how many neighbouring windows agree",
            8,
            4,
            "torch",
            "base_models.faces.haar:create_haar",
        ),
        FinderSpec(
            "dlib",
            "dlib's HOG detector (King 2009), frontal faces, boxes only",
            "distance from the separating plane",
            0.0,
            -0.3,
            "dlib",
            "base_models.faces.dlib_hog:create_dlib",
        ),
        FinderSpec(
            "onnx",
            "a YuNet or YOLO face network in an ONNX file, through OpenCV",
            "probability of a face",
            0.6,
            0.3,
            "torch",
            "base_models.faces.onnx_finder:create_onnx",
            is_file=True,
        ),
    )
}


def parse_finder(name: str) -> tuple[FinderSpec, Path | None]:
    """The spec of `mtcnn`, `haar`, `dlib` or `onnx:PATH`, and the path.

    Raises:
        InputError: there is no such finder, or the path is missing.
    """
    kind, colon, rest = name.partition(":")
    spec = FINDERS.get(kind)
    if spec and spec.is_file == bool(rest) and bool(colon) == bool(rest):
        return spec, Path(rest) if rest else None
    near = difflib.get_close_matches(kind.lower(), FINDERS, n=1)
    hint = f"did you mean {_called(near[0])}?" if near else f"there are {_all_names()}."
    raise InputError(f"no face finder is called {name!r}: {hint}")


def make_finder(name: str, options: FinderOptions) -> FaceFinder:
    """The finder `name`, ready to look; `options.path` is taken from the name.

    Raises:
        InputError: unknown name, a package that is not installed, or a file that cannot be read.
    """
    spec, path = parse_finder(name)
    module, function = spec.factory.split(":")
    try:
        factory = cast(
            Callable[[FinderOptions], FaceFinder], getattr(import_module(module), function)
        )
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("base_models"):
            raise  # a fault of ours, not a package that is missing
        raise InputError(
            f"the face finder {spec.name} needs the package {error.name!r}, which is not "
            f"installed; install fakeodds[{spec.extra}] or choose another finder ({_all_names()})."
        ) from error
    return factory(FinderOptions(options.thresholds, options.least, options.device, path))


def no_points(n: int) -> NDArray[np.float32]:
    """The points of `n` faces of which none is known."""
    return np.full((n, N_POINTS, 2), np.nan, np.float32)


def gather(
    found: list[tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]],
) -> Detections:
    """One `Detections` out of (box, score, points) of each frame, the surest face first."""
    frames, boxes, scores, points = [], [], [], []
    for number, (box, score, five) in enumerate(found):
        # Equal scores are ordered by place, so that a finder of many threads cannot show.
        order = np.lexsort((box[:, 1], box[:, 0], -score))
        frames.append(np.full(len(box), number, np.int64))
        boxes.append(box[order])
        scores.append(score[order])
        points.append(five[order])
    return Detections(
        frame=np.concatenate(frames or [np.empty(0, np.int64)]),
        box=np.concatenate(boxes or [np.empty((0, 4))]).astype(np.float32),
        score=np.concatenate(scores or [np.empty(0)]).astype(np.float32),
        points=np.concatenate(points or [no_points(0)]).astype(np.float32),
    )


def _called(name: str) -> str:
    return f"{name}:PATH" if FINDERS[name].is_file else name


def _all_names() -> str:
    return ", ".join(map(_called, FINDERS))
