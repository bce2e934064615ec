"""Tensors and pictures that depend on nothing but their names: the same here and at the authors'.

The numbers in `test_layouts.py` are the logits of the authors' own networks with these tensors on
these pictures.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

Shape = tuple[int, ...]


def fill(shapes: Mapping[str, Shape], gain: float) -> dict[str, Tensor]:
    """A tensor for each name, drawn with the name as seed; `gain`: of each layer."""
    return {name: torch.from_numpy(_drawn(name, shape, gain)) for name, shape in shapes.items()}


def _drawn(name: str, shape: Shape, gain: float) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return np.array(0)
    if name.endswith("running_var"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if name.endswith(("running_mean", "bias")):
        return rng.normal(0, 0.1, shape).astype(np.float32)
    if len(shape) < 2:  # what scales
        return rng.uniform(0.8, 1.2, shape).astype(np.float32)
    return (rng.standard_normal(shape) * np.sqrt(gain / np.prod(shape[1:]))).astype(np.float32)


def waves(samples: int, n: int = 3) -> np.ndarray:
    """float32 (n, samples) in [-1, 1]: three tones with noise."""
    rng = np.random.default_rng(samples)
    seconds = np.arange(samples) / 16_000
    tones = np.sin(2 * np.pi * np.array([[180.0], [700.0], [2600.0]])[:n] * seconds)
    return (0.3 * tones + rng.normal(0, 0.1, (n, samples))).astype(np.float32).clip(-1, 1)


def pictures(size: int, n: int = 3) -> np.ndarray:
    """RGB uint8 (n, size, size, 3): shades and noise."""
    rng = np.random.default_rng(size)
    shade = np.linspace(0, 200, size)[None, :, None, None] * rng.uniform(0.2, 1, (n, 1, 1, 3))
    return (shade + rng.integers(0, 56, (n, size, size, 3))).astype(np.uint8)
