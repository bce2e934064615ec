"""Pictures: read, and as a video of one frame."""

from pathlib import Path, PurePath

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.datasets.plain import IMAGE_ENDINGS
from base_models.video.decode import Frame
from base_models.video.limits import MOST_BYTES, check_picture
from base_models.video.unreadable import UnreadableVideo, as_unreadable, media_file


def is_still(path: PurePath) -> bool:
    """Whether a file is a picture, by its ending."""
    return path.suffix.lower() in IMAGE_ENDINGS


@as_unreadable()
def read_picture(path: Path) -> tuple[NDArray[np.uint8], bytes]:
    """The picture as RGB uint8 (H, W, 3), upright (as its EXIF says), and the file's content.

    Of several, as in an animation, it is the first one; 16 bits become 8.

    Raises:
        UnreadableVideo: it is missing, too large, or cannot be decoded (cut off, too).
    """
    file = media_file(path)
    if file.stat().st_size > MOST_BYTES:
        raise UnreadableVideo(f"the picture has over {MOST_BYTES >> 20} MB", "too_large")
    data = file.read_bytes()
    check_picture(data)
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise UnreadableVideo("the picture cannot be decoded", "no_picture")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8), data


def read_still(path: Path) -> Frame:
    """The picture as the first frame.

    Raises:
        UnreadableVideo: as `read_picture`.
    """
    return Frame(0, 0.0, read_picture(path)[0])
