"""Single-shot detection (Liu et al. 2016) as BlazeFace does it: anchors, decoding, weighted NMS.

A cell of the feature maps has anchors at its centre, all of the size of the picture; a network
gives for each a logit, and where box and points lie from there. Follows MediaPipe's calculators
`ssd_anchors`, `tensors_to_detections` and `non_max_suppression`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from base_models.faces.tracks import box_iou

#: MediaPipe keeps logits within 100; float32 has no larger sigmoid than this one's.
_LARGEST_LOGIT = 80


def anchor_centres(side: int, maps: Sequence[tuple[int, int]]) -> NDArray[np.float64]:
    """The centres of all anchors in pixels of the picture, (n, 2) x y.

    Args:
        side: of the picture, in pixels.
        maps: stride in pixels, and anchors a cell, of each feature map.
    """
    centres = []
    for stride, a_cell in maps:
        steps = (np.arange(side // stride) + 0.5) * stride
        rows, columns = np.meshgrid(steps, steps, indexing="ij")
        centres.append(np.repeat(np.stack([columns, rows], axis=-1).reshape(-1, 2), a_cell, axis=0))
    return np.concatenate(centres)


def decode(
    raw: NDArray[np.floating],
    logits: NDArray[np.floating],
    anchors: NDArray[np.floating],
    least: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The candidates of one picture whose score exceeds `least`.

    Args:
        raw: (n, 2 * k) centre x y, width and height, and k - 2 points, in pixels; but for the size
            from the anchor.
        logits: (n,) of a face.
        anchors: (n, 2).
        least: a probability.

    Returns:
        Places (m, k, 2): upper left and lower right corner of the box, then its points, in pixels;
        scores (m,). Boxes without an area are left out.
    """
    held = np.clip(logits.astype(np.float64), -_LARGEST_LOGIT, _LARGEST_LOGIT)
    scores = 1 / (1 + np.exp(-held))
    sure = scores > least
    places = raw.reshape(len(raw), raw.shape[1] // 2, 2)[sure].astype(np.float64)
    half = places[:, 1] / 2
    places += anchors[sure, None]
    centre = places[:, 0].copy()
    places[:, 0], places[:, 1] = centre - half, centre + half
    whole = (half > 0).all(axis=1)
    return places[whole], scores[sure][whole]


def weighted_nms(
    places: NDArray[np.float64], scores: NDArray[np.float64], overlap: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One of all candidates that share more than this IoU with the surest one: their mean.

    Places (see `decode`) are weighed by the scores; the score is the surest one's. BlazeFace's
    authors take this instead of leaving out the others, as it trembles less from frame to frame.
    """
    left = np.argsort(-scores, kind="stable")
    merged, surest = [], []
    while len(left):
        boxes = places[left, :2].reshape(-1, 4)
        alike = box_iou(boxes[:1], boxes)[0] > overlap
        alike[0] = True
        group = left[alike]
        merged.append(np.average(places[group], axis=0, weights=scores[group]))
        surest.append(scores[left[0]])
        left = left[~alike]
    shape = (0, *places.shape[1:])
    return np.array(merged).reshape(-1, *shape[1:]), np.array(surest, np.float64)
