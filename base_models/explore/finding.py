"""Faces of single frames, by any of the finders."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.faces.finders import FaceFinder, FinderOptions, own_finder
from base_models.faces.haar import find_parts
from base_models.faces.registry import parse_finder
from base_models.faces.settings import MTCNN_THRESHOLDS


def finder_named(name: str) -> FaceFinder:
    """This thread's finder with its default threshold, on one thread of the CPU.

    Raises:
        InputError: a package or file that it needs is missing.
    """
    spec, _ = parse_finder(name)
    return own_finder(name, FinderOptions(MTCNN_THRESHOLDS, spec.least, threads=1))


def find_faces(image: NDArray[np.uint8], name: str, min_face: float) -> NDArray[np.float32]:
    """Boxes (k, 4) x0 y0 x1 y1 in pixels of an RGB picture (H, W, 3), surest first.

    min_face: the smallest face wanted, as a share of the shorter side; the picture is reduced
    until such a face has the size that the finder was made for.
    """
    finder = finder_named(name)
    height, width = image.shape[:2]
    scale = min(1.0, finder.min_face_pixels / (min_face * min(height, width)))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: NDArray[Any] = image
    if scale < 1:
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    detections = finder.find(np.ascontiguousarray(small)[None])
    back = np.array([width / small.shape[1], height / small.shape[0]] * 2)
    return (detections.box * back).astype(np.float32)


def eyes_and_smile(
    image: NDArray[np.uint8], box: NDArray[np.floating]
) -> dict[str, NDArray[np.float32]]:
    """Boxes of the parts of one face, by name."""
    parts = find_parts(image, box)
    return {"eyes": parts.eyes, "smile": parts.smile}
