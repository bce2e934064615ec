"""A crop compressed and decompressed: JPEG, and H.264 as videos have it."""

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

from base_models.augment.image import Image

#: Frames of the clip that stands for a video; the last one is taken.
_FRAMES = 3


def jpeg(image: Image, quality: int) -> Image:
    """Encoded as JPEG of this quality (1 .. 100) and decoded."""
    swapped = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", swapped, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"OpenCV could not encode a crop of shape {image.shape}")
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def h264(image: Image, crf: int, shift: tuple[int, int] = (0, 0)) -> Image:
    """Encoded as a clip in H.264, and the clip's last frame decoded.

    The clip ends with the crop and shows it moving there, so that what comes back is a frame
    predicted from the one before it, as most frames of videos are.

    Args:
        image: the crop, or any picture; a side of odd length is filled up by one pixel and cut
            again.
        crf: the constant rate factor, 0 (best) .. 51; FaceForensics++ uses 23 and 40.
        shift: pixels (right, down) from one frame to the next.
    """
    height, width = image.shape[:2]
    right, down = shift
    before = (_FRAMES - 1) * max(abs(right), abs(down))
    full = height + height % 2, width + width % 2
    room: Any = cv2.copyMakeBorder(
        image, before, before + height % 2, before, before + width % 2, cv2.BORDER_REPLICATE
    )
    # One thread: the bytes then do not depend on the machine's number of cores.
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.height, encoder.width, encoder.pix_fmt = *full, "yuv420p"
    encoder.framerate = Fraction(25)
    encoder.time_base = 1 / encoder.framerate
    encoder.thread_count = 1
    encoder.options = {"crf": str(crf), "preset": "veryfast", "bf": "0", "rc-lookahead": "0"}
    packets = []
    for number in range(_FRAMES):
        left = _FRAMES - 1 - number
        y, x = before + left * down, before + left * right
        frame = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(room[y : y + full[0], x : x + full[1]]), format="rgb24"
        )
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    frames = [frame for packet in [*packets, None] for frame in decoder.decode(packet)]
    return np.asarray(frames[-1].to_ndarray(format="rgb24")[:height, :width], np.uint8)
