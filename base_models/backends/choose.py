"""Which backend scores: the fastest one that agrees with the reference, or the reference.

The reference is the network in its own framework. On CPUs OpenVINO takes its place where it is
installed, can convert the network, and says the same (see `agreement`): in bf16 where the CPU
multiplies in it, else in float32; where `int8` is asked for, the CPU multiplies in bytes fast, the
network is one of timm's and the run has crops to judge by, in that (see `int8`): choosing layers
takes up to half a minute a model, once, which hundreds of videos pay back. torch.compile takes its
place where it is asked for: compiling takes minutes, which only thousands of videos pay back.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from base_models.backends.agreement import Agreement, CannotExport, measure_agreement
from base_models.compute.place import Place
from base_models.detectors.registry import Backend, BackendName, Detector, DetectorSpec
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.progress import Progress, silent

_APART = (
    "on {crops} crops its probabilities differ from float32's by {mean:.4f} on average and "
    "{largest:.4f} at most."
)
SCORED = NoteKind("backend.scores", "{detector} is scored by {backend} in {precision}: " + _APART)
REFUSED = NoteKind(
    "backend.refused", "{detector}: {backend} in {precision} is refused, since " + _APART
)
NOT_TAKEN = NoteKind("backend.not-taken", "{why}; its own framework scores.")

#: What may take the place of the reference.
Faster = Literal["openvino", "compiled"]

#: What is tried, in this order, where a precision is wanted; before fp32 also int8 (`_tried`).
_PRECISIONS = {"bf16": ("bf16", "fp32"), "fp32": ("fp32",)}


@dataclass(frozen=True)
class Chosen:
    """What scores for the models of one detector.

    Attributes:
        backends: one a model.
        name: what they are: `openvino bf16`, `openvino fp32`, `compiled bf16`, ... or `reference`.
        notes: decisions to show.
    """

    backends: Sequence[Backend]
    name: str
    notes: list[Note]


def faster_backend(spec: DetectorSpec, backend: BackendName, device: str) -> Faster | None:
    """What is to be tried in place of the reference; None where nothing is.

    Raises:
        InputError: OpenVINO is asked for and not installed, or `device` is no CPU; or there is no
            such backend.
    """
    if backend not in get_args(BackendName):
        raise InputError(
            f"no backend is called {backend!r}",
            option="--backend",
            expected=", ".join(get_args(BackendName)),
        )
    if backend == "reference":
        return None
    if backend == "compiled":
        return "compiled" if _is_timm(spec) else None
    installed = find_spec("openvino") is not None
    able = bool(spec.exporter) and device == "cpu"
    named = backend in ("openvino", "int8")
    if named and not installed:
        raise InputError(
            "OpenVINO is not installed", option="--backend", remedy="install fakeodds[fast]"
        )
    if named and not able and spec.exporter:
        raise InputError(f"OpenVINO computes on the CPU, not on {device}", option="--backend")
    return "openvino" if installed and able else None


def open_openvino(
    spec: DetectorSpec,
    weights: Sequence[Path],
    load: Callable[[int], Detector],
    size: int,
    images: Callable[[], NDArray[np.uint8]],
    place: Place,
    progress: Progress = silent,
    judged_by: Callable[[], NDArray[np.uint8] | None] | None = None,
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
        progress: told of each model; exporting the first time takes seconds each.
        judged_by: gives crops of the run, not those that `images` gives, by which int8 chooses its
            layers; where there are none it takes what was made. Without, int8 is not tried.
    """
    # OpenVINO takes a while to import, and may not be installed.
    openvino = import_module("base_models.backends.openvino_backend")
    notes: list[Note] = []
    precisions, crops = _tried(spec, place, judged_by)
    for precision in precisions:
        backends: list[Backend] = []
        worst: Agreement | None = None
        how = {
            "size": size,
            "precision": precision,
            "threads": place.threads,
            "judged_by": crops if precision == "int8" else None,
        }
        with ThreadPoolExecutor(place.threads) as pool:
            kept = list(pool.map(partial(openvino.open_kept, **how), weights))
        for number, path in enumerate(weights):
            progress(spec.name, number, len(weights))
            try:
                backend, agreement = kept[number] or openvino.open_export(
                    spec, path, partial(load, number), images=images, **how
                )
            except CannotExport as error:
                return Chosen([], "reference", [NOT_TAKEN(why=str(error))])
            if agreement is not None and (worst is None or agreement.largest > worst.largest):
                worst = agreement
            if backend is None:
                break
            backends.append(backend)
        if len(backends) == len(weights):
            progress(spec.name, len(weights), len(weights))
            notes.append(_agreement_note(SCORED, spec, "OpenVINO", precision, worst))
            return Chosen(backends, f"openvino {precision}", notes)
        if worst is not None and not worst.holds:
            notes.append(_agreement_note(REFUSED, spec, "OpenVINO", precision, worst))
    return Chosen([], "reference", notes)


def _is_timm(spec: DetectorSpec) -> bool:
    """A network of timm's, and not of a user's code."""
    return spec.framework == "torch" and bool(spec.exporter) and spec.code is None


def _tried(
    spec: DetectorSpec,
    place: Place,
    judged_by: Callable[[], NDArray[np.uint8] | None] | None,
) -> tuple[tuple[str, ...], NDArray[np.uint8] | None]:
    """The precisions, in their order, and the crops by which int8 chooses where it is one."""
    precisions = _PRECISIONS[place.precision]
    if place.precision != "fp32" or judged_by is None or not _is_timm(spec):
        return precisions, None
    # Not `int8` itself, which takes what the making of networks does: seconds at every start.
    if not import_module("base_models.compute.devices").has_fast_int8():
        return precisions, None
    return ("int8", *precisions), judged_by()


def open_compiled(
    spec: DetectorSpec,
    load: Callable[[], Sequence[Detector]],
    reference: Callable[[], Detector],
    images: Callable[[], NDArray[np.uint8]],
    place: Place,
) -> Chosen:
    """Every model of a detector, compiled for its device by torch.compile, or none.

    Where it is none, `backends` is empty and the notes say why. Nothing is kept on disk but what
    torch keeps in its own cache.

    Args:
        spec: the detector.
        load: gives its models on their device.
        reference: gives the first of them in float32.
        images: gives crops (n, size, size, 3) to compare on, n > 0.
        place: the device.
    """
    from base_models.backends.compiled import CompiledBackend

    backends = [CompiledBackend(detector) for detector in load()]
    crops = images()
    try:
        agreement = measure_agreement(backends[0], reference(), crops)
        for backend in backends[1:]:
            backend.logits(crops[:1])
    except CannotExport as error:
        return Chosen([], "reference", [NOT_TAKEN(why=str(error))])
    kind = SCORED if agreement.holds else REFUSED
    notes = [_agreement_note(kind, spec, "torch.compile", place.precision, agreement)]
    if not agreement.holds:
        return Chosen([], "reference", notes)
    return Chosen(backends, f"compiled {place.precision}", notes)


def _agreement_note(
    kind: NoteKind, spec: DetectorSpec, backend: str, precision: str, agreement: Agreement | None
) -> Note:
    apart = {} if agreement is None else asdict(agreement)
    return kind(detector=spec.name, backend=backend, precision=precision, **apart)
