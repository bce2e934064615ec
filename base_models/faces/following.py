"""Faces of successive frames: searched for in some, looked for where they are expected in others.

Searching a whole picture is most of a finder's work. Where the searched frames before and after
show the same faces, those of the frames between lie between them, and only there is looked. Where
they don't, or where one of them is not found in a frame between, one more frame is searched and the
same is asked of the two shorter stretches that it leaves. So a face is missed only where it comes
and goes between two searched frames that show the same faces.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from base_models.faces.finders import Detections, FaceFinder, no_points
from base_models.faces.tracks import box_iou

#: Boxes of the two searched frames are one face from this IoU on, as in `tracks`.
_SAME = 0.2
#: A face was found where it was expected if its box has this IoU with it.
_FOUND = 0.35


_NOTHING = Detections(
    np.empty(0, np.int64), np.empty((0, 4), np.float32), np.empty(0, np.float32), no_points(0)
)


@runtime_checkable
class FollowingFinder(FaceFinder, Protocol):
    """A finder that can look near given places only."""

    def follow(
        self, images: Sequence[NDArray[np.uint8]], expected: NDArray[np.floating]
    ) -> Detections:
        """Faces near the boxes `expected`, (n, k, 4), of n `images`, each RGB uint8 (H, W, 3)."""


#: Height and width of a frame -> those that it is searched at.
Reduction = Callable[[int, int], tuple[int, int]]


class Follower:
    """Faces in one frame after the other.

    Args:
        finder: whose `follow` is used where it has one.
        reduction: frames are searched at a reduced size; followed faces are looked at in full.
    """

    def __init__(self, finder: FaceFinder, reduction: Reduction | None = None) -> None:
        self.finder = finder
        self._reduction = reduction or (lambda height, width: (height, width))
        self._before: NDArray[np.float32] | None = None

    def find(self, images: Sequence[NDArray[np.uint8]]) -> Detections:
        """Faces in the next frames, each RGB uint8 (H, W, 3), all of one size; at least one.

        The last of them is searched everywhere, and so is the first of all. Boxes and points are
        in pixels of these frames.
        """
        if not isinstance(self.finder, FollowingFinder):
            return self._search(images)
        parts: list[Detections] = []
        first = 0
        if self._before is None and len(images) > 1:
            parts.append(self._search(images[:1]))
            self._before, first = parts[0].box, 1
        last = self._search(images[-1:])
        if len(images) - first > 1:
            assert self._before is not None
            between = self._between(images[first:-1], self._before, last.box)
            parts.append(_moved(between, first))
        parts.append(_moved(last, len(images) - 1))
        self._before = last.box
        return _joined(parts)

    def _search(self, images: Sequence[NDArray[np.uint8]]) -> Detections:
        height, width = images[0].shape[:2]
        small_height, small_width = self._reduction(height, width)
        if (small_height, small_width) == (height, width):
            return self.finder.find(np.stack(images))
        how = cv2.INTER_AREA if small_height < height else cv2.INTER_CUBIC
        found = self.finder.find(
            np.stack(
                [cv2.resize(i, (small_width, small_height), interpolation=how) for i in images]
            )
        )
        back = np.array([width / small_width, height / small_height])
        box = (found.box * np.tile(back, 2)).astype(np.float32)
        points = (found.points * back).astype(np.float32)
        return Detections(found.frame, box, found.score, points)

    def _between(
        self,
        images: Sequence[NDArray[np.uint8]],
        before: NDArray[np.float32],
        after: NDArray[np.float32],
    ) -> Detections:
        """Faces in frames whose neighbours on both sides have been searched."""
        if not len(images):
            return _NOTHING
        split = len(images) // 2
        expected = _expected(before, after, len(images))
        if expected is not None:
            assert isinstance(self.finder, FollowingFinder)
            found = self.finder.follow(images, expected)
            missed = [
                number
                for number, boxes in enumerate(expected)
                if not _all_found(boxes, found.box[found.frame == number])
            ]
            if not missed:
                return found
            split = missed[len(missed) // 2]
        here = self._search(images[split : split + 1])
        return _joined(
            [
                self._between(images[:split], before, here.box),
                _moved(here, split),
                _moved(self._between(images[split + 1 :], here.box, after), split + 1),
            ]
        )


def _expected(
    before: NDArray[np.float32], after: NDArray[np.float32], n: int
) -> NDArray[np.float64] | None:
    """Boxes (n, k, 4) on the way from one frame to the other; None where the faces differ."""
    if len(before) != len(after) or not len(before):
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


def _moved(found: Detections, by: int) -> Detections:
    return Detections(found.frame + by, found.box, found.score, found.points)


def _joined(parts: list[Detections]) -> Detections:
    """All of them, in the order of frames and, within one, of scores."""
    frame = np.concatenate([part.frame for part in parts])
    score = np.concatenate([part.score for part in parts])
    order = np.lexsort((-score, frame))
    return Detections(
        frame[order],
        np.concatenate([part.box for part in parts])[order],
        score[order],
        np.concatenate([part.points for part in parts])[order],
    )
