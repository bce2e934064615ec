"""OpenCV's Haar cascades (Viola and Jones 2001): faces from the front and from both sides.

They are fast and need no weights beside OpenCV's own; they err more often than a network. Eyes
and smile are for pictures (`find_parts`) and, where both eyes are seen, for alignment.
"""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_thread import cached_per_thread
from base_models.faces.finders import Detections, FinderOptions, gather, no_points
from base_models.faces.tracks import box_iou
from predictions.errors import InputError

_FRONTAL = "haarcascade_frontalface_default.xml"
#: Trained on faces that look to the left of the picture; the others are found in its mirror.
_PROFILE = "haarcascade_profileface.xml"
_EYE = "haarcascade_eye.xml"
_SMILE = "haarcascade_smile.xml"

#: Side of the frontal window; the profile's is 20.
MIN_FACE_PIXELS = 24
#: Finer steps find hardly more faces, many more false ones, and take twice as long.
_PYRAMID_FACTOR = 1.2
#: Boxes that share more than this IoU are one face, seen by several cascades.
_SAME_FACE = 0.3
#: A face is enlarged to this side before its parts are looked for: they must exceed 20 pixels.
_PARTS_SIDE = 160


@dataclass(frozen=True)
class FaceParts:
    """Parts of one face, as boxes x0 y0 x1 y1 in pixels of the picture.

    Attributes:
        eyes: (k, 4), from left to right; at most one in either half of the face.
        smile: (k, 4), at most one.
    """

    eyes: NDArray[np.float32] = field(repr=False)
    smile: NDArray[np.float32] = field(repr=False)


class HaarFinder:
    """Haar cascades for batches of frames.

    Args:
        least: how many neighbouring windows must agree on a face.
        min_face_pixels: side of the smallest face looked for.
    """

    def __init__(self, least: float = 8, *, min_face_pixels: int = MIN_FACE_PIXELS) -> None:
        self.least = round(least)
        self.min_face_pixels = min_face_pixels

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3); points: both eyes, or none."""
        return gather([self._find_one(image) for image in images])

    def _find_one(
        self, image: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        grey = _grey(image)
        mirrored = np.ascontiguousarray(grey[:, ::-1])
        kinds = [
            self._windows(_FRONTAL, grey),
            self._windows(_PROFILE, grey),
            self._windows(_PROFILE, mirrored),
        ]
        box, score = kinds[2]
        kinds[2] = _mirrored(box, image.shape[1]), score
        box, score = _one_a_face(kinds)
        points = np.stack([_eye_points(grey, one) for one in box]) if len(box) else no_points(0)
        return box, score, points

    def _windows(
        self, cascade: str, grey: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return _detect(cascade, grey, self.least, self.min_face_pixels)


def find_parts(image: NDArray[np.uint8], box: NDArray[np.floating]) -> FaceParts:
    """Eyes and smile of the face in `box` (x0 y0 x1 y1) of an RGB uint8 (H, W, 3) picture."""
    grey = _grey(image)
    return FaceParts(eyes=_eyes(grey, box), smile=_smile(grey, box))


def create_haar(options: FinderOptions) -> HaarFinder:
    """The factory behind the registry's entry."""
    return HaarFinder(options.least)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)


@cached_per_thread(maxsize=4)
def _cascade(name: str) -> cv2.CascadeClassifier:
    # OpenCV 5 no longer has the folder.
    folder = Path(getattr(getattr(cv2, "data", None), "haarcascades", ""))
    if not (folder / name).is_file():
        raise InputError(
            f"OpenCV {cv2.__version__} came without its Haar cascades",
            remedy="install opencv-python-headless of version 4, or choose another finder",
        )
    return cv2.CascadeClassifier(str(folder / name))


