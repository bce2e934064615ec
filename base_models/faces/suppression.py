"""Non-maximum suppression: of boxes that overlap, the best."""

import numpy as np
from numpy.typing import NDArray


def without_overlaps(
    box: NDArray[np.float32],
    score: NDArray[np.float32],
    apart: NDArray[np.intp],
    overlap: float,
) -> NDArray[np.intp]:
    """Places of the boxes that no better one covers, by falling score; equal scores as they come.

    The numbers are those of `torchvision.ops.batched_nms`, whose package takes seconds to import.

    Args:
        box: (n, 4) as x0, y0, x1, y1.
        score: (n,).
        apart: boxes of different numbers (n,) do not cover each other.
        overlap: the intersection over union from above which a box is covered, [0, 1].
    """
    order = np.argsort(-score, kind="stable")
    box, apart = box[order], apart[order]
    area = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])
    left = np.ones(len(box), bool)
    for i in range(len(box)):
        if not left[i]:
            continue
        rest = i + 1 + np.flatnonzero(left[i + 1 :] & (apart[i + 1 :] == apart[i]))
        low = np.maximum(box[rest, :2], box[i, :2])
        high = np.minimum(box[rest, 2:], box[i, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        left[rest[shared > overlap * (area[rest] + area[i] - shared)]] = False
    return order[left]
