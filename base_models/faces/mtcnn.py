"""MTCNN (Zhang et al. 2016) over many frames at once.

The three networks and their weights are facenet-pytorch's (MIT); the driver is ours. It gives
the boxes of `facenet_pytorch.MTCNN.detect` on the same picture, but takes a batch of equally
sized frames, in which every frame may hold any number of faces.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.compute.threads import available_threads
from base_models.faces.finders import N_POINTS, Detections, FinderOptions
from base_models.faces.mtcnn_networks import load_networks
from base_models.faces.mtcnn_pixels import Interpolated, Pixels, Reduced
from base_models.faces.mtcnn_pyramid import CELL, STRIDE
from base_models.faces.suppression import without_overlaps

Floats = NDArray[np.float32]
Numbers = NDArray[np.intp]

#: The networks were trained on faces of at least this many pixels.
MIN_FACE_PIXELS = 20
#: A face is believed from this share of O-Net's threshold on where one is expected.
_EXPECTED = 2 / 3


class MtcnnFinder:
    """MTCNN for batches of frames.

    Args:
        thresholds: the least probability of a face after P-Net, R-Net and O-Net.
        min_face_pixels: the smallest face looked for, in pixels of the pictures given.
        device: where the networks run, as torch names it.
        exact: facenet-pytorch's boxes to the last digits; else pictures are shrunk by OpenCV on
            the CPU, and the networks convolve in int8 where OpenVINO runs them.
        threads: of the networks on the CPU; 0: as many as there are.
    """

    def __init__(
        self,
        thresholds: tuple[float, float, float] = (0.9, 0.9, 0.9),
        *,
        min_face_pixels: int = MIN_FACE_PIXELS,
        device: str = "cpu",
        exact: bool = False,
        threads: int = 0,
    ) -> None:
        self.thresholds = thresholds
        self.min_face_pixels = min_face_pixels
        self._pixels_of: Callable[[Any], Pixels] = Interpolated
        if exact or device != "cpu":
            averaged = import_module("base_models.faces.mtcnn_areas").Averaged
            self._pixels_of = partial(averaged, device=device)
        self._pnet, self._rnet, self._onet = load_networks(
            device, exact=exact, threads=threads or available_threads()
        )

    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        return self._find(images, self.min_face_pixels)

    def find_large(self, images: NDArray[np.uint8]) -> Detections:
        """As `find`, for faces of at least `large_face_pixels`; most smaller ones are missed."""
        return self._find(images, self.large_face_pixels)

    @property
    def large_face_pixels(self) -> int:
        """The smallest face that `find_large` looks for: that leaves a quarter of P-Net's work."""
        return 2 * self.min_face_pixels

    def _find(self, images: NDArray[np.uint8], least: int) -> Detections:
        pixels = self._pixels_of(images)
        candidates = self._propose(pixels, least)
        if len(candidates):
            candidates = self._refine(candidates, pixels)
        if not len(candidates):
            return _detections(candidates, np.empty((0, N_POINTS, 2), np.float32))
        return _detections(*self._settle(*_patches(candidates, pixels, 48), self.thresholds[2]))

    def follow(
        self, images: Sequence[NDArray[np.uint8]], expected: NDArray[np.floating]
    ) -> Detections:
        """Faces at the boxes `expected`, (n, k, 4), of `images`: O-Net's work alone.

        A face that is expected is believed from two thirds of O-Net's threshold on.
        """
        n, per_frame = expected.shape[:2]
        box = _squared(expected.astype(np.float32).reshape(-1, 4))
        candidates = _Candidates(
            frame=np.arange(n).repeat(per_frame),
            box=box,
            score=np.zeros(len(box), np.float32),
            shift=np.zeros_like(box),
        )
        candidates, patches = _patches(candidates, Interpolated(images), 48)
        least = _EXPECTED * self.thresholds[2]
        return _detections(*self._settle(candidates, patches, least))

    def _propose(self, pixels: Pixels, least: int) -> "_Candidates":
        """P-Net on the frames in all sizes, for faces of at least so many pixels."""
        found = [_Candidates.none()]
        for reduced in pixels.reduced(least):
            shift, probability = self._pnet(reduced.pictures)
            found.append(_grid_candidates(shift, probability, reduced, self.thresholds[0]))
        candidates = _Candidates.joined(found).suppressed(0.7)
        box, shift = candidates.box, candidates.shift
        size_ = np.tile(box[:, 2:] - box[:, :2], 2)
        return candidates.moved_to(_squared(box + shift * size_))

    def _refine(self, candidates: "_Candidates", pixels: Pixels) -> "_Candidates":
        """R-Net on 24-pixel patches."""
        candidates, patches = _patches(candidates, pixels, 24)
        shift, probability = self._rnet(patches)
        candidates = candidates.judged(probability, shift, self.thresholds[1]).suppressed(0.7)
        return candidates.moved_to(_squared(_shifted(candidates.box, candidates.shift)))

    def _settle(
        self, candidates: "_Candidates", patches: Any, least: float
    ) -> tuple["_Candidates", Floats]:
        """O-Net on 48-pixel patches; also the five points of each face, (k, 5, 2)."""
        shift, places, probability = self._onet(patches)
        points = _points_in(candidates.box, places)[probability > least]
        candidates = candidates.judged(probability, shift, least)
        candidates = candidates.moved_to(_shifted(candidates.box, candidates.shift))
        keep = _keep_apart(candidates, 0.7)
        return candidates.at(keep), points[keep]


