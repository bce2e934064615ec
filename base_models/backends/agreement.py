"""Whether a faster backend can take a network, and says what the float32 reference says."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.registry import Backend
from predictions.logits import to_probability

#: A backend is refused when the probability of any crop moves by more than the first of these, or
#: of all crops on average by more than the second. A video is a mean over its crops, so its
#: probability then moves by less than .01.
LARGEST, MEAN = 0.03, 0.005
#: Crops at once: a network's own framework keeps some hundred megabytes for every few.
_AT_ONCE = 8


class CannotExport(Exception):
    """A backend cannot take a network; the message names the detector and says why."""


@dataclass(frozen=True)
class Agreement:
    """How far the probabilities of the same crops lie apart.

    Attributes:
        crops: how many were compared.
        largest, mean: of the absolute differences.
    """

    crops: int
    largest: float
    mean: float

    @property
    def holds(self) -> bool:
        """Whether the backend may be used."""
        return self.largest <= LARGEST and self.mean <= MEAN


def measure_agreement(backend: Backend, reference: Backend, images: NDArray[np.uint8]) -> Agreement:
    """Compare the probabilities of crops, (n, size, size, 3) with n > 0."""
    apart = np.abs(_probabilities(backend, images) - _probabilities(reference, images))
    return Agreement(len(images), float(apart.max()), float(apart.mean()))


def _probabilities(backend: Backend, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    logits = [backend.logits(images[i : i + _AT_ONCE]) for i in range(0, len(images), _AT_ONCE)]
    return to_probability(np.concatenate(logits).astype(np.float64))