def _detect(
    cascade: str, grey: NDArray[np.uint8], least: int, smallest: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes (n, 4) that at least `least` windows agree on, and how many do (n,)."""
    if min(grey.shape) < smallest:
        return np.empty((0, 4), np.float32), np.empty(0, np.float32)
    rectangles, count = _cascade(cascade).detectMultiScale2(
        grey, scaleFactor=_PYRAMID_FACTOR, minNeighbors=least, minSize=(smallest, smallest)
    )
    box = np.array(rectangles, np.float32).reshape(-1, 4)
    box[:, 2:] += box[:, :2]
    return box, np.array(count, np.float32).reshape(-1)


def _mirrored(box: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Boxes found in the mirror picture, in the picture."""
    return np.stack([width - box[:, 2], box[:, 1], width - box[:, 0], box[:, 3]], axis=1)


def _one_a_face(
    kinds: list[tuple[NDArray[np.float32], NDArray[np.float32]]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The boxes of several cascades without doubles; earlier cascades win over later ones."""
    boxes, scores = np.empty((0, 4), np.float32), np.empty(0, np.float32)
    for box, score in kinds:
        for i in np.lexsort((box[:, 1], box[:, 0], -score)):
            if not (box_iou(box[i : i + 1], boxes) > _SAME_FACE).any():
                boxes = np.concatenate([boxes, box[i : i + 1]])
                scores = np.append(scores, score[i])
    return boxes, scores


def _part(
    cascade: str, grey: NDArray[np.uint8], box: NDArray[np.floating], least: int, smallest: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A cascade's boxes within the region `box`, enlarged or reduced to `_PARTS_SIDE` for it.

    smallest: side of the part, as a share of the region's width.
    """
    height, width = grey.shape
    x0, y0 = (int(max(v, 0)) for v in box[:2])
    x1, y1 = int(min(box[2], width)), int(min(box[3], height))
    if x1 - x0 < 8 or y1 - y0 < 8:
        return np.empty((0, 4), np.float32), np.empty(0, np.float32)
    scale = _PARTS_SIDE / (x1 - x0)
    size = (_PARTS_SIDE, max(1, round((y1 - y0) * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    region = np.asarray(cv2.resize(grey[y0:y1, x0:x1], size, interpolation=how), np.uint8)
    boxes, count = _detect(cascade, region, least, round(smallest * _PARTS_SIDE))
    return boxes / scale + np.array([x0, y0, x0, y0], np.float32), count


def _eyes(grey: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.float32]:
    """The best eye in either half of the upper face, (0 to 2, 4), from left to right."""
    x0, y0, x1, y1 = (float(v) for v in box)
    upper = np.array([x0, y0, x1, y0 + 0.65 * (y1 - y0)])
    boxes, count = _part(_EYE, grey, upper, 4, 0.15)
    middle = (boxes[:, 0] + boxes[:, 2]) / 2
    eyes = []
    for half in (middle < (x0 + x1) / 2, middle >= (x0 + x1) / 2):
        here = np.flatnonzero(half)
        if len(here):
            # Equal counts: the higher one; nostrils and mouths lie lower.
            eyes.append(boxes[here[np.lexsort((boxes[here, 1], -count[here]))[0]]])
    return np.array(eyes, np.float32).reshape(-1, 4)


def _smile(grey: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.float32]:
    """The best smile in the lower face, (0 or 1, 4)."""
    x0, y0, x1, y1 = (float(v) for v in box)
    lower = np.array([x0, y0 + 0.55 * (y1 - y0), x1, y1])
    # The smile cascade fires nearly everywhere: only what many windows agree on counts.
    boxes, count = _part(_SMILE, grey, lower, 20, 0.2)
    return boxes[np.argsort(-count, kind="stable")[:1]]


def _eye_points(grey: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.float32]:
    """The five points (5, 2) of which the eyes are known, when both are where eyes can be."""
    points = no_points(1)[0]
    eyes = _eyes(grey, box)
    if len(eyes) == 2:
        centre = (eyes[:, :2] + eyes[:, 2:]) / 2
        across, down = (centre[1] - centre[0]) / (box[2] - box[0])
        # Of a face's width; a quarter turn or a nostril taken for an eye lies outside.
        if 0.25 <= across <= 0.6 and abs(down) <= 0.5 * across:
            points[:2] = centre
    return points
