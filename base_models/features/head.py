"""A linear head on features by itself, as a backend (see `registry.Backend`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open


@dataclass(frozen=True)
class LinearHead:
    """The logit of FAKE is features @ weight + bias.

    Attributes:
        size: side in pixels of the crops whose features it takes.
        weight: (width,) float32.
        bias: a float32.
    """

    size: int
    weight: NDArray[np.float32]
    bias: np.float32

    @classmethod
    def of(cls, detector: Any) -> Self:
        """The head of a detector in torch (`TimmDetector`)."""
        layer = detector.module.get_classifier()
        weight, bias = (part.detach().cpu().numpy() for part in (layer.weight, layer.bias))
        return cls(detector.size, weight[0].copy(), bias[0])

    @classmethod
    def read(cls, path: Path, layer: str, size: int) -> Self:
        """The head called `layer` in a file of trained weights (safetensors); no more is read."""
        with safe_open(path, framework="numpy") as file:
            weight, bias = (file.get_tensor(f"{layer}.{part}") for part in ("weight", "bias"))
        return cls(size, weight[0], bias[0])

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of features (n, width)."""
        if not len(features):
            return np.empty(0, np.float32)
        # Row by row: a matrix product may round a row by how many there are.
        sums = (features.astype(np.float64) * self.weight.astype(np.float64)).sum(axis=1)
        return (sums + np.float64(self.bias)).astype(np.float32)
