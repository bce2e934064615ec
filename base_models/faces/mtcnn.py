"""MTCNN (Zhang et al. 2016) over many frames at once.

The three networks and their weights are facenet-pytorch's (MIT); the driver is ours. It gives
the boxes of `facenet_pytorch.MTCNN.detect` on the same picture, but takes a batch of equally
sized frames, in which every frame may hold any number of faces, without a loop over candidates:
the patches for R-Net and O-Net are averaged out of an integral image.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision.ops import batched_nms

from base_models.faces.finders import N_POINTS, Detections, FinderOptions

#: The networks were trained on faces of at least this many pixels.
MIN_FACE_PIXELS = 20
_PYRAMID_FACTOR = 0.709
_PNET_CELL = 12
#: How many patches go through R-Net or O-Net at a time.
_PATCHES = 1024


class MtcnnFinder:
    """MTCNN for batches of frames.

    Args:
        thresholds: the least probability of a face after P-Net, R-Net and O-Net.
        min_face_pixels: the smallest face looked for, in pixels of the pictures given.
        device: where the networks run, as torch names it.
    """

    def __init__(
        self,
        thresholds: tuple[float, float, float] = (0.9, 0.9, 0.9),
        *,
        min_face_pixels: int = MIN_FACE_PIXELS,
        device: str = "cpu",
    ) -> None:
        self.thresholds = thresholds
        self.min_face_pixels = min_face_pixels
        self.device = torch.device(device)
        self._pnet, self._rnet, self._onet = _load_networks(device)

    @torch.inference_mode()
    def find(self, images: NDArray[np.uint8]) -> Detections:
        """Faces in `images`, RGB uint8 (n, H, W, 3)."""
        pixels = torch.from_numpy(images).to(self.device)
        height, width = images.shape[1:3]
        candidates = self._propose(pixels)
        points = torch.empty(0, N_POINTS, 2)
        if len(candidates):
            summed = _integral(pixels)
            candidates = self._refine(candidates, summed, height, width)
            if len(candidates):
                candidates, points = self._settle(candidates, summed, height, width)
        frame = candidates.frame.cpu().numpy()
        score = candidates.score.cpu().numpy()
        order = np.lexsort((-score, frame))
        return Detections(
            frame=frame[order],
            box=candidates.box.cpu().numpy()[order].astype(np.float32),
            score=score[order].astype(np.float32),
            points=points.cpu().numpy()[order].astype(np.float32),
        )

    def _propose(self, pixels: Tensor) -> "_Candidates":
        """P-Net on an image pyramid."""
        height, width = pixels.shape[1:3]
        planes = pixels.permute(0, 3, 1, 2).float()
        found = [_Candidates.none(self.device)]
        scale = _PNET_CELL / self.min_face_pixels
        while min(height, width) * scale >= _PNET_CELL:
            size = (int(height * scale + 1), int(width * scale + 1))
            shift, probability = self._pnet(_normalised(interpolate(planes, size, mode="area")))
            level = _grid_candidates(shift, probability[:, 1], scale, self.thresholds[0])
            found.append(level.suppressed(0.5))
            scale *= _PYRAMID_FACTOR
        candidates = _Candidates.joined(found).suppressed(0.7)
        box, shift = candidates.box, candidates.shift
        size_ = (box[:, 2:] - box[:, :2]).repeat(1, 2)
        return candidates.moved_to(_squared(box + shift * size_))

    def _refine(
        self, candidates: "_Candidates", summed: Tensor, height: int, width: int
    ) -> "_Candidates":
        """R-Net on 24-pixel patches."""
        (shift, probability), candidates = self._judge(
            self._rnet, candidates, summed, 24, height, width
        )
        candidates = candidates.judged(probability, shift, self.thresholds[1]).suppressed(0.7)
        return candidates.moved_to(_squared(_shifted(candidates.box, candidates.shift)))

    def _settle(
        self, candidates: "_Candidates", summed: Tensor, height: int, width: int
    ) -> tuple["_Candidates", Tensor]:
        """O-Net on 48-pixel patches; also the five points of each face, (k, 5, 2)."""
        (shift, places, probability), candidates = self._judge(
            self._onet, candidates, summed, 48, height, width
        )
        points = _points_in(candidates.box, places)[probability[:, 1] > self.thresholds[2]]
        candidates = candidates.judged(probability, shift, self.thresholds[2])
        candidates = candidates.moved_to(_shifted(candidates.box, candidates.shift))
        keep = _keep_apart(candidates, 0.7)
        return candidates.at(keep), points[keep]

    def _judge(
        self,
        network: nn.Module,
        candidates: "_Candidates",
        summed: Tensor,
        side: int,
        height: int,
        width: int,
    ) -> tuple[tuple[Tensor, ...], "_Candidates"]:
        """What a network says of the candidates that lie in the picture, and these."""
        region = candidates.box.trunc().long()
        # facenet-pytorch counts pixels from 1, and cuts [x0 - 1, x1).
        low = region[:, :2].clamp(min=1) - 1
        high = torch.minimum(region[:, 2:], region.new_tensor([width, height]))
        inside = (high > low).all(dim=1).nonzero()[:, 0]
        candidates, low, high = candidates.at(inside), low[inside], high[inside]
        answers = []
        for i in range(0, max(len(inside), 1), _PATCHES):
            part = slice(i, i + _PATCHES)
            patches = _average_patches(summed, candidates.frame[part], low[part], high[part], side)
            answers.append(network(_normalised(patches)))
        return tuple(map(torch.cat, zip(*answers, strict=True))), candidates


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

    def moved_to(self, box: Tensor) -> "_Candidates":
        return _Candidates(self.frame, box, self.score, self.shift)

    def judged(self, probability: Tensor, shift: Tensor, threshold: float) -> "_Candidates":
        """Those above the threshold, with a network's new shift (k, 4) and probability (k, 2)."""
        score = probability[:, 1]
        return _Candidates(self.frame, self.box, score, shift).at(score > threshold)

    def suppressed(self, overlap: float) -> "_Candidates":
        """Without those that overlap a better one of the same frame by more than this IoU."""
        return self.at(batched_nms(self.box, self.score, self.frame, overlap))


