"""Decoded pictures to RGB.

Pictures in full colour (4:4:4), such as FaceForensics++'s, are one matrix product: FFmpeg's
converter has no fast way for them and takes several times as long. It converts all others. High
dynamic range is brought to the ordinary one (`base_models.video.hdr`).
"""

from functools import lru_cache

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, VideoReformatter
from numpy.typing import NDArray

from base_models.video.hdr import TRANSFERS, to_sdr

#: Matrix coefficients (ITU-T H.273, table 4) -> how much red and blue weigh in luma. What is not
#: specified is taken for ITU-R BT.601, as FFmpeg does.
_LUMA = {
    1: (0.2126, 0.0722),
    2: (0.299, 0.114),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}


class RgbConverter:
    """Converts the pictures of one video, one after the other."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        # A picture takes less time than threads for it.
        self._threads = {"threads": 1}

    def convert(self, picture: VideoFrame) -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3), as stored: not turned upright.

        Raises:
            av.FFmpegError: there is no way from the picture's colours to RGB.
        """
        transfer = getattr(picture, "color_trc", None)  # not in older PyAV
        if transfer in TRANSFERS:
            deep = self._reformatted(picture, "rgb48le").to_ndarray()
            return to_sdr(np.asarray(deep, np.uint16), transfer)
        full_range = _full_colour_range(picture)
        if full_range is None:
            return _triples(self._reformatted(picture, "rgb24").planes[0])
        together = cv2.merge([_pixels(plane) for plane in picture.planes])
        matrix = yuv_to_rgb(picture.colorspace, full_range=full_range)
        return np.asarray(cv2.transform(together, matrix), np.uint8)

    def _reformatted(self, picture: VideoFrame, form: str) -> VideoFrame:
        try:
            return self._reformatter.reformat(picture, format=form, **self._threads)
        except TypeError:
            if not self._threads:
                raise
            self._threads = {}  # older PyAV, which does not ask how many
            return self._reformatted(picture, form)


def with_square_pixels(image: NDArray[np.uint8], aspect: float) -> NDArray[np.uint8]:
    """The picture (H, W, 3) in its true shape; `aspect`: width of its pixels by their height."""
    if aspect == 1:
        return image
    height, width = image.shape[:2]
    how = cv2.INTER_AREA if aspect < 1 else cv2.INTER_CUBIC
    size = (max(1, round(width * aspect)), height)
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


@lru_cache
def yuv_to_rgb(coefficients: int, *, full_range: bool) -> NDArray[np.float64]:
    """From 8-bit Y, Cb, Cr to R, G, B: (3, 4), the last column added (ITU-T H.273, 8.3).

    Args:
        coefficients: the number of the matrix coefficients there.
        full_range: whether Y, Cb and Cr use all 256 values.
    """
    red, blue = _LUMA[coefficients]
    green = 1 - red - blue
    luma, chroma, black = (1, 1, 0) if full_range else (255 / 219, 255 / 224, 16)
    by_cr, by_cb = 2 * (1 - red) * chroma, 2 * (1 - blue) * chroma
    matrix = np.array(
        [
            [luma, 0, by_cr],
            [luma, -by_cb * blue / green, -by_cr * red / green],
            [luma, by_cb, 0],
        ]
    )
    return np.column_stack([matrix, -matrix @ [black, 128, 128]])


def _full_colour_range(picture: VideoFrame) -> bool | None:
    """Whether all 256 values are used; None of pictures that are not 4:4:4 in a known standard."""
    name = picture.format.name
    if name not in ("yuv444p", "yuvj444p") or picture.colorspace not in _LUMA:
        return None
    if any(plane.line_size <= 0 for plane in picture.planes):  # stored upside down
        return None
    return name == "yuvj444p" or picture.color_range == ColorRange.JPEG


def _triples(plane: VideoPlane) -> NDArray[np.uint8]:
    """The only plane of an RGB picture, (H, W, 3), likewise not copied."""
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : 3 * plane.width].reshape(plane.height, plane.width, 3)


def _pixels(plane: VideoPlane) -> NDArray[np.uint8]:
    """A plane of 8-bit pixels, (H, W), without what pads its lines; not copied."""
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]
