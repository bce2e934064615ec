"""A picture as a video of one frame."""

from pathlib import Path, PurePath

import cv2
import numpy as np

from base_models.datasets.plain import IMAGE_ENDINGS
from base_models.video.container import UnreadableVideo
from base_models.video.decode import Frame


def is_still(path: PurePath) -> bool:
    """Whether a file is a picture, by its ending."""
    return path.suffix.lower() in IMAGE_ENDINGS


def read_still(path: Path) -> Frame:
    """The picture, upright (as its EXIF says), as the first frame.

    Raises:
        UnreadableVideo: it is missing, or cannot be decoded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableVideo(
            f"the picture cannot be read ({error.strerror})", "no_picture"
        ) from error
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise UnreadableVideo("the picture cannot be decoded", "no_picture")
    return Frame(0, 0.0, np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8))
