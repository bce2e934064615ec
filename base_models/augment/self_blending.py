"""Self-blended images: a fake made of one real face, by blending it with an altered copy of itself.

Shiohara and Yamasaki, "Detecting Deepfakes with Self-Blended Images", CVPR 2022. The two copies
differ a little in colour or sharpness and lie a little apart, so that what is left to learn is what
forgeries share, the seam and the mismatch, and not the marks of one method. Ranges are the paper's
and its published code's, and so is the mask: the convex hull of 81 landmarks, of which 68 in a
quarter of the cases, deformed elastically. Two things differ:

- The landmarks are FaceMesh's, at the places of dlib's. Where they are not known, a mean face's
  outline is laid onto five points (`face_shape.outline`), its corners moved at random; such seams
  follow the face less closely.
- All is done on the crop in the network's size, not in the frame's before it is cut.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.augment import colour, quality
from base_models.augment.face_shape import outline
from base_models.augment.image import Image, Points, to_uint8

Mask = NDArray[np.float32]

#: How much of the altered copy is blended in; 1 is three times as likely.
_RATIOS = (0.25, 0.5, 0.75, 1.0, 1.0, 1.0)
#: So many landmarks come before those of the forehead.
_BELOW_FOREHEAD = 68
#: The side in pixels that the published ranges of blur and deformation are meant for.
_SIDE = 256


def self_blend(
    image: Image, points: Points, rng: np.random.Generator, landmarks: Points | None = None
) -> Image:
    """The self-blended image of a real crop.

    Args:
        image: RGB uint8 (s, s, 3).
        points: of its face, (5, 2) in pixels.
        rng: all that is drawn comes from it.
        landmarks: (81, 2) in pixels, see `landmarks.find_outlines`; None where they are not known.
    """
    side = len(image)
    # Drawn on a larger canvas, so that a face that goes on beyond the crop does so in its mask too.
    room = side // 4
    if landmarks is None:
        mask = face_mask(side + 2 * room, points + room, rng)
    else:
        mask = landmark_mask(side + 2 * room, landmarks + room, rng)
    source, target = image, image
    if rng.random() < 0.5:
        source = change_looks(source, rng)
    else:
        target = change_looks(target, rng)
    source, mask = move(source, mask, rng)
    mask = soften(deform(mask, side / _SIDE, rng), side / _SIDE, rng)
    mask = mask[room : room + side, room : room + side]
    return blend(source, target, mask * np.float32(_RATIOS[rng.integers(len(_RATIOS))]))


def blend(source: Image, target: Image, mask: Mask) -> Image:
    """`mask` of `source` and the rest of `target`; mask: (s, s) in [0, 1]."""
    part = mask[..., None]
    return to_uint8(part * source + (1 - part) * target)


def face_mask(side: int, points: Points, rng: np.random.Generator) -> Mask:
    """The convex hull of a face's outline, corners moved at random: (side, side), 0 or 1.

    A quarter of the hulls end at the brows, as the paper's.
    """
    corners = outline(points, forehead=rng.random() >= 0.25)
    eyes = float(np.linalg.norm(points[1] - points[0]))
    return _filled(side, corners + rng.normal(0, 0.06 * eyes, corners.shape))


def landmark_mask(side: int, landmarks: Points, rng: np.random.Generator) -> Mask:
    """The convex hull of a face's landmarks (81, 2): (side, side), 0 or 1.

    In a quarter of the cases of the first 68, so that it ends at the brows.
    """
    return _filled(side, landmarks if rng.random() >= 0.25 else landmarks[:_BELOW_FOREHEAD])


def _filled(side: int, points: NDArray[np.floating]) -> Mask:
    hull = cv2.convexHull(np.round(points).astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros((side, side), np.float32), hull, (1.0,)))


def change_looks(image: Image, rng: np.random.Generator) -> Image:
    """Other colours, and either sharper or softer."""
    if rng.random() < 0.3:
        image = colour.shift_channels(image, rng.uniform(-20, 20, 3))
    image = colour.adjust_saturation(image, 1 + rng.uniform(-0.3, 0.3))
    image = colour.adjust_brightness(image, 1 + rng.uniform(-0.1, 0.1))
    image = colour.adjust_contrast(image, 1 + rng.uniform(-0.1, 0.1))
    if rng.random() < 0.5:
        ratio = 1 / float(rng.choice([2, 4]))
        return quality.downscale(image, ratio, cv2.INTER_CUBIC)
    return quality.sharpen(image, rng.uniform(0.2, 0.5) * 2)


def move(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    """Both moved by up to 3 % across and 1.5 % up or down, and scaled by up to 5 %.

    The mask may be larger than the crop; their centres are one point.
    """
    scale = rng.uniform(0.95, 1 / 0.95)
    shift = np.array([rng.uniform(-0.03, 0.03), rng.uniform(-0.015, 0.015)]) * len(image)

    def moved(array: NDArray[Any], border: int) -> NDArray[Any]:
        side = len(array)
        x, y = shift + (side - 1) / 2 * (1 - scale)  # scaled about the centre
        matrix = np.array([[scale, 0, x], [0, scale, y]])
        return np.asarray(cv2.warpAffine(array, matrix, (side, side), borderMode=border))

    return moved(image, cv2.BORDER_REFLECT), moved(mask, cv2.BORDER_CONSTANT)


def deform(mask: Mask, unit: float, rng: np.random.Generator) -> Mask:
    """Elastic deformation (Simard et al. 2003): every pixel moved by a smooth random field.

    unit: pixels here of one pixel of the published ranges.
    """
    side = len(mask)
    # The field is smooth, so an eighth of its values and interpolation are enough.
    few = max(4, side // 8)
    field = rng.uniform(-1, 1, (2, few, few)).astype(np.float32)
    steps = np.arange(side, dtype=np.float32)
    maps = []
    for part, own in zip(field, np.meshgrid(steps, steps), strict=True):
        smooth = cv2.resize(cv2.GaussianBlur(part, (0, 0), 1.0), (side, side))
        maps.append(own + np.float32(8 * unit) * smooth)
    return np.asarray(cv2.remap(mask, maps[0], maps[1], cv2.INTER_LINEAR), np.float32)


def soften(mask: Mask, unit: float, rng: np.random.Generator) -> Mask:
    """The mask drawn in and its edge made soft, twice with its own width, as the paper does."""
    for erode in (True, False):
        width, height = rng.choice(np.arange(5, 26, 2), 2) * unit
        # OpenCV's sigma of a kernel of that width.
        blurred = cv2.GaussianBlur(mask, (0, 0), sigmaX=_sigma(width), sigmaY=_sigma(height))
        top = float(blurred.max())
        if not top > 0:  # the face lies outside the crop
            return np.zeros_like(mask)
        mask = np.asarray(blurred / top, np.float32)
        if erode:
            mask = np.where(mask < 1 - 1e-6, np.float32(0), mask)
    return mask


def _sigma(kernel: float) -> float:
    return max(0.3, 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8)
