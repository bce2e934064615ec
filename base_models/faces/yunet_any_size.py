"""YuNet files that take pictures of any size, by OpenVINO: OpenCV reads only those of one size."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.finders import N_POINTS, Detections, gather
from predictions.errors import InputError

_STRIDES = (8, 16, 32)
_NMS = 0.3
#: Sizes of pictures that the network is kept ready for.
_KEPT = 4
_One = tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]


class AnySizeYuNetFinder:
    """YuNet (Wu et al. 2023) for batches of frames; gives five points, as `YuNetFinder` does.

    Raises:
        InputError: OpenVINO is not installed, or cannot read the file.
    """

    min_face_pixels = 16

    def __init__(self, path: Path, least: float) -> None:
        if find_spec("openvino") is None:
            raise InputError(
                "this YuNet takes pictures of any size, which OpenCV does not read",
                file=path,
                remedy="install fakeodds[fast], or give a YuNet of one size (yunet_n_640_640.onnx)",
            )
        self._path = path
        self._requests: dict[tuple[int, int], Any] = {}
        self._names: list[str] = []
        self.least = least
        self._request(_STRIDES[-1] * 10, _STRIDES[-1] * 10)

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        return gather([self._find_one(image) for image in images])

    def _request(self, height: int, width: int) -> Any:
        """The network made for pictures of one size: with sizes left open it has crashed."""
        if (height, width) not in self._requests:
            runtime = import_module("base_models.backends.openvino_runtime")
            try:
                network = runtime.core().read_model(self._path)
                network.reshape([1, 3, height, width])
                request = runtime.compile_network(network, "fp32").create_infer_request()
            except RuntimeError as error:
                raise InputError(
                    "OpenVINO cannot run this network", file=self._path, remedy="give another YuNet"
                ) from error
            self._names = [output.any_name for output in network.outputs]
            # Frames of a video are of one size; a few sizes are kept.
            if len(self._requests) >= _KEPT:
                self._requests.clear()
            self._requests[height, width] = request
        return self._requests[height, width]

    def _find_one(self, image: NDArray[np.uint8]) -> _One:
        height, width = (-(-side // _STRIDES[-1]) * _STRIDES[-1] for side in image.shape[:2])
        planes = np.zeros((1, 3, height, width), np.float32)
        planes[0, :, : image.shape[0], : image.shape[1]] = image[..., ::-1].transpose(2, 0, 1)
        answers = self._request(height, width).infer({0: planes})
        maps = dict(zip(self._names, (np.array(a) for a in answers.values()), strict=True))
        parts = [_decoded(maps, stride, width // stride) for stride in _STRIDES]
        box, score, points = (np.concatenate(part) for part in zip(*parts, strict=True))
        sure = score >= self.least
        box, score, points = box[sure], score[sure], points[sure]
        as_corner_and_size = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
        kept = cv2.dnn.NMSBoxes(as_corner_and_size.tolist(), score.tolist(), self.least, _NMS)
        keep = np.array(kept, np.intp).reshape(-1)
        return box[keep], score[keep], points[keep]


def _decoded(maps: dict[str, NDArray[np.float32]], stride: int, columns: int) -> _One:
    """Box (n, 4), score (n,) and points (n, 5, 2) of every cell of one feature map."""
    classes, objects = (maps[f"{name}_{stride}"].reshape(-1) for name in ("cls", "obj"))
    score = np.sqrt(np.clip(classes, 0, 1) * np.clip(objects, 0, 1))
    cell = np.arange(len(score))
    corner = np.stack([cell % columns, cell // columns], axis=1)
    raw = maps[f"bbox_{stride}"].reshape(-1, 4)
    centre, half = (corner + raw[:, :2]) * stride, np.exp(raw[:, 2:]) * stride / 2
    points = maps[f"kps_{stride}"].reshape(-1, N_POINTS, 2) + corner[:, None]
    return np.concatenate([centre - half, centre + half], axis=1), score, points * stride
