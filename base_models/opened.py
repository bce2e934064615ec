"""The trained models of a detector, opened to score: the fold models share every crop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from base_models.backends.choose import open_openvino
from base_models.detectors.registry import Backend, DetectorSpec
from base_models.fold_models import FoldModel, Place, load_fold_model

#: Crops on which a faster backend is compared with the reference.
COMPARED = 24


@dataclass(frozen=True)
class OpenedDetector:
    """What gives a detector's logits: the mean over the models of its folds.

    Attributes:
        name: the detector.
        size: side of its crops in pixels (or what `DetectorSpec.size` says).
        backends: one a model.
        notes: decisions to show, a sentence each.
    """

    name: str
    size: int
    backends: Sequence[Backend]
    notes: list[str]

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Mean logits (n,) float32, high = FAKE, of what the detector looks at, (n, ...)."""
        logits = [backend.logits(images).astype(np.float64) for backend in self.backends]
        return np.mean(logits, axis=0).astype(np.float32)


def open_detector(
    name: str,
    spec: DetectorSpec,
    models: Sequence[FoldModel],
    place: Place,
    *,
    fast: bool,
    compared_on: Callable[[], NDArray[np.uint8]] | None,
) -> OpenedDetector:
    """Open a detector's models on a device.

    Args:
        name, spec, models: the detector and its trained folds.
        place: the device, settled.
        fast: try OpenVINO (see `backends.choose`).
        compared_on: gives crops, at least one, on which OpenVINO is compared with the reference;
            without, it is not tried.

    Raises:
        InputError: weights or an export are damaged, or the device is not here.
    """
    size = int(models[0].record["size"])
    notes: list[str] = []
    if fast and compared_on is not None:
        weights = spec.import_module(spec.trainer).WEIGHTS
        chosen = open_openvino(
            spec,
            [model.folder / weights for model in models],
            lambda i: load_fold_model(models[i], device="cpu", precision="fp32"),
            size,
            compared_on,
            place,
        )
        notes = chosen.notes
        if chosen.backends:
            return OpenedDetector(name, size, chosen.backends, notes)
    reference = [
        load_fold_model(model, device=place.name, precision=place.precision) for model in models
    ]
    return OpenedDetector(name, size, reference, notes)
