"""An exported detector on this machine's CPU (see `registry.Backend`)."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from base_models.backends.exported import Exported
from base_models.backends.openvino_runtime import compile_network, openvino

#: Crops that one thread takes at a time: enough to keep the matrix units busy, few enough for the
#: cache and for all threads to end together.
_CROPS = 8


class OpenVinoBackend:
    """Logits by OpenVINO: batches are cut up and shared out over the threads.

    Attributes:
        size: side of the crops in pixels.
        precision: of the products, `bf16` or `fp32`.
    """

    def __init__(
        self, exported: Exported, size: int, precision: Literal["bf16", "fp32"], threads: int
    ) -> None:
        self.size = size
        self.precision = precision
        self._weight, self._bias = exported.weight, exported.bias
        compiled = compile_network(exported.network, precision, streams=threads, threads=threads)
        self._queue: Any = openvino.AsyncInferQueue(compiled, threads)
        self._features: list[NDArray[np.floating]] = []
        self._queue.set_callback(self._take)

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3)."""
        if images.shape[1:] != (self.size, self.size, 3) or images.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {self.size}, {self.size}, 3) crops")
        if not len(images):
            return np.empty(0, np.float32)
        pieces = [images[first : first + _CROPS] for first in range(0, len(images), _CROPS)]
        self._features = [np.empty(0)] * len(pieces)
        for number, piece in enumerate(pieces):
            self._queue.start_async({0: np.ascontiguousarray(piece)}, number)
        self._queue.wait_all()
        features = np.concatenate(self._features).astype(np.float64)
        return (features @ self._weight + self._bias).astype(np.float32)

    def _take(self, request: Any, number: int) -> None:
        # The tensor belongs to the request, which is used again.
        self._features[number] = request.get_output_tensor(0).data.copy()
