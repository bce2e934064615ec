"""MTCNN (Zhang et al. 2016) over many frames at once.

The three networks and their weights are facenet-pytorch's (MIT); the driver is ours. It gives
the boxes of `facenet_pytorch.MTCNN.detect` on the same picture, but takes a batch of equally
sized frames, in which every frame may hold any number of faces.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from base_models.faces.finders import N_POINTS, Detections, FinderOptions
from base_models.faces.mtcnn_networks import Network, load_networks
from base_models.faces.mtcnn_pixels import Averaged, Interpolated, Pixels
from base_models.faces.mtcnn_pyramid import CELL, STRIDE, Level, level_sizes, pyramid
from base_models.faces.suppression import without_overlaps

#: The networks were trained on faces of at least this many pixels.
MIN_FACE_PIXELS = 20
#: A face is believed from this share of O-Net's threshold on where one is expected.
_EXPECTED = 2 / 3
#: How many patches go through R-Net or O-Net at a time.
_PATCHES = 1024


class MtcnnFinder:
    """MTCNN for batches of frames.

    Args:
        thresholds: the least probability of a face after P-Net, R-Net and O-Net.
        min_face_pixels: the smallest face looked for, in pixels of the pictures given.
        device: where the networks run, as torch names it.
        exact: facenet-pytorch's boxes to the last digits; else pictures are shrunk by OpenCV on
            the CPU, and the networks convolve in int8 where OpenVINO runs them.
    """

    def __init__(
        self,
        thresholds: tuple[float, float, float] = (0.9, 0.9, 0.9),
        *,
        min_face_pixels: int = MIN_FACE_PIXELS,
        device: str = "cpu",
        exact: bool = False,
    ) -> None:
        self.thresholds = thresholds
        self.min_face_pixels = min_face_pixels
        self.device = torch.device(device)
        self._averages = exact or self.device.type != "cpu"
        self._pnet, self._rnet, self._onet = load_networks(device, exact=exact)

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

    @torch.inference_mode()
    def _find(self, images: NDArray[np.uint8], least: int) -> Detections:
        pixels = Averaged(images, self.device) if self._averages else Interpolated(list(images))
        candidates = self._propose(pixels, least)
        if len(candidates):
            candidates = self._refine(candidates, pixels)
        if not len(candidates):
            return _detections(candidates, torch.empty(0, N_POINTS, 2))
        return _detections(*self._settle(*_patches(candidates, pixels, 48), self.thresholds[2]))

    @torch.inference_mode()
    def follow(
        self, images: Sequence[NDArray[np.uint8]], expected: NDArray[np.floating]
    ) -> Detections:
        """Faces at the boxes `expected`, (n, k, 4), of `images`: O-Net's work alone.

        A face that is expected is believed from two thirds of O-Net's threshold on.
        """
        n, per_frame = expected.shape[:2]
        box = _squared(torch.from_numpy(expected.astype(np.float32)).reshape(-1, 4))
        nothing = torch.zeros(len(box))
        candidates = _Candidates(
            frame=torch.arange(n).repeat_interleave(per_frame),
            box=box,
            score=nothing,
            shift=nothing[:, None].expand(len(box), 4),
        )
        candidates, patches = _patches(candidates, Interpolated(images), 48)
        least = _EXPECTED * self.thresholds[2]
        return _detections(
            *self._settle(candidates.on(self.device), patches.to(self.device), least)
        )

    def _propose(self, pixels: Averaged | Interpolated, least: int) -> "_Candidates":
        """P-Net on an image pyramid, for faces of at least so many pixels."""
        height, width = pixels.size
        found = [_Candidates.none(self.device)]
        if isinstance(pixels, Averaged):
            for level in level_sizes(height, width, least):
                shift, probability = self._pnet(pixels.level(level.height, level.width))
                which = torch.zeros(probability.shape[1:], dtype=torch.long, device=self.device)
                found.append(
                    _grid_candidates(shift, probability, which, [level], self.thresholds[0])
                )
        elif (together := pyramid(height, width, least)).levels:
            shift, probability = self._pnet(pixels.pyramids(together))
            which = torch.from_numpy(together.level_of_cells)
            found.append(
                _grid_candidates(shift, probability, which, together.levels, self.thresholds[0])
            )
        candidates = _Candidates.joined(found).suppressed(0.7)
        box, shift = candidates.box, candidates.shift
        size_ = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return candidates.moved_to(_squared(box + shift * size_))

    def _refine(self, candidates: "_Candidates", pixels: Pixels) -> "_Candidates":
        """R-Net on 24-pixel patches."""
        candidates, patches = _patches(candidates, pixels, 24)
        shift, probability = self._judge(self._rnet, patches)
        candidates = candidates.judged(probability, shift, self.thresholds[1]).suppressed(0.7)
        return candidates.moved_to(_squared(_shifted(candidates.box, candidates.shift)))

    def _settle(
        self, candidates: "_Candidates", patches: Tensor, least: float
    ) -> tuple["_Candidates", Tensor]:
        """O-Net on 48-pixel patches; also the five points of each face, (k, 5, 2)."""
        shift, places, probability = self._judge(self._onet, patches)
        points = _points_in(candidates.box, places)[probability > least]
        candidates = candidates.judged(probability, shift, least)
        candidates = candidates.moved_to(_shifted(candidates.box, candidates.shift))
        keep = _keep_apart(candidates, 0.7)
        return candidates.at(keep), points[keep]

    @staticmethod
    def _judge(network: Network, patches: Tensor) -> tuple[Tensor, ...]:
        """What a network says of patches (k, side, side, 3)."""
        answers = [network(patches[part]) for part in _pieces(len(patches))]
        return tuple(map(torch.cat, zip(*answers, strict=True)))


@dataclass(frozen=True)
class _Candidates:
    """Boxes on their way through the cascade: frame (k,), box (k, 4), score (k,), shift (k, 4)."""

    frame: Tensor
    box: Tensor
    score: Tensor
    shift: Tensor

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def none(cls, device: torch.device) -> "_Candidates":
        return cls(
            torch.empty(0, dtype=torch.long, device=device),
            torch.empty(0, 4, device=device),
            torch.empty(0, device=device),
            torch.empty(0, 4, device=device),
        )

    @classmethod
    def joined(cls, parts: list["_Candidates"]) -> "_Candidates":
        return cls(
            torch.cat([p.frame for p in parts]),
            torch.cat([p.box for p in parts]),
            torch.cat([p.score for p in parts]),
            torch.cat([p.shift for p in parts]),
        )

    def at(self, keep: Tensor) -> "_Candidates":
        return _Candidates(self.frame[keep], self.box[keep], self.score[keep], self.shift[keep])

    def on(self, device: torch.device) -> "_Candidates":
        return _Candidates(*(getattr(self, f.name).to(device) for f in fields(self)))

    def moved_to(self, box: Tensor) -> "_Candidates":
        return _Candidates(self.frame, box, self.score, self.shift)

    def judged(self, probability: Tensor, shift: Tensor, threshold: float) -> "_Candidates":
        """Those above the threshold, with a network's new shift (k, 4) and probability (k,)."""
        judged = _Candidates(self.frame, self.box, probability, shift)
        return judged.at(probability > threshold)

    def suppressed(self, overlap: float) -> "_Candidates":
        """Without those that overlap a better one of the same frame by more than this IoU."""
        return self.best(self.frame, overlap)

    def best(self, apart: Tensor, overlap: float) -> "_Candidates":
        """Without those that overlap a better one of the same number in `apart` (n,)."""
        box, score, numbers = (one.cpu().numpy() for one in (self.box, self.score, apart))
        places = torch.from_numpy(without_overlaps(box, score, numbers, overlap))
        return self.at(places.to(self.box.device))


