"""How similar a fake is to the real video it was made from: SSIM, frame by frame.

Structural similarity as in Wang et al. 2004 (Gaussian window of 1.5 pixels, luma), 1 = equal.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from base_models.explore.quality import resized, to_luma
from base_models.faces.crops import square_region
from base_models.video.choose import choose_frames
from base_models.video.decode import decode_frames, index_video
from base_models.video.unreadable import UnreadableVideo
from predictions.words import count

#: Frames are compared at this shorter side: full HD would take a second a frame.
_FRAME_SIDE = 480
_FACE_SIDE = 256
#: The window is 11 pixels wide.
_LEAST_SIDE = 11


@dataclass(frozen=True)
class Matched:
    """The frame of one number in a real video and in its fake, RGB uint8 (H, W, 3) of one size."""

    number: int
    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]


def structural(real: NDArray[np.uint8], fake: NDArray[np.uint8]) -> tuple[float, NDArray]:
    """SSIM of two RGB pictures (H, W, 3) of one size, and its map (H, W).

    Raises:
        ValueError: the sizes differ, or a side is below 11 pixels.
    """
    if real.shape != fake.shape or min(real.shape[:2]) < _LEAST_SIDE:
        raise ValueError(f"SSIM needs two pictures of one size, not {real.shape}, {fake.shape}")
    value, local = structural_similarity(
        to_luma(real),
        to_luma(fake),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(value), local


def frame_similarity(pair: Matched) -> float:
    """SSIM of two whole frames, at a shorter side of at most 480 pixels."""
    small = [resized(image, _FRAME_SIDE, enlarge=False) for image in (pair.real, pair.fake)]
    return structural(*small)[0]


def face_regions(
    pair: Matched, box: NDArray[np.floating], margin: float = 0.1
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The square around the real frame's face in both frames, at most 256 pixels wide.

    box: x0 y0 x1 y1 in pixels.
    """
    height, width = pair.real.shape[:2]
    left, top, side = square_region(box, margin, height, width)
    rows = slice(max(top, 0), min(top + side, height))
    columns = slice(max(left, 0), min(left + side, width))
    real, fake = (
        resized(image[rows, columns], _FACE_SIDE, enlarge=False) for image in (pair.real, pair.fake)
    )
    return real, fake


def matched_frames(real: Path, fake: Path, n: int) -> tuple[list[Matched], str]:
    """The same `n` frames by number of a real video and its fake, and a remark (or "").

    Fakes keep their original's frames from the beginning on, though some end earlier. A fake of
    another size is scaled to the original's.

    Raises:
        UnreadableVideo: not one common frame of the two can be decoded.
    """
    one, two = index_video(real), index_video(fake)
    shared = min(len(one), len(two))
    chosen = choose_frames(one.times[:shared], n)
    first = {frame.index: frame.image for frame in decode_frames(one, chosen)}
    second = {frame.index: frame.image for frame in decode_frames(two, chosen)}
    common = sorted(first.keys() & second.keys())
    if not common:
        raise UnreadableVideo("no common frame of the two can be decoded", "no_frame")
    remarks = []
    if len(one) != len(two):
        remarks.append(f"{count(len(one), 'frame')} and {len(two)}")
    height, width = first[common[0]].shape[:2]
    if second[common[0]].shape != first[common[0]].shape:
        other = second[common[0]].shape
        remarks.append(f"{width} x {height} and {other[1]} x {other[0]} pixels")
    pairs = [
        Matched(number, first[number], _sized(second[number], height, width)) for number in common
    ]
    return pairs, "; ".join(remarks)


def _sized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    how = cv2.INTER_AREA if image.shape[0] > height else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=how), np.uint8)