def create_mtcnn(options: FinderOptions) -> MtcnnFinder:
    """The factory behind the registry's entry."""
    return MtcnnFinder(options.thresholds, device=options.device)


@lru_cache(maxsize=4)
def _load_networks(device: str) -> tuple[nn.Module, nn.Module, nn.Module]:
    networks = [make().eval().requires_grad_(False).to(device) for make in (PNet, RNet, ONet)]
    return networks[0], networks[1], networks[2]


def _normalised(pixels: Tensor) -> Tensor:
    return (pixels - 127.5) * 0.0078125


def _grid_candidates(
    shift: Tensor, probability: Tensor, scale: float, threshold: float
) -> _Candidates:
    """P-Net's cells above the threshold: probability (n, h, w), shift (n, 4, h, w)."""
    cells = (probability >= threshold).nonzero()
    frame, row, column = cells.unbind(dim=1)
    corner = torch.stack([column, row], dim=1).to(shift.dtype) * 2
    return _Candidates(
        frame=frame,
        box=torch.cat(
            [((corner + 1) / scale).floor(), ((corner + _PNET_CELL) / scale).floor()], dim=1
        ),
        score=probability[frame, row, column],
        shift=shift[frame, :, row, column],
    )


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


def _integral(pixels: Tensor) -> Tensor:
    """Sums of all pixels above and left: uint8 (n, H, W, 3) -> int32 (n, H + 1, W + 1, 3)."""
    count, height, width, channels = pixels.shape
    kind = torch.int32 if height * width * 255 < 2**31 else torch.int64
    summed = torch.zeros((count, height + 1, width + 1, channels), dtype=kind, device=pixels.device)
    torch.cumsum(pixels, dim=2, dtype=kind, out=summed[:, 1:, 1:])
    return summed.cumsum_(dim=1)


def _average_patches(summed: Tensor, frame: Tensor, low: Tensor, high: Tensor, side: int) -> Tensor:
    """Regions [low, high) shrunk to `side` pixels by averaging, as torch's "area" mode does.

    summed: an integral image; frame (k,); low, high (k, 2) as x, y -> float32 (k, 3, side, side).
    """
    step = torch.arange(side, device=low.device)
    size = (high - low)[:, :, None]
    begin = low[:, :, None] + step * size // side
    end = low[:, :, None] + ((step + 1) * size + side - 1) // side
    x0, y0 = begin[:, 0, None, :], begin[:, 1, :, None]
    x1, y1 = end[:, 0, None, :], end[:, 1, :, None]
    at = frame[:, None, None]
    total = summed[at, y1, x1] - summed[at, y0, x1] - summed[at, y1, x0] + summed[at, y0, x0]
    area = ((y1 - y0) * (x1 - x0))[..., None]
    return (total / area).permute(0, 3, 1, 2).float()


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
