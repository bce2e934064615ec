"""The trained models of a detector, opened to score: the fold models share every crop.

What scores is a `Backend`: anything with a size and `logits`. The detectors in their own frameworks
are such; a faster one made from the same weights takes their place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from base_models.backends.choose import Chosen, Faster, open_compiled, open_openvino
from base_models.compute.place import Place
from base_models.detectors.registry import Backend, Detector, DetectorSpec
from base_models.faces.views import View, view_of_card
from base_models.features.head import LinearHead
from base_models.scoring.crops import one_ahead, split_batches
from base_models.scoring.fold_models import FoldModel
from base_models.scoring.run_crops import judging_crops
from base_models.scoring.sources import Source
from predictions.notes import Note
from predictions.progress import Progress, silent


class HasHead(Protocol):
    """A backend whose last layer can be set."""

    def set_head(self, head: LinearHead) -> None:
        """Take this head in place of its own."""


@dataclass(frozen=True)
class OpenedDetector:
    """What gives a detector's logits: the mean over the models of its folds.

    Attributes:
        name: the detector.
        size: side of its crops in pixels (or what `DetectorSpec.size` says).
        backends: one a model; of heads on one network, one with their mean.
        notes: decisions to show.
        view: how the faces that it looks at are cut; None: as the run's own.
    """

    name: str
    size: int
    backends: Sequence[Backend]
    notes: list[Note]
    view: View | None = None

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Mean logits (n,) float32, high = FAKE, of what the detector looks at, (n, ...)."""
        return mean_logits(self.backends, images)


def mean_logits(backends: Sequence[Backend], images: NDArray) -> NDArray[np.float32]:
    """Mean over `backends` of the logits of `images`, (n, ...): (n,) float32."""
    logits = [backend.logits(images).astype(np.float64) for backend in backends]
    return np.mean(logits, axis=0).astype(np.float32)


def score_rows(
    backends: Sequence[Backend],
    crops: Source,
    rows: NDArray[np.intp],
    batch: int,
    stage: str,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Mean over `backends` of the logits of the crops `rows`: (len(rows),) float32."""
    parts, done = [np.empty(0, np.float32)], 0
    for images in one_ahead(crops.read, split_batches(rows, batch)):
        parts.append(mean_logits(backends, images))
        done += len(images)
        progress(stage, done, len(rows))
    return np.concatenate(parts)


def open_detector(
    name: str,
    spec: DetectorSpec,
    models: Sequence[FoldModel],
    place: Place,
    *,
    faster: Faster | None,
    compared_on: Callable[[], NDArray[np.uint8]] | None,
    in_int8: bool = False,
    progress: Progress = silent,
) -> OpenedDetector:
    """Open a detector's models on a device.

    Args:
        name, spec, models: the detector and its trained folds.
        place: the device, settled.
        faster: what is tried in place of the reference (see `backends.choose`).
        compared_on: gives crops, at least one, on which that is compared with the reference;
            without, it is not tried.
        in_int8: OpenVINO may also multiply in it, judged by crops of the models' run.
        progress: told of each of the models that OpenVINO opens.

    Raises:
        InputError: weights are damaged, or the device is not here.
    """
    size = int(models[0].record["size"])
    if len(models) > 1 and models[0].body and len({model.body for model in models}) == 1:
        # One network with a head a fold: the mean of their logits is the logit of the mean head.
        head = _mean_head(spec, models)
        opened = open_detector(
            *(name, spec, models[:1], place),
            faster=faster,
            compared_on=compared_on,
            in_int8=in_int8,
            progress=progress,
        )
        for backend in opened.backends:
            cast(HasHead, backend).set_head(head)
        return opened
    view = view_of_card(spec.card)
    notes: list[Note] = []
    if faster is not None and compared_on is not None:
        judged_by = partial(judging_crops, models[0].place.run, view, size) if in_int8 else None
        chosen = _open_faster(
            *(spec, models, place, faster, size, compared_on, progress), judged_by=judged_by
        )
        if chosen.backends:
            return OpenedDetector(name, size, chosen.backends, chosen.notes, view)
        notes = chosen.notes
    return OpenedDetector(name, size, _references(models, place), notes, view)


def _mean_head(spec: DetectorSpec, models: Sequence[FoldModel]) -> LinearHead:
    for model in models:
        model.check()
    last = spec.import_module("base_models.detectors.timm_detectors").last_layer(spec)
    size = int(models[0].record["size"])
    heads = [LinearHead.read(model.weights, last, size) for model in models]
    weight = np.mean([head.weight for head in heads], axis=0, dtype=np.float64)
    bias = np.mean([head.bias for head in heads], dtype=np.float64)
    return LinearHead(size, np.asarray(weight, np.float32), np.float32(bias))


def _open_faster(
    spec: DetectorSpec,
    models: Sequence[FoldModel],
    place: Place,
    faster: Faster,
    size: int,
    compared_on: Callable[[], NDArray[np.uint8]],
    progress: Progress,
    *,
    judged_by: Callable[[], NDArray[np.uint8] | None] | None,
) -> Chosen:
    if faster == "compiled":
        return open_compiled(
            spec,
            lambda: _references(models, place),
            lambda: models[0].load(device=place.name, precision="fp32"),
            compared_on,
            place,
        )
    return open_openvino(
        spec,
        [model.weights for model in models],
        lambda i: models[i].load(device="cpu", precision="fp32"),
        size,
        compared_on,
        place,
        progress,
        judged_by,
    )


def _references(models: Sequence[FoldModel], place: Place) -> list[Detector]:
    """The models in their own framework."""
    return [model.load(device=place.name, precision=place.precision) for model in models]
