"""A torch network compiled for its device by torch.compile (see `registry.Backend`)."""

from importlib import import_module
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.backends.agreement import CannotExport
from base_models.features.head import LinearHead

#: Crops that go through at once. Always so many: each other number would be compiled anew.
CROPS = 32


class CompiledBackend:
    """Logits of a timm detector whose network before the head is compiled.

    The head stays in float32, as in `TimmDetector.forward`. The first batch compiles, which takes a
    minute or so a network.

    Args:
        detector: a `TimmDetector` on its device; it is changed.

    Attributes:
        size: side of the crops in pixels.
    """

    def __init__(self, detector: Any) -> None:
        import torch

        self.size: int = detector.size
        self._detector = detector
        self._one_at_a_time = Lock()
        network = detector.module.eval()
        # Asked for here, as torch's own mode is set without the compiler (`devices.reproducible`).
        known = {"deterministic"} & set(import_module("torch._inductor").list_options())
        network.forward_features = torch.compile(
            network.forward_features, dynamic=False, options=dict.fromkeys(known, True)
        )

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        Raises:
            CannotExport: the network cannot be compiled here, such as for want of a compiler.
        """
        # Compiling is not safe in several threads, and a device does one batch after the other.
        with self._one_at_a_time:
            parts = [
                self._piece(images[first : first + CROPS]) for first in range(0, len(images), CROPS)
            ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def set_head(self, head: LinearHead) -> None:
        """Take this head in place of the detector's own; it is not compiled."""
        self._detector.set_head(head)

    def _piece(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        lacking = CROPS - len(images)
        full = np.concatenate([images, images[:1].repeat(lacking, axis=0)]) if lacking else images
        try:
            logits: NDArray[np.float32] = self._detector.logits(full)
        except RuntimeError as error:
            # What torch.compile raises are RuntimeErrors; so is memory that runs out.
            first = str(error).strip().partition("\n")[0]
            raise CannotExport(
                f"{self._detector.spec.name}: it cannot be compiled on "
                f"{self._detector.device.name} ({first})"
            ) from error
        return logits[: len(images)]
