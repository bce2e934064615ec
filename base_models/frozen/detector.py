"""A frozen detector: any network that gives outputs, with the card that says what they mean."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from base_models.detectors.registry import DetectorSpec, check_crops
from base_models.frozen.outputs import one_logit
from predictions.notes import Note


class FrozenDetector:
    """A network of another framework as a detector (see `registry.Detector`).

    Attributes:
        spec: its entry, with its card.
        size: side of the crops in pixels.
        start: `frozen`.
        notes: decisions to show.
    """

    start = "frozen"

    def __init__(
        self,
        spec: DetectorSpec,
        outputs: Callable[[NDArray[np.uint8]], NDArray[np.floating]],
    ) -> None:
        """`outputs`: RGB uint8 crops (n, size, size, 3) -> what the network gives, (n, k)."""
        self.spec = spec
        self.size = spec.size
        self.notes: list[Note] = []
        self._outputs = outputs

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        Raises:
            InputError: the network gives other outputs than its card says.
        """
        check_crops(images, self.size)
        if not len(images):
            return np.empty(0, np.float32)
        card = self.spec.card
        assert card is not None
        assert card.outputs is not None
        return one_logit(self._outputs(images), card.outputs, self.spec.name)


def normalised(images: NDArray[np.uint8], spec: DetectorSpec) -> NDArray[np.float32]:
    """What the network is given: (x / 255 - mean) / std in the order of its channels.

    images: RGB uint8 (n, size, size, 3); the result is (n, size, size, 3) float32.
    """
    mean, std = (np.asarray(three, np.float32) for three in (spec.mean, spec.std))
    pixels = (images.astype(np.float32) / np.float32(255) - mean) / std
    return pixels[..., ::-1] if spec.channels == "BGR" else pixels
