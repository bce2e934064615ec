"""A trained model by OpenVINO: exported beside its weights, compared with its reference, opened."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from base_models.backends.agreement import Agreement, CannotExport, measure_agreement
from base_models.backends.exported import (
    Exported,
    load_exported,
    record_agreement,
    recorded_agreement,
    save_exported,
)
from base_models.backends.openvino_backend import OpenVinoBackend
from base_models.backends.openvino_runtime import core, openvino
from base_models.detectors.registry import Detector, DetectorSpec
from base_models.detectors.start_weights import StartWeights


def open_model(
    spec: DetectorSpec,
    weights: Path,
    load: Callable[[], Detector],
    size: int,
    images: Callable[[], NDArray[np.uint8]],
    precision: Literal["bf16", "fp32"],
    threads: int,
) -> tuple[OpenVinoBackend, Agreement]:
    """A model's backend, and how far it is from the reference; both are made once.

    Args:
        spec: the detector.
        weights: the file of its trained weights; the export lies in `openvino/` beside it.
        load: makes the reference, in float32.
        size: side of the crops in pixels.
        images: gives crops (n, size, size, 3) to compare on.
        precision, threads: of the backend.

    Raises:
        CannotExport: OpenVINO cannot take the network.
        InputError: the export is damaged.
    """
    folder = weights.with_name("openvino")
    identity = {
        "weights": StartWeights("local", weights).digest(),
        "size": str(size),
        "openvino": openvino.__version__,
    }
    exported = load_exported(folder, identity)
    if exported is None:
        save_exported(_export(spec, load()), folder, identity)
        # As it lies on disk: its weights are fp16 there.
        exported = load_exported(folder, identity)
        assert exported is not None
    backend = OpenVinoBackend(exported, size, precision, threads)
    key = f"{precision} on {core().get_property('CPU', 'FULL_DEVICE_NAME')}"
    agreement = recorded_agreement(folder, key)
    if agreement is None:
        agreement = measure_agreement(backend, load(), images())
        record_agreement(folder, key, agreement)
    return backend, agreement


def _export(spec: DetectorSpec, detector: Detector) -> Exported:
    if not spec.exporter:
        raise CannotExport(f"{spec.name}: there is no export of it")
    module, function = spec.exporter.split(":")
    exported: Exported = getattr(import_module(module), function)(detector)
    return exported
