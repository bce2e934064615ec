"""Which faces of successive frames are the same one."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

#: Sampled frames lie a third of a second apart in a ten-second clip, so heads move a good part
#: of their size.
_LEAST_IOU = 0.2


def box_iou(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union of boxes (a, 4) and (b, 4), x0 y0 x1 y1 -> (a, b)."""
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    total = box_area(a)[:, None] + box_area(b)[None, :] - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def box_area(box: NDArray[np.floating]) -> NDArray[np.float64]:
    """Areas (n,) of boxes (n, 4)."""
    b = np.asarray(box, np.float64)
    return np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1)


def link_tracks(
    frame: NDArray[np.integer], box: NDArray[np.floating], *, least_iou: float = _LEAST_IOU
) -> NDArray[np.int32]:
    """Number the track of every box.

    In each frame the boxes are assigned to the last known boxes of the tracks so that the summed
    IoU is largest; a box below `least_iou` starts a track. A track that pauses may go on. Two
    boxes of a frame are never in one track.

    Args:
        frame: (n,) ascending frame numbers.
        box: (n, 4) x0 y0 x1 y1.

    Returns:
        (n,) int32. Track 0 has the most boxes; equal counts are ordered by the summed area
        (largest first), then by the first frame, then from left to right.
    """
    track = np.full(len(frame), -1, np.int64)
    last = np.empty((0, 4), np.float64)  # the last box of each track so far
    for number in np.unique(frame):
        here = np.flatnonzero(frame == number)
        iou = box_iou(last, box[here])
        known, new = linear_sum_assignment(-np.where(iou >= least_iou, iou, 0))
        linked = iou[known, new] >= least_iou
        track[here[new[linked]]] = known[linked]
        last[known[linked]] = box[here[new[linked]]]
        fresh = here[track[here] < 0]
        track[fresh] = len(last) + np.arange(len(fresh))
        last = np.concatenate([last, np.asarray(box[fresh], np.float64)])
    if not len(track):
        return track.astype(np.int32)
    _, first, count = np.unique(track, return_index=True, return_counts=True)
    area = np.bincount(track, weights=box_area(box))
    order = np.lexsort((box[first, 0], np.asarray(frame)[first], -area, -count))
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return rank[track]
