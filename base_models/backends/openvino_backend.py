"""An exported detector on this machine's CPU (see `registry.Backend`)."""

from threading import Event, Lock
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

    Several threads may ask at once; then each gets its share of the CPU.

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
        self._queue.set_callback(_take)
        self._one_starts = Lock()

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3)."""
        if images.shape[1:] != (self.size, self.size, 3) or images.dtype != np.uint8:
            raise ValueError(f"expected uint8 (n, {self.size}, {self.size}, 3) crops")
        if not len(images):
            return np.empty(0, np.float32)
        pieces = [images[first : first + _CROPS] for first in range(0, len(images), _CROPS)]
        asked = [_Asked() for _ in pieces]
        for piece, one in zip(pieces, asked, strict=True):
            with self._one_starts:
                self._queue.start_async({0: np.ascontiguousarray(piece)}, one)
        for one in asked:
            one.done.wait()
        features = np.concatenate([one.features for one in asked]).astype(np.float64)
        return (features @ self._weight + self._bias).astype(np.float32)


class _Asked:
    """A piece of a batch under way, and the features (b, c) that come of it."""

    def __init__(self) -> None:
        self.done = Event()
        self.features: NDArray[np.floating] = np.empty(0)


def _take(request: Any, asked: _Asked) -> None:
    # The tensor belongs to the request, which is used again.
    asked.features = request.get_output_tensor(0).data.copy()
    asked.done.set()