@dataclass(frozen=True)
class _Candidates:
    """Boxes on their way through the cascade: frame (k,), box (k, 4), score (k,), shift (k, 4)."""

    frame: Numbers
    box: Floats
    score: Floats
    shift: Floats

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def none(cls) -> "_Candidates":
        boxes = np.empty((0, 4), np.float32)
        return cls(np.empty(0, np.intp), boxes, np.empty(0, np.float32), boxes)

    @classmethod
    def joined(cls, parts: list["_Candidates"]) -> "_Candidates":
        return cls(
            np.concatenate([p.frame for p in parts]),
            np.concatenate([p.box for p in parts]),
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.shift for p in parts]),
        )

    def at(self, keep: NDArray[Any]) -> "_Candidates":
        return _Candidates(self.frame[keep], self.box[keep], self.score[keep], self.shift[keep])

    def moved_to(self, box: Floats) -> "_Candidates":
        return _Candidates(self.frame, box, self.score, self.shift)

    def judged(self, probability: Floats, shift: Floats, threshold: float) -> "_Candidates":
        """Those above the threshold, with a network's new shift (k, 4) and probability (k,)."""
        judged = _Candidates(self.frame, self.box, probability, shift)
        return judged.at(probability > threshold)

    def suppressed(self, overlap: float) -> "_Candidates":
        """Without those that overlap a better one of the same frame by more than this IoU."""
        return self.best(self.frame, overlap)

    def best(self, apart: Numbers, overlap: float) -> "_Candidates":
        """Without those that overlap a better one of the same number in `apart` (n,)."""
        return self.at(without_overlaps(self.box, self.score, apart, overlap))


def create_mtcnn(options: FinderOptions) -> MtcnnFinder:
    """The factory behind the registry's entry."""
    return MtcnnFinder(options.thresholds, device=options.device, threads=options.threads)


def _detections(candidates: _Candidates, points: Floats) -> Detections:
    """What came through the cascade, in the order of frames and, within one, of scores."""
    order = np.lexsort((-candidates.score, candidates.frame))
    ordered = candidates.at(order)
    return Detections(ordered.frame, ordered.box, ordered.score, points[order])


def _grid_candidates(
    shift: Floats, probability: Floats, reduced: Reduced, threshold: float
) -> _Candidates:
    """P-Net's cells above the threshold that overlap no better one of the same frame and level.

    shift (n, 4, h, w); probability (n, h, w), of the reduced frames.
    """
    which, levels = reduced.which, reduced.levels
    frame, row, column = ((probability >= threshold) & (which >= 0)).nonzero()
    level = which[row, column]
    begins = np.array([[level.left, level.top] for level in levels], np.float32)[level]
    scale = np.array([level.scale for level in levels], np.float32)[level][:, None]
    corner = np.column_stack([column, row]).astype(np.float32) * STRIDE - begins
    box = [np.floor((corner + 1) / scale), np.floor((corner + CELL) / scale)]
    candidates = _Candidates(
        frame=frame,
        box=np.concatenate(box, axis=1),
        score=probability[frame, row, column],
        shift=shift[frame, :, row, column],
    )
    apart = frame * len(levels) + level
    return candidates.best(apart, 0.5)


def _squared(box: Floats) -> Floats:
    """Boxes grown about their centres to their longer side."""
    size = box[:, 2:] - box[:, :2]
    side = size.max(axis=1, keepdims=True)
    low = box[:, :2] + size * 0.5 - side * 0.5
    return np.concatenate([low, low + side], axis=1)


def _shifted(box: Floats, shift: Floats) -> Floats:
    """Boxes corrected by R-Net or O-Net, whose sizes count both end pixels."""
    return box + shift * np.tile(box[:, 2:] - box[:, :2] + 1, 2)


def _points_in(box: Floats, places: Floats) -> Floats:
    """O-Net's landmarks in the picture: boxes (k, 4), places (k, 10: five x, five y) -> (k, 5, 2).

    The places are shares of the box that the patch was cut from, counted as above.
    """
    size = box[:, 2:] - box[:, :2] + 1
    shares = places.reshape(-1, 2, N_POINTS).swapaxes(1, 2)
    return shares * size[:, None] + box[:, None, :2] - 1


def _patches(candidates: _Candidates, pixels: Pixels, side: int) -> tuple[_Candidates, Any]:
    """The candidates that lie in the picture, and what it shows there: (k, side, side, 3)."""
    height, width = pixels.size
    region = np.trunc(candidates.box).astype(np.intp)
    # facenet-pytorch counts pixels from 1, and cuts [x0 - 1, x1).
    low = np.maximum(region[:, :2], 1) - 1
    high = np.minimum(region[:, 2:], [width, height])
    inside = np.flatnonzero((high > low).all(axis=1))
    seen = candidates.at(inside)
    return seen, pixels.patches(seen.frame, low[inside], high[inside], side)


def _keep_apart(candidates: _Candidates, overlap: float) -> Numbers:
    """Positions of candidates kept when intersection is measured against the smaller box.

    The last step of MTCNN: it also drops a box that lies within another one.
    """
    box, frame = candidates.box.astype(np.float64), candidates.frame
    area = (box[:, 2] - box[:, 0] + 1) * (box[:, 3] - box[:, 1] + 1)
    keep: list[int] = []
    for i in np.argsort(-candidates.score, kind="stable"):
        rivals = [j for j in keep if frame[j] == frame[i]]
        low = np.maximum(box[rivals, :2], box[i, :2])
        high = np.minimum(box[rivals, 2:], box[i, 2:])
        shared = np.prod(np.maximum(0, high - low + 1), axis=1)
        if not (shared > overlap * np.minimum(area[rivals], area[i])).any():
            keep.append(int(i))
    return np.array(keep, np.intp)