def create_mtcnn(options: FinderOptions) -> MtcnnFinder:
    """The factory behind the registry's entry."""
    return MtcnnFinder(options.thresholds, device=options.device)


def _detections(candidates: _Candidates, points: Tensor) -> Detections:
    """What came through the cascade, in the order of frames and, within one, of scores."""
    frame = candidates.frame.cpu().numpy()
    score = candidates.score.cpu().numpy()
    order = np.lexsort((-score, frame))
    return Detections(
        frame=frame[order],
        box=candidates.box.cpu().numpy()[order].astype(np.float32),
        score=score[order].astype(np.float32),
        points=points.cpu().numpy()[order].astype(np.float32),
    )


def _grid_candidates(
    shift: Tensor, probability: Tensor, which: Tensor, levels: Sequence[Level], threshold: float
) -> _Candidates:
    """P-Net's cells above the threshold that overlap no better one of the same frame and level.

    shift (n, 4, h, w); probability (n, h, w); which (h, w): of the levels, -1 for none.
    """
    frame, row, column = ((probability >= threshold) & (which >= 0)).nonzero().unbind(dim=1)
    level = which[row, column]
    begins = shift.new_tensor([[level.left, level.top] for level in levels])[level]
    scale = shift.new_tensor([level.scale for level in levels])[level][:, None]
    corner = torch.stack([column, row], dim=1).to(shift.dtype) * STRIDE - begins
    candidates = _Candidates(
        frame=frame,
        box=torch.cat([((corner + 1) / scale).floor(), ((corner + CELL) / scale).floor()], dim=1),
        score=probability[frame, row, column],
        shift=shift[frame, :, row, column],
    )
    apart = frame * len(levels) + level
    return candidates.best(apart, 0.5)


