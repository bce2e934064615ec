"""Small pictures for people: frames with the boxes of the finders, pairs with their difference."""

from base64 import b64encode
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.explore.quality import resized, without_strip

#: Colours of the boxes (RGB), by finder.
COLOURS: dict[str, tuple[int, int, int]] = {
    "mtcnn": (64, 224, 120),
    "haar": (255, 176, 32),
    "dlib": (224, 96, 255),
    "onnx": (80, 208, 255),
    "eyes": (96, 176, 255),
    "smile": (255, 112, 160),
}
_HEIGHT = 240
_GAP = 4
_QUALITY = 76
#: Colours of the difference map: black where equal, to yellow where nothing agrees.
_MAP = cv2.COLORMAP_INFERNO

Boxes = Mapping[str, NDArray[np.floating]]


def draw_boxes(image: NDArray[np.uint8], boxes: Boxes, height: int = _HEIGHT) -> NDArray[np.uint8]:
    """The picture at a height of `height` pixels with boxes on it, RGB uint8.

    boxes: by the name of the finder or part, (k, 4) x0 y0 x1 y1 in pixels of the picture. They
    are drawn after scaling, so that lines have one width on all pictures. Of a strip the
    beginning is shown.
    """
    image = without_strip(image)
    scale = height / image.shape[0]
    size = (max(1, round(image.shape[1] * scale)), height)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    drawn = np.array(cv2.resize(image, size, interpolation=how), np.uint8)
    for name, places in boxes.items():
        is_part = name in ("eyes", "smile")
        for box in places:
            x0, y0, x1, y1 = (round(float(v) * scale) for v in box)
            if not is_part:  # a dark edge outside keeps the line visible on a light ground
                cv2.rectangle(drawn, (x0 - 2, y0 - 2), (x1 + 2, y1 + 2), (0, 0, 0), 1)
            colour = COLOURS.get(name, (255, 255, 255))
            cv2.rectangle(drawn, (x0, y0), (x1, y1), colour, 1 if is_part else 2)
    return drawn


def side_by_side_pictures(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one height in a row, with a narrow white gap."""
    gap = np.full((pictures[0].shape[0], _GAP, 3), 255, np.uint8)
    row = [part for picture in pictures for part in (gap, picture)][1:]
    return np.concatenate(row, axis=1)


def difference_map(local: NDArray[np.floating], height: int, width: int) -> NDArray[np.uint8]:
    """Where two pictures differ: an SSIM map (h, w) as colours, RGB uint8 (height, width, 3)."""
    less = np.clip((1 - np.asarray(local)) * 255, 0, 255).astype(np.uint8)
    coloured = cv2.applyColorMap(
        cv2.resize(less, (width, height), interpolation=cv2.INTER_LINEAR), _MAP
    )
    return np.asarray(cv2.cvtColor(coloured, cv2.COLOR_BGR2RGB), np.uint8)


def thumbnail(image: NDArray[np.uint8], side: int = 72) -> str:
    """A small picture as a data URI."""
    return as_data_uri(resized(image, side, enlarge=False))


def as_data_uri(image: NDArray[np.uint8]) -> str:
    """An RGB picture as a JPEG that a page can hold.

    Raises:
        ValueError: OpenCV cannot encode it.
    """
    # Thin coloured lines need their colour at full resolution.
    how = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    how += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), how)
    if not done:
        raise ValueError(f"OpenCV could not encode a picture of shape {image.shape}")
    return "data:image/jpeg;base64," + b64encode(data.tobytes()).decode()
