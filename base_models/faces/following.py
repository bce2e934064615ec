"""Faces of successive frames: searched for in some, looked for where they are expected in others.

Searching a whole picture is most of a finder's work. Where the searched frames before and after
show the same faces, those of the frames between lie between them, and only there is looked. A frame
in which one of them is not found is searched everywhere after all, and so is every frame between
two that do not show the same faces. So a face is missed only where it comes and goes between two
searched frames.
"""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from base_models.faces.finders import Detections, FaceFinder, no_points
from base_models.faces.tracks import box_iou

#: Boxes of the two searched frames are one face from this IoU on, as in `tracks`.
_SAME = 0.2
#: A face was found where it was expected if its box has this IoU with it.
_FOUND = 0.35


@runtime_checkable
class FollowingFinder(FaceFinder, Protocol):
    """A finder that can look near given places only."""

    def follow(self, images: NDArray[np.uint8], expected: NDArray[np.floating]) -> Detections:
        """Faces near the boxes `expected`, (n, k, 4), of `images`, RGB uint8 (n, H, W, 3)."""


class Follower:
    """Faces in one frame after the other.

    Args:
        finder: whose `follow` is used where it has one.
    """

    def __init__(self, finder: FaceFinder) -> None:
        self.finder = finder
        self._before: NDArray[np.float32] | None = None

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in the next frames, RGB uint8 (n, H, W, 3), all of one size; n > 0.

        The last of them is searched everywhere, and so is the first of all.
        """
        if not isinstance(self.finder, FollowingFinder):
            return self.finder.find(images)
        parts: list[Detections] = []
        first = 0
        if self._before is None and len(images) > 1:
            parts.append(self.finder.find(images[:1]))
            self._before, first = parts[0].box, 1
        last = self.finder.find(images[-1:])
        if len(images) - first > 1:
            parts.append(_moved(self._between(images[first:-1], last.box), first))
        parts.append(_moved(last, len(images) - 1))
        self._before = last.box
        return _joined(parts)

    def _between(self, images: NDArray[np.uint8], after: NDArray[np.float32]) -> Detections:
        assert isinstance(self.finder, FollowingFinder)
        expected = _expected(self._before, after, len(images))
        if expected is None:
            return self.finder.find(images)
        found = self.finder.follow(images, expected)
        missed = [
            number
            for number, boxes in enumerate(expected)
            if not _all_found(boxes, found.box[found.frame == number])
        ]
        if not missed:
            return found
        kept = np.flatnonzero(~np.isin(found.frame, missed))
        searched = self.finder.find(images[missed])
        again = _renumbered(searched, np.array(missed)[searched.frame])
        return _joined([_at(found, kept), again])


def _expected(
    before: NDArray[np.float32] | None, after: NDArray[np.float32], n: int
) -> NDArray[np.float64] | None:
    """Boxes (n, k, 4) on the way from one frame to the other; None where the faces differ."""
    if before is None or len(before) != len(after) or not len(before):
        return None
    overlap = box_iou(before, after)
    here, there = linear_sum_assignment(-overlap)
    if (overlap[here, there] < _SAME).any():
        return None
    share = (np.arange(1, n + 1) / (n + 1))[:, None, None]
    start, end = before[here].astype(np.float64), after[there].astype(np.float64)
    return np.asarray(start * (1 - share) + end * share)


def _all_found(expected: NDArray[np.float64], box: NDArray[np.float32]) -> bool:
    """Whether every expected face has a box of its own."""
    if len(box) < len(expected):
        return False
    overlap = box_iou(expected, box)
    here, there = linear_sum_assignment(-overlap)
    return bool((overlap[here, there] >= _FOUND).all())


def _at(found: Detections, rows: NDArray[np.intp]) -> Detections:
    return Detections(found.frame[rows], found.box[rows], found.score[rows], found.points[rows])


def _renumbered(found: Detections, frame: NDArray[np.integer]) -> Detections:
    return Detections(frame.astype(np.int64), found.box, found.score, found.points)


def _moved(found: Detections, by: int) -> Detections:
    return _renumbered(found, found.frame + by)


def _joined(parts: list[Detections]) -> Detections:
    """All of them, in the order of frames and, within one, of scores."""
    frame = np.concatenate([part.frame for part in parts])
    score = np.concatenate([part.score for part in parts])
    order = np.lexsort((-score, frame))
    return Detections(
        frame[order],
        np.concatenate([np.empty((0, 4), np.float32), *(part.box for part in parts)])[order],
        score[order],
        np.concatenate([no_points(0), *(part.points for part in parts)])[order],
    )
