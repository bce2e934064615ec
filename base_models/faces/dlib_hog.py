"""dlib's frontal face detector: histograms of oriented gradients, five linear filters.

dlib is an optional package and is imported with this module, that is when the finder is made.
"""

import dlib
import numpy as np
from numpy.typing import NDArray

from base_models.faces.finders import Detections, FinderOptions, gather, no_points

#: Side of the filters' window in pixels; what is smaller is not seen.
_WINDOW = 80
#: Its boxes end at the brows. Over the same faces (163 of 43 clips) MTCNN's longer side is this
#: many times as long, and its centre lies higher by this share of dlib's side: grown to it, one
#: margin means one scale.
_GROWN, _HIGHER = 1.17, 0.066


class DlibFinder:
    """dlib's HOG detector for batches of frames.

    Args:
        least: the least distance from the separating plane; below 0 finds more and errs more.
    """

    min_face_pixels = _WINDOW

    def __init__(self, least: float = 0.0) -> None:
        self.least = least
        self._detector = dlib.get_frontal_face_detector()

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        return gather([self._find_one(np.ascontiguousarray(image)) for image in images])

    def _find_one(
        self, image: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
        boxes, scores, _ = self._detector.run(image, 0, self.least)
        # dlib's right and bottom are the last pixels within the box.
        box = np.array(
            [[b.left(), b.top(), b.right() + 1, b.bottom() + 1] for b in boxes], np.float64
        ).reshape(-1, 4)
        side = box[:, 2:] - box[:, :2]
        centre = box[:, :2] + side / 2 - side * [0, _HIGHER]
        box = np.concatenate([centre - side * _GROWN / 2, centre + side * _GROWN / 2], axis=1)
        return box, np.array(scores, np.float64), no_points(len(box))


def create_dlib(options: FinderOptions) -> DlibFinder:
    """The factory behind the registry's entry."""
    return DlibFinder(options.least)
