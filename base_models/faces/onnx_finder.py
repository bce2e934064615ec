"""Face networks in ONNX files: YuNet and the YOLO family, run by OpenCV.

A YuNet for pictures of any size runs in OpenVINO. No file's code is run, only its graph is read.
Which of the two it is shows in the names of its outputs. Files are given by users; none comes with
fakeodds.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.finders import (
    N_POINTS,
    Detections,
    FaceFinder,
    FinderOptions,
    gather,
    no_points,
)
from base_models.faces.onnx_header import output_names, picture_shape
from base_models.faces.yunet_any_size import AnySizeYuNetFinder
from predictions.errors import InputError

_One = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]

#: Outputs by which YuNet is known.
_YUNET = {"cls_8", "obj_8", "bbox_8", "kps_8"}
#: Of two boxes that share more than this IoU the surer one is kept.
_NMS_YUNET = 0.3
_NMS_YOLO = 0.45
#: Networks that take any size must get a multiple of their coarsest stride.
_STRIDE = 32
#: What YOLO networks without a size of their own are trained at.
_YOLO_SIDE = 640
_GREY = 114


class YuNetFinder:
    """YuNet (Wu et al. 2023) for batches of frames; gives five points.

    Raises:
        InputError: OpenCV cannot read the file.
    """

    min_face_pixels = 16

    def __init__(self, path: Path, least: float) -> None:
        self.path = path
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), least, _NMS_YUNET)
        except cv2.error as error:
            raise _unreadable(path, error) from error

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        self._net.setInputSize((images.shape[2], images.shape[1]))
        return gather([self._find_one(image) for image in images])

    def _find_one(self, image: NDArray[np.uint8]) -> _One:
        try:
            _, faces = self._net.detect(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        except cv2.error as error:
            raise _unreadable(self.path, error) from error
        rows = np.empty((0, 15), np.float32) if faces is None else np.asarray(faces, np.float32)
        box = rows[:, :4].copy()
        box[:, 2:] += box[:, :2]
        # "Right eye" is the person's: in the picture it is on the left, as our order has it.
        return box, rows[:, 14], rows[:, 4:14].reshape(-1, N_POINTS, 2)


@dataclass(frozen=True)
class YoloLayout:
    """How a YOLO network writes a face: x, y of the box's centre, width, height, then the rest.

    Attributes:
        about: which networks write so.
        score: the columns whose product is the score.
        points: the column in which the five points begin; None without points.
        step: columns a point, x and y first.
    """

    about: str
    score: tuple[int, ...]
    points: int | None = None
    step: int = 2

    def read(self, rows: NDArray[np.float32]) -> _One:
        """Boxes (n, 4) by their corners, scores (n,), points (n, 5, 2) of rows (n, columns)."""
        half = rows[:, 2:4] / 2
        box = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], axis=1)
        score = rows[:, self.score].prod(axis=1)
        if self.points is None:
            return box, score, no_points(len(rows))
        five = rows[:, self.points : self.points + N_POINTS * self.step]
        return box, score, five.reshape(-1, N_POINTS, self.step)[..., :2]


#: By the number of columns.
YOLO_LAYOUTS = {
    5: YoloLayout("box, score: YOLOv8 and later, one class", (4,)),
    6: YoloLayout("box, objectness, class: YOLOv5 and v7, one class", (4, 5)),
    15: YoloLayout("box, score, five x y", (4,), 5),
    16: YoloLayout("box, objectness, five x y, class: YOLOv5-face", (4, 15), 5),
    20: YoloLayout("box, score, five x y visibility: YOLOv8-face", (4,), 5, 3),
    21: YoloLayout("box, objectness, class, five x y visibility: YOLOv7-face", (4, 5), 6, 3),
}


class YoloFinder:
    """A YOLO face network for batches of frames.

    Its output is (1, n, columns) or (1, columns, n) with the columns of `YOLO_LAYOUTS`, before
    non-maximum suppression. Frames are scaled into the network's picture and padded with grey;
    a network that takes any size gets the frame as it is.

    Raises:
        InputError: OpenCV cannot read the file, or its output is another one.
    """

    def __init__(self, path: Path, net: cv2.dnn.Net, least: float) -> None:
        self.path = path
        self.least = least
        self._net = net
        self._height, self._width = picture_shape(path)
        # Only a network of one size looks at the whole frame in that size whatever the frame's.
        self.min_face_pixels = 32 if self._height or self._width else 16
        blank = np.zeros((self._height or _YOLO_SIDE, self._width or _YOLO_SIDE, 3), np.uint8)
        self._find_one(blank)  # what cannot be used is told of now

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        return gather([self._find_one(image) for image in images])

    def _find_one(self, image: NDArray[np.uint8]) -> _One:
        picture, scale = self._fitted(image)
        rows = self._forward(picture)
        box, score, points = YOLO_LAYOUTS[rows.shape[1]].read(rows)
        sure = score >= self.least
        box, score, points = box[sure], score[sure], points[sure]
        as_corner_and_size = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(as_corner_and_size.tolist(), score.tolist(), self.least, _NMS_YOLO)
        keep = np.array(kept, np.intp).reshape(-1)
        return box[keep] / scale, score[keep], points[keep] / scale

    def _fitted(self, image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], float]:
        """The picture the network gets, the frame at its top left, and the frame's scale."""
        height, width = image.shape[:2]
        to_height = self._height or -(-height // _STRIDE) * _STRIDE
        to_width = self._width or -(-width // _STRIDE) * _STRIDE
        scale = 1.0
        if self._height or self._width:
            scale = min(to_height / height, to_width / width)
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
        picture = np.full((to_height, to_width, 3), _GREY, np.uint8)
        picture[: image.shape[0], : image.shape[1]] = image
        return picture, scale

    def _forward(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The network's answer as rows (n, columns)."""
        self._net.setInput(cv2.dnn.blobFromImage(picture, 1 / 255))
        try:
            answers = self._net.forward(self._net.getUnconnectedOutLayersNames())
        except cv2.error as error:
            raise _unreadable(self.path, error) from error
        shapes = []
        for answer in answers:
            rows = np.asarray(answer, np.float32)
            shapes.append(rows.shape)
            rows = rows[0] if rows.ndim == 3 and len(rows) == 1 else rows
            if rows.ndim != 2:
                continue
            # Either way round; there are far more candidates than columns.
            ways = sorted((rows, rows.T), key=lambda way: way.shape[1])
            for way in ways:
                if way.shape[1] in YOLO_LAYOUTS:
                    return way
        columns = ", ".join(map(str, YOLO_LAYOUTS))
        raise InputError(
            f"gives {shapes}",
            file=self.path,
            expected=f"YuNet's outputs or (1, n, columns) with {columns} columns as YOLO face "
            "networks do",
            remedy="export it with its boxes decoded",
        )


def create_onnx(options: FinderOptions) -> FaceFinder:
    """The factory behind the registry's entry; tells YuNet and YOLO apart.

    Raises:
        InputError: no such file, not ONNX, or a network of another kind.
    """
    path = options.path
    assert path is not None
    shape = picture_shape(path)  # tells what is no ONNX file in a sentence
    if None in shape and set(output_names(path)) >= _YUNET:
        return AnySizeYuNetFinder(path, options.least)
    try:
        net = cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise _unreadable(path, error) from error
    if set(net.getUnconnectedOutLayersNames()) >= _YUNET:
        return YuNetFinder(path, options.least)
    return YoloFinder(path, net, options.least)


def _unreadable(path: Path, error: cv2.error) -> InputError:
    detail = str(error.err or error).strip().splitlines()[-1]
    return InputError(
        f"OpenCV cannot run this network ({detail})",
        file=path,
        remedy="give a YuNet or YOLO face network that OpenCV's dnn module can",
    )