def _squared(box: Tensor) -> Tensor:
    """Boxes grown about their centres to their longer side."""
    size = box[:, 2:] - box[:, :2]
    side = size.max(dim=1, keepdim=True).values
    low = box[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([low, low + side], dim=1)


def _shifted(box: Tensor, shift: Tensor) -> Tensor:
    """Boxes corrected by R-Net or O-Net, whose sizes count both end pixels."""
    return box + shift * (box[:, 2:] - box[:, :2] + 1).repeat(1, 2)


def _points_in(box: Tensor, places: Tensor) -> Tensor:
    """O-Net's landmarks in the picture: boxes (k, 4), places (k, 10: five x, five y) -> (k, 5, 2).

    The places are shares of the box that the patch was cut from, counted as above.
    """
    size = box[:, 2:] - box[:, :2] + 1
    shares = places.view(-1, 2, N_POINTS).transpose(1, 2)
    return shares * size[:, None] + box[:, None, :2] - 1


def _inside(candidates: _Candidates, height: int, width: int) -> tuple[_Candidates, Tensor, Tensor]:
    """Those that lie in the picture, and the pixels [low, high) of each, (k, 2) as x, y."""
    region = candidates.box.trunc().long()
    # facenet-pytorch counts pixels from 1, and cuts [x0 - 1, x1).
    low = region[:, :2].clamp(min=1) - 1
    high = torch.minimum(region[:, 2:], region.new_tensor([width, height]))
    inside = (high > low).all(dim=1).nonzero()[:, 0]
    return candidates.at(inside), low[inside], high[inside]


def _patches(candidates: _Candidates, pixels: Pixels, side: int) -> tuple[_Candidates, Tensor]:
    """The candidates that lie in the picture, and what it shows there: (k, side, side, 3)."""
    candidates, low, high = _inside(candidates, *pixels.size)
    parts = [
        pixels.patches(candidates.frame[part], low[part], high[part], side)
        for part in _pieces(len(candidates))
    ]
    return candidates, torch.cat(parts)


def _pieces(length: int) -> list[slice]:
    """Slices of `_PATCHES` each; one even of nothing."""
    return [slice(i, i + _PATCHES) for i in range(0, max(length, 1), _PATCHES)]


def _keep_apart(candidates: _Candidates, overlap: float) -> Tensor:
    """Positions of candidates kept when intersection is measured against the smaller box.

    The last step of MTCNN: it also drops a box that lies within another one.
    """
    box = candidates.box.cpu().numpy().astype(np.float64)
    score = candidates.score.cpu().numpy()
    frame = candidates.frame.cpu().numpy()
    area = (box[:, 2] - box[:, 0] + 1) * (box[:, 3] - box[:, 1] + 1)
    keep: list[int] = []
    for i in np.argsort(-score, kind="stable"):
        rivals = [j for j in keep if frame[j] == frame[i]]
        low = np.maximum(box[rivals, :2], box[i, :2])
        high = np.minimum(box[rivals, 2:], box[i, 2:])
        shared = np.prod(np.maximum(0, high - low + 1), axis=1)
        if not (shared > overlap * np.minimum(area[rivals], area[i])).any():
            keep.append(int(i))
    return torch.tensor(keep, dtype=torch.long, device=candidates.box.device)
