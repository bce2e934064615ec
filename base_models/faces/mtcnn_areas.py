"""Means over areas of frames, as torch's "area" mode takes them: facenet-pytorch's numbers.

For all frames and places at once, on any device; `mtcnn_pixels.Interpolated` is for the CPU.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from base_models.faces.mtcnn_pixels import Reduced
from base_models.faces.mtcnn_pyramid import cells_of, level_sizes

#: How many patches are cut at a time.
_PATCHES = 1024


class Averaged:
    """`mtcnn_pixels.Pixels` in float32. images: RGB uint8 (n, H, W, 3)."""

    def __init__(self, images: NDArray[np.uint8], device: str) -> None:
        self._summed = _integral(torch.from_numpy(images).to(device))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        return self._summed.shape[1] - 1, self._summed.shape[2] - 1

    def reduced(self, least: int) -> Iterator[Reduced]:
        """One size after the other, as facenet-pytorch has them."""
        for level in level_sizes(*self.size, least):
            pictures = _shrunk(self._summed, level.height, level.width)
            which = np.zeros(cells_of(level.height, level.width), np.int64)
            yield Reduced(pictures, [level], which)

    def patches(
        self, frame: NDArray[np.intp], low: NDArray[np.intp], high: NDArray[np.intp], side: int
    ) -> Tensor:
        """Regions [low, high), (k, 2) as x, y, of frames (k,): (k, side, side, 3)."""
        device = self._summed.device
        places = [torch.from_numpy(one).to(device).split(_PATCHES) for one in (frame, low, high)]
        parts = [
            _average_patches(self._summed, at, begin, end, side)
            for at, begin, end in zip(*places, strict=True)
        ]
        return torch.cat(parts)


def _integral(pixels: Tensor) -> Tensor:
    """Sums of all pixels above and left: uint8 (n, H, W, 3) -> int32 (n, H + 1, W + 1, 3)."""
    count, height, width, channels = pixels.shape
    kind = torch.int32 if height * width * 255 < 2**31 else torch.int64
    summed = torch.zeros((count, height + 1, width + 1, channels), dtype=kind, device=pixels.device)
    if kind == torch.int32 and pixels.device.type == "cpu":
        for image, sums in zip(pixels.numpy(), summed.numpy(), strict=True):
            cv2.integral(image, sums)
        return summed
    torch.cumsum(pixels, dim=2, dtype=kind, out=summed[:, 1:, 1:])
    return summed.cumsum_(dim=1)


def _shrunk(summed: Tensor, height: int, width: int) -> Tensor:
    """Whole pictures shrunk by averaging, as torch's "area" mode does, out of an integral image.

    summed: (n, H + 1, W + 1, 3) -> float32 (n, height, width, 3).
    """
    y0, y1 = _bins(summed.shape[1] - 1, height, summed.device)
    x0, x1 = _bins(summed.shape[2] - 1, width, summed.device)
    rows = summed.index_select(1, y1).sub_(summed.index_select(1, y0))
    total = rows.index_select(2, x1).sub_(rows.index_select(2, x0))
    area = (y1 - y0)[:, None] * (x1 - x0)
    return total.float().div_(area[..., None])


def _bins(length: int, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Where each of `count` pixels begins and ends among `length`; neighbours may share one."""
    step = torch.arange(count, device=device)
    return step * length // count, ((step + 1) * length + count - 1) // count


def _average_patches(summed: Tensor, frame: Tensor, low: Tensor, high: Tensor, side: int) -> Tensor:
    """Regions [low, high) shrunk to `side` pixels by averaging, as torch's "area" mode does.

    summed: an integral image; frame (k,); low, high (k, 2) as x, y -> float32 (k, side, side, 3).
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
    return (total / area).float()
