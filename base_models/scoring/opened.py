"""The trained models of a detector, opened to score: the fold models share every crop.

What scores is a `Backend`: anything with a size and `logits`. The detectors in their own frameworks
are such; a faster one made from the same weights takes their place.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn, Protocol, cast

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


class _NoCrops(Exception):
    """There are none yet."""


@dataclass(frozen=True)
class TrainedDetector:
    """A detector that can be opened.

    Attributes:
        name, spec, models: the detector and its trained folds.
        place: the device, settled.
        faster: what is tried in place of the reference (see `backends.choose`).
        in_int8: OpenVINO may also multiply in it, judged by crops of the models' run.
    """

    name: str
    spec: DetectorSpec
    models: Sequence[FoldModel]
    place: Place
    faster: Faster | None = None
    in_int8: bool = False

    @property
    def size(self) -> int:
        """Side of its crops in pixels."""
        return int(self.models[0].record["size"])

    @property
    def view(self) -> View | None:
        """How the faces that it looks at are cut."""
        return view_of_card(self.spec.card)

    def open(
        self,
        compared_on: Callable[[], NDArray[np.uint8]] | None = None,
        progress: Progress = silent,
    ) -> OpenedDetector:
        """Open its models.

        Args:
            compared_on: gives crops, at least one, on which what is faster is compared with the
                reference; without, that is not tried.
            progress: told of each of the models that OpenVINO opens.

        Raises:
            InputError: weights are damaged, or the device is not here.
        """
        chosen = Chosen([], "reference", [])
        if self.faster is not None and compared_on is not None:
            chosen = self._open_faster(compared_on, progress)
        return self._opened(chosen.backends or self._references(), chosen.notes)

    def open_kept(self) -> OpenedDetector | None:
        """Open its models before there are crops: by exports that are there and were compared.

        None where one is to be made or compared, or OpenVINO is not tried, or refused. Several
        threads may open detectors at once.
        """

        def no_crops() -> NoReturn:
            raise _NoCrops

        if self.faster != "openvino":
            return None
        try:
            chosen = self._open_faster(no_crops, silent)
        except _NoCrops:
            return None
        return self._opened(chosen.backends, chosen.notes) if chosen.backends else None

    @property
    def _shares_body(self) -> bool:
        """Whether the models are heads on one network."""
        bodies = {model.body for model in self.models}
        return len(self.models) > 1 and len(bodies) == 1 and bool(self.models[0].body)

    @property
    def _networks(self) -> Sequence[FoldModel]:
        """The models to open: of heads on one network the first."""
        return self.models[:1] if self._shares_body else self.models

    def _opened(self, backends: Sequence[Backend], notes: list[Note]) -> OpenedDetector:
        if self._shares_body:
            # The mean of the logits of several heads is the logit of the mean head.
            head = _mean_head(self.spec, self.models)
            for backend in backends:
                cast(HasHead, backend).set_head(head)
        return OpenedDetector(self.name, self.size, backends, notes, self.view)

    def _references(self) -> list[Detector]:
        """The models in their own framework."""
        how: Any = {"device": self.place.name, "precision": self.place.precision}
        return [model.load(**how) for model in self._networks]

    def _open_faster(
        self, compared_on: Callable[[], NDArray[np.uint8]], progress: Progress
    ) -> Chosen:
        models = self._networks
        if self.faster == "compiled":
            return open_compiled(
                self.spec,
                self._references,
                lambda: models[0].load(device=self.place.name, precision="fp32"),
                compared_on,
                self.place,
            )
        judging = partial(judging_crops, models[0].place.run, self.view, self.size)
        return open_openvino(
            self.spec,
            [model.weights for model in models],
            lambda i: models[i].load(device="cpu", precision="fp32"),
            self.size,
            compared_on,
            self.place,
            progress,
            judging if self.in_int8 else None,
        )


def _mean_head(spec: DetectorSpec, models: Sequence[FoldModel]) -> LinearHead:
    for model in models:
        model.check()
    last = spec.import_module("base_models.detectors.timm_detectors").last_layer(spec)
    size = int(models[0].record["size"])
    heads = [LinearHead.read(model.weights, last, size) for model in models]
    weight = np.mean([head.weight for head in heads], axis=0, dtype=np.float64)
    bias = np.mean([head.bias for head in heads], dtype=np.float64)
    return LinearHead(size, np.asarray(weight, np.float32), np.float32(bias))
