"""Faces of successive frames: searched for in some, looked for where they are expected in others.

Searching a whole picture is most of a finder's work. Where the searched frames before and after
show as many faces, those of the frames between lie on the way, or near those of the next frame, and
only there is looked. Where one is not found, it is hidden or turned away, or else it leapt: that
frame is searched. If that shows no more faces than were found, the same is taken of the frames
beside it in which one is lost too, up to four. Else, and where the searched frames show different
numbers of faces or none, one more frame is searched and the same is asked of the two shorter
stretches that it leaves. So a face is missed only where it comes and goes between two searched
frames that show as many.

Most of a search is for small faces. Where the searched frames beside it are of the same shot and
show large ones only, a frame is searched for those alone; but not two last frames in a row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from base_models.faces.finders import Detections, FaceFinder, no_points
from base_models.faces.images import shrink
from base_models.faces.tracks import box_iou

#: A face was found where it was expected if its box has this IoU with it.
_LEAST_OVERLAP = 0.35
#: So often a lost face is looked for where it is in the next frame; more often, and boxes drift.
_ROUNDS = 3
#: So many successive frames in which a face is lost are settled by a search of one.
_SETTLED = 4
#: Faces this much larger than the smallest that are looked for are not missed for their size.
_SURELY_LARGE = 1.25
#: Pictures are of one shot if some of their pixels, this many by as many, differ less on average.
_SAMPLES, _SAME_SHOT = 24, 16

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


@runtime_checkable
class GlancingFinder(FollowingFinder, Protocol):
    """A finder that can also look for large faces only, which takes less time."""

    @property
    def large_face_pixels(self) -> int:
        """Side of the smallest face that `find_large` looks for."""

    def find_large(self, images: NDArray[np.uint8]) -> Detections:
        """Large faces in `images`, RGB uint8 (n, H, W, 3)."""


@dataclass(frozen=True)
class _Searched:
    """A frame that was searched.

    Attributes:
        found: its faces.
        look: some of its pixels, which tell whether another frame is of the same shot.
        whole: whether small faces were looked for, too.
    """

    found: Detections
    look: NDArray[np.int16] = field(repr=False)
    whole: bool

    @property
    def box(self) -> NDArray[np.float32]:
        return self.found.box


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
        self._before: _Searched | None = None

    def find(self, images: Sequence[NDArray[np.uint8]]) -> Detections:
        """Faces in the next frames, each RGB uint8 (H, W, 3), all of one size; at least one.

        The last of them is searched, and so is the first of all. Boxes and points are in pixels of
        these frames.
        """
        if not isinstance(self.finder, FollowingFinder):
            return self._found_in(images, self.finder.find)
        parts: list[Detections] = []
        first = 0
        if self._before is None and len(images) > 1:
            self._before, first = self._search(images[0]), 1
            parts.append(self._before.found)
        before = self._before
        # Of the last frames every second one is searched for small faces, too.
        beside = [before] if before is not None and before.whole and len(images) > 1 else []
        last = self._search(images[-1], *beside)
        if len(images) - first > 1:
            assert before is not None
            parts.append(_moved(self._between(images[first:-1], before, last), first))
        parts.append(_moved(last.found, len(images) - 1))
        self._before = last
        return _joined(parts)

    def _search(self, image: NDArray[np.uint8], *beside: _Searched) -> _Searched:
        """One frame, searched as its neighbours `beside` it ask for."""
        look = _look(image)
        find, whole = self.finder.find, True
        if isinstance(self.finder, GlancingFinder) and self._are_large(image, look, beside):
            find, whole = self.finder.find_large, False
        return _Searched(self._found_in([image], find), look, whole)

    def _are_large(
        self, image: NDArray[np.uint8], look: NDArray[np.int16], beside: Sequence[_Searched]
    ) -> bool:
        """Whether the neighbours lead to expect large faces only."""
        assert isinstance(self.finder, GlancingFinder)
        known = any(np.abs(look - one.look).mean() < _SAME_SHOT for one in beside)
        boxes = np.concatenate([_NOTHING.box, *(one.box for one in beside)])
        if not known or not len(boxes):
            return False
        height, width = image.shape[:2]
        least = _SURELY_LARGE * self.finder.large_face_pixels * width
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        return bool((sides * self._reduction(height, width)[1] >= least).all())

    def _found_in(
        self,
        images: Sequence[NDArray[np.uint8]],
        find: Callable[[NDArray[np.uint8]], Detections],
    ) -> Detections:
        """What a search of the reduced frames finds, in pixels of the full ones."""
        height, width = images[0].shape[:2]
        small_height, small_width = self._reduction(height, width)
        if (small_height, small_width) == (height, width):
            return find(np.stack(images))
        detections = find(
            np.stack([_resized(image, small_height, small_width) for image in images])
        )
        back = np.array([width / small_width, height / small_height])
        box = (detections.box * np.tile(back, 2)).astype(np.float32)
        points = (detections.points * back).astype(np.float32)
        return Detections(detections.frame, box, detections.score, points)

    def _between(
        self, images: Sequence[NDArray[np.uint8]], before: _Searched, after: _Searched
    ) -> Detections:
        """Faces in frames whose neighbours on both sides have been searched."""
        if not len(images):
            return _NOTHING
        split, here = len(images) // 2, None
        if len(before.box) == len(after.box) > 0:
            detections, lost = self._followed(images, *_paired(before.box, after.box))
            for run in _runs(lost):
                split = run[len(run) // 2]
                here = self._search(images[split], before, after)
                if not _same_faces(here.box, detections.box[detections.frame == split]):
                    break
            else:
                return detections
        if here is None:
            here = self._search(images[split], before, after)
        return _joined(
            [
                self._between(images[:split], before, here),
                _moved(here.found, split),
                _moved(self._between(images[split + 1 :], here, after), split + 1),
            ]
        )

    def _followed(
        self,
        images: Sequence[NDArray[np.uint8]],
        start: NDArray[np.float64],
        end: NDArray[np.float64],
    ) -> tuple[Detections, list[int]]:
        """Faces on the way from `start` to `end`, (k, 4), and the frames in which one is lost."""
        assert isinstance(self.finder, FollowingFinder)
        n = len(images)
        # With the searched frames at both ends; NaN where a face has not been found.
        known = np.full((n + 2, *start.shape), np.nan)
        known[0], known[-1] = start, end
        share = (np.arange(1, n + 1) / (n + 1))[:, None, None]
        expected = start * (1 - share) + end * share
        parts: dict[int, Detections] = {}
        frames = list(range(n))
        for _ in range(1 + _ROUNDS):
            if not frames:
                break
            detections = self.finder.follow([images[i] for i in frames], expected[frames])
            for position, i in enumerate(frames):
                part = detections.of_frame(position)
                seen, which = _assigned(expected[i], part.box)
                if i not in parts or len(seen) > np.isfinite(known[i + 1, :, 0]).sum():
                    parts[i] = part
                    known[i + 1] = np.nan
                    known[i + 1, seen] = part.box[which]
            nearer = _from_neighbours(known, expected)
            frames = np.flatnonzero((nearer != expected).any(axis=(1, 2))).tolist()
            expected = nearer
        lost = [i for i in range(n) if np.isnan(known[i + 1]).any()]
        return _joined([_moved(parts[i], i) for i in range(n)]), lost


def _look(image: NDArray[np.uint8]) -> NDArray[np.int16]:
    """Some of its pixels, evenly spaced."""
    rows, columns = (np.arange(_SAMPLES) * side // _SAMPLES for side in image.shape[:2])
    return image[rows[:, None], columns].astype(np.int16)


def _resized(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    if height < image.shape[0]:
        return shrink(image, height, width)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _paired(
    before: NDArray[np.float32], after: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The boxes of two frames with as many faces, each (k, 4), face by face."""
    apart = np.linalg.norm(_centres(before)[:, None] - _centres(after)[None], axis=2)
    here, there = linear_sum_assignment(apart / (1 + apart.max()) - box_iou(before, after))
    return before[here].astype(np.float64), after[there].astype(np.float64)


