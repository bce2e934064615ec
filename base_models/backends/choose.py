"""Which backend scores: the fastest one that agrees with the reference, or the reference.

The reference is the network in its own framework. On CPUs OpenVINO takes its place where it is
installed, can convert the network, and says the same (see `agreement`): in bf16 where the CPU
multiplies in it, else in float32.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from base_models.backends.agreement import CannotExport
from base_models.detectors.registry import Backend, Detector, DetectorSpec
from base_models.fold_models import Place
from predictions.errors import InputError

BackendName = Literal["auto", "openvino", "reference"]

#: What is tried, in this order, where a precision is wanted.
_PRECISIONS = {"bf16": ("bf16", "fp32"), "fp32": ("fp32",)}


@dataclass(frozen=True)
class Chosen:
    """What scores for the models of one detector.

    Attributes:
        backends: one a model.
        name: what they are: `openvino bf16`, `openvino fp32` or `reference`.
        notes: decisions to show, a sentence each.
    """

    backends: Sequence[Backend]
    name: str
    notes: list[str]


def wants_openvino(spec: DetectorSpec, backend: BackendName, device: str) -> bool:
    """Whether OpenVINO is to be tried.

    Raises:
        InputError: it is asked for and not installed, cannot take this detector, or `device` is
            no CPU; or there is no such backend.
    """
    if backend not in get_args(BackendName):
        raise InputError(f"--backend {backend}: expected {', '.join(get_args(BackendName))}.")
    if backend == "reference":
        return False
    installed = find_spec("openvino") is not None
    able = bool(spec.exporter) and device == "cpu"
    if backend == "openvino" and not installed:
        raise InputError("--backend openvino: it is not installed; install fakeodds[fast].")
    if backend == "openvino" and not able and spec.exporter:
        raise InputError(f"--backend openvino: it computes on the CPU, not on {device}.")
    return installed and able


def open_openvino(
    spec: DetectorSpec,
    weights: Sequence[Path],
    load: Callable[[int], Detector],
    size: int,
    images: Callable[[], NDArray[np.uint8]],
    place: Place,
) -> Chosen:
    """OpenVINO for every model of a detector, exported where it is not yet, or for none.

    All or none, so that the folds of a detector compute alike; where it is none, `backends` is
    empty and the notes say why.

    Args:
        spec: the detector.
        weights: the files of its trained weights, one a model; exports lie beside them.
        load: the reference of a model, by its number, in float32.
        size: side of the crops in pixels.
        images: gives crops (n, size, size, 3) to compare on, n > 0; asked only where an export was
            not compared before.
        place: precision and threads.

    Raises:
        InputError: an export is damaged.
    """
    # OpenVINO takes a while to import, and may not be installed.
    models = import_module("base_models.backends.openvino_models")
    notes: list[str] = []
    for precision in _PRECISIONS[place.precision]:
        backends, worst = [], None
        for number, path in enumerate(weights):
            try:
                backend, agreement = models.open_model(
                    spec, path, partial(load, number), size, images, precision, place.threads
                )
            except CannotExport as error:
                return Chosen([], "reference", [f"{error}; its own framework scores."])
            if worst is None or agreement.largest > worst.largest:
                worst = agreement
            if not agreement.holds:
                break
            backends.append(backend)
        if len(backends) == len(weights):
            return Chosen(
                backends,
                f"openvino {precision}",
                [*notes, f"{spec.name} is scored by OpenVINO in {precision}: {worst}."],
            )
        notes.append(f"{spec.name}: OpenVINO in {precision} is refused, since {worst}.")
    return Chosen([], "reference", notes)
