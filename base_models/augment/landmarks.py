"""The five points of the face in a crop, by the last network of MTCNN alone.

A crop already is where a face is, so the two networks that look for candidates are not needed.
Imports torch when it is asked for points.
"""

from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

#: Share of the crop's side that the network sees, about its middle: between a face without margin
#: and one with the default margin, it finds either.
_SEEN = 0.85
#: Side of the pictures that it takes.
_PATCH = 48
#: Below this probability of a face its points are not believed.
_LEAST = 0.6
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
    found = low + _SEEN * places.view(-1, 2, 5).transpose(1, 2).double().numpy()
    seen = probability[:, 1].numpy() >= _LEAST
    points[seen] = np.round(found[seen] / _GRAIN) * _GRAIN
    return points


@lru_cache(maxsize=1)
def _network() -> Any:
    from facenet_pytorch.models.mtcnn import ONet

    return ONet().eval().requires_grad_(False)