def _centres(box: NDArray[np.floating]) -> NDArray[np.floating]:
    return (box[:, :2] + box[:, 2:]) / 2


def _from_neighbours(
    known: NDArray[np.float64], expected: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Where lost faces are expected after their neighbours, (n, k, 4); other frames as they were.

    known: (n + 2, k, 4), NaN where a face is lost; expected: (n, k, 4), where they were looked for.
    """
    here = known[1:-1]
    lost = np.isnan(here)
    nearer = np.where(lost, expected, here)
    for beside in (known[2:], known[:-2]):
        nearer = np.where(lost & np.isfinite(beside), beside, nearer)
    return np.where(lost.any(axis=(1, 2), keepdims=True), nearer, expected)


def _assigned(
    expected: NDArray[np.floating], box: NDArray[np.floating]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Positions of the expected faces that are found, and of their boxes."""
    overlap = box_iou(expected, box)
    here, there = linear_sum_assignment(-overlap)
    enough = overlap[here, there] >= _LEAST_OVERLAP
    return here[enough], there[enough]


def _same_faces(one: NDArray[np.floating], other: NDArray[np.floating]) -> bool:
    """Whether two frames' boxes show the same faces."""
    return len(one) == len(other) == len(_assigned(one, other)[0])


def _runs(numbers: list[int]) -> list[list[int]]:
    """Ascending numbers in runs of successive ones, of `_SETTLED` at the most."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1 and len(runs[-1]) < _SETTLED:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _moved(detections: Detections, by: int) -> Detections:
    return Detections(detections.frame + by, detections.box, detections.score, detections.points)


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
