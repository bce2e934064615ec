"""What a face finder is, and how one is made (`base_models.faces.registry` lists them).

A finder is used by the thread that made it alone: cascades and networks of OpenCV keep what they
compute in themselves, and of two threads at once they answer wrongly or fail. `own_finder` is the
way to one.

Nothing here imports torch, OpenCV or dlib: a finder's module is imported when it is made.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_thread import cached_per_thread
from base_models.faces.registry import FINDER_NAMES, parse_finder
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
    """Whatever finds faces in pictures, in one thread. The same pictures give the same faces.

    Examples:
        >>> import numpy as np
        >>> from base_models.faces import FaceFinder
        >>> from base_models.faces.finders import Detections, no_points
        >>> class Nobody:
        ...     min_face_pixels = 20
        ...     def find(self, images):
        ...         n = np.zeros(0, np.float32)
        ...         return Detections(np.zeros(0, np.int32), n.reshape(0, 4), n, no_points(0))
        >>> finder: FaceFinder = Nobody()
        >>> len(finder.find(np.zeros((1, 64, 64, 3), np.uint8)).score)
        0
    """

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
        threads: of MTCNN's networks on the CPU; 0: as many as there are.
    """

    thresholds: tuple[float, float, float]
    least: float
    device: str = "cpu"
    path: Path | None = None
    threads: int = 0


def make_finder(name: str, options: FinderOptions) -> FaceFinder:
    """The finder `name`, ready to look; `options.path` is taken from the name.

    Raises:
        InputError: unknown name, a package that is not installed, or a file that cannot be read.
    """
    spec, path = parse_finder(name)
    try:
        factory: Callable[[FinderOptions], FaceFinder] = resolve_name(spec.factory)
        return factory(replace(options, path=path))
    except ModuleNotFoundError as error:
        if not error.name or error.name.startswith("base_models"):
            raise  # a fault of ours, not a package that is missing
        raise InputError(
            f"the face finder {spec.name} needs the package {error.name!r}, which is not installed",
            remedy=f"install fakeodds[{spec.extra}] or choose another finder "
            f"({', '.join(FINDER_NAMES)})",
        ) from error


@cached_per_thread(maxsize=8)
def own_finder(name: str, options: FinderOptions) -> FaceFinder:
    """This thread's finder: made when it is first asked for, then kept; raises as `make_finder`."""
    return make_finder(name, options)


def no_points(n: int) -> NDArray[np.float32]:
    """The points of `n` faces of which none is known."""
    return np.full((n, N_POINTS, 2), np.nan, np.float32)


def gather(
    faces: list[tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]],
) -> Detections:
    """One `Detections` out of (box, score, points) of each frame, the surest face first."""
    frames, boxes, scores, points = [], [], [], []
    for number, (box, score, five) in enumerate(faces):
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
