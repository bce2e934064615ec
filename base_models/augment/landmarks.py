"""Landmarks of the face in a crop: five points by MTCNN's last network, 81 by FaceMesh.

A crop already is where a face is, so MTCNN's two networks that look for candidates are not needed.
Imports torch when it is asked for the five, OpenVINO for the 81.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.compute.per_thread import cached_per_thread
from base_models.faces.blazeface import BlazeFaceFinder
from base_models.faces.face_mesh import EIGHTY_ONE, FaceMesh

#: Share of the crop's side that the network sees, about its middle: between a face without margin
#: and one with the default margin, it finds either.
_SEEN = 0.85
#: Side of the pictures that it takes.
_PATCH = 48
#: Below this probability of a face its points are not believed.
_LEAST = 0.6
#: FaceMesh's points are believed from this probability of a face on (MediaPipe's).
_LEAST_MESH = 0.5
#: The face's share of a crop with the default margin, where BlazeFace does not see it.
_FACE = 1 / 1.4
#: Points are rounded to this share of the side; finer differences come from the order of additions.
_GRAIN = 1 / 256


def find_points(images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The five points of each crop: left eye, right eye, nose, left and right corner of the mouth.

    Args:
        images: RGB uint8 (n, s, s, 3).

    Returns:
        (n, 5, 2) x y as shares of the side; NaN where no face is seen, everywhere if
        facenet-pytorch is not installed.
    """
    points = np.full((len(images), 5, 2), np.nan)
    if not len(images) or find_spec("facenet_pytorch") is None:
        return points
    import torch

    low = (1 - _SEEN) / 2
    scale = _PATCH / (_SEEN * images.shape[1])
    move = np.array([[scale, 0, -low * images.shape[1] * scale], [0, scale, 0]])
    move[1, 2] = move[0, 2]
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = [cv2.warpAffine(image, move, (_PATCH, _PATCH), flags=way) for image in images]
    planes = torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        _, places, probability = _network()((planes.float() - 127.5) * 0.0078125)
    shares = low + _SEEN * places.view(-1, 2, 5).transpose(1, 2).double().numpy()
    seen = probability[:, 1].numpy() >= _LEAST
    points[seen] = np.round(shares[seen] / _GRAIN) * _GRAIN
    return points


def find_outlines(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The 81 landmarks of each crop (see `face_mesh.EIGHTY_ONE`), which show its outline.

    Args:
        images: RGB uint8 (n, s, s, 3).

    Returns:
        (n, 81, 2) x y as shares of the side, which may lie beyond it; NaN where no face is seen.

    Raises:
        InputError: the wheel with the networks is not installed, or is damaged.
    """
    finder, mesh = _mesh_networks()
    outlines = np.full((len(images), 81, 2), np.nan, np.float32)
    for image, outline in zip(images, outlines, strict=True):
        side = len(image)
        places, _ = finder.places(image)
        if len(places):
            # Of several the one in the middle: a crop is of one face.
            away = np.linalg.norm(places[:, :2].mean(axis=1) - side / 2, axis=1)
            place = places[away.argmin()]
            seen = mesh.of(image, place[:2].ravel(), place[2:4])
        else:
            low = (1 - _FACE) / 2 * side
            seen = mesh.of(image, (low, low, side - low, side - low), None)
        if seen.score >= _LEAST_MESH:
            outline[:] = np.round(seen.points[EIGHTY_ONE] / side / _GRAIN) * _GRAIN
    return outlines


@cached_per_thread(maxsize=1)
def _mesh_networks() -> tuple[BlazeFaceFinder, FaceMesh]:
    return BlazeFaceFinder("front", 0.5), FaceMesh()


@lru_cache(maxsize=1)
def _network() -> Any:
    from base_models.faces.mtcnn_modules import ONet

    return ONet().eval().requires_grad_(False)
