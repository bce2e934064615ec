"""The trained models of a detector, opened to score: the fold models share every crop."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from base_models.backends.choose import Chosen, Faster, open_compiled, open_openvino
from base_models.detectors.registry import Backend, Detector, DetectorSpec
from base_models.scoring.fold_models import FoldModel, Place, load_fold_model
from predictions.progress import Progress, silent

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
    faster: Faster | None,
    compared_on: Callable[[], NDArray[np.uint8]] | None,
    progress: Progress = silent,
) -> OpenedDetector:
    """Open a detector's models on a device.

    Args:
        name, spec, models: the detector and its trained folds.
        place: the device, settled.
        faster: what is tried in place of the reference (see `backends.choose`).
        compared_on: gives crops, at least one, on which that is compared with the reference;
            without, it is not tried.
        progress: told of each of the models that OpenVINO opens.

    Raises:
        InputError: weights or an export are damaged, or the device is not here.
    """
    size = int(models[0].record["size"])
    notes: list[str] = []
    if faster is not None and compared_on is not None:
        chosen = _open_faster(spec, models, place, faster, size, compared_on, progress)
        if chosen.backends:
            return OpenedDetector(name, size, chosen.backends, chosen.notes)
        notes = chosen.notes
    return OpenedDetector(name, size, _references(models, place), notes)


def _open_faster(
    spec: DetectorSpec,
    models: Sequence[FoldModel],
    place: Place,
    faster: Faster,
    size: int,
    compared_on: Callable[[], NDArray[np.uint8]],
    progress: Progress,
) -> Chosen:
    if faster == "compiled":
        return open_compiled(
            spec,
            lambda: _references(models, place),
            lambda: load_fold_model(models[0], device=place.name, precision="fp32"),
            compared_on,
            place,
        )
    weights = spec.import_module(spec.trainer).WEIGHTS
    return open_openvino(
        spec,
        [model.folder / weights for model in models],
        lambda i: load_fold_model(models[i], device="cpu", precision="fp32"),
        size,
        compared_on,
        place,
        progress,
    )


def _references(models: Sequence[FoldModel], place: Place) -> list[Detector]:
    """The models in their own framework."""
    return [
        load_fold_model(model, device=place.name, precision=place.precision) for model in models
    ]
