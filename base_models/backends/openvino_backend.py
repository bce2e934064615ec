"""An exported detector on this machine's CPU (see `registry.Backend`).

An export is a product (see `predictions.products`): its key holds the weights, and its record also
how far it was found from the reference, by precision and machine. One in int8 is another, whose key
holds also the crops that it was judged by.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.backends.agreement import Agreement, CannotExport, measure_agreement
from base_models.backends.exported import Exported
from base_models.backends.openvino_runtime import Products, compile_network, core, openvino
from base_models.backends.workspaces import MOST_PIXELS, WORKSPACES
from base_models.detectors.registry import Detector, DetectorSpec, check_crops
from base_models.features.head import LinearHead
from predictions.products import Product, checksum, key_of, read_record

#: The most crops that one thread takes at a time: enough to keep the matrix units busy, few enough
#: for the cache and for all threads to end together.
_CROPS = 8
#: Goes into the key: networks that were written in an older way are written again.
_FORMAT = 2


class OpenVinoBackend:
    """Logits by OpenVINO: batches are cut up and shared out over the threads.

    Several threads may ask at once; then each gets its share of the CPU.

    Attributes:
        size: side of the crops in pixels.
        crops: how many a thread takes at a time.
        precision: of the products, `bf16`, `fp32`, or `int8` where the network rounds to it.
    """

    def __init__(self, exported: Exported, size: int, precision: Products, threads: int) -> None:
        self.size = size
        self.precision = precision
        self._weight, self._bias = exported.weight, exported.bias
        self.crops = min(_CROPS, max(1, MOST_PIXELS // (threads * size**2)))
        self._pixels = threads * self.crops * size**2
        self._compiled = compile_network(
            exported.network, precision, streams=threads, threads=threads
        )
        self._idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(threads):
            self._idle.put(self._compiled.create_infer_request())

    def logits(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits (n,) float32, high = FAKE, of RGB uint8 crops (n, size, size, 3).

        Raises:
            RuntimeError: OpenVINO cannot run the network on them.
        """
        check_crops(images, self.size)
        if not len(images):
            return np.empty(0, np.float32)
        with WORKSPACES.using(self, self._pixels):
            whole = self._features(images).astype(np.float64)
        return (whole @ self._weight + self._bias).astype(np.float32)

    def _features(self, images: NDArray[np.uint8]) -> NDArray[np.floating]:
        under_way: deque[Any] = deque()
        features: list[NDArray[np.floating]] = []
        try:
            for first in range(0, len(images), self.crops):
                request = self._idle_one(under_way, features)
                under_way.append(request)
                request.start_async({0: np.ascontiguousarray(images[first : first + self.crops])})
            while under_way:
                self._idle.put(_finished(under_way, features))
        finally:
            # After a failure: what still runs ends before it is used again.
            for request in under_way:
                with suppress(RuntimeError):
                    request.wait()
                self._idle.put(request)
        return np.concatenate(features)

    def release_memory(self) -> None:
        """Give back what the network computes in; nobody may be using it."""
        self._compiled.release_memory()

    def set_head(self, head: LinearHead) -> None:
        """Take this head in place of the exported one."""
        self._weight, self._bias = head.weight.astype(np.float64), float(head.bias)

    def _idle_one(self, under_way: deque[Any], features: list[NDArray[np.floating]]) -> Any:
        """A request that nobody uses; rather one of its own that ends than one of another's."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return _finished(under_way, features) if under_way else self._idle.get()


def _finished(under_way: deque[Any], features: list[NDArray[np.floating]]) -> Any:
    """Wait for the oldest request and keep its features (b, c); the request, to be used again."""
    request = under_way[0]
    request.wait()  # raises what the request did
    # The tensor belongs to the request.
    features.append(request.get_output_tensor(0).data.copy())
    return under_way.popleft()


#: What scores, if anything does, and how far it is from the reference, if that was compared.
Opened = tuple["OpenVinoBackend | None", Agreement | None]


def open_kept(
    weights: Path,
    size: int,
    precision: Products,
    threads: int,
    judged_by: NDArray[np.uint8] | None = None,
) -> Opened | None:
    """A model's backend, and how far it is from the reference, where both are known; else None.

    There is no backend where the two do not agree, and neither where int8 is for too few layers.
    The export is there then, and was compared on such a machine; else `open_export` does both.

    Several threads may open models at once: no framework but OpenVINO is at work here.
    """
    product = _product(weights, size, precision, judged_by)
    record = read_record(product.record) or {}
    if record.get("key") == product.key and record.get("share_in_int8") == 0:
        return None, None
    known = record.get("agreement", {}).get(_machine(precision))
    if known is None or not product.is_done():
        return None
    agreement = Agreement(**known)
    if not agreement.holds:
        return None, agreement
    exported = Exported.load(product.record.parent)
    return OpenVinoBackend(exported, size, precision, threads), agreement


def open_export(
    spec: DetectorSpec,
    weights: Path,
    load: Callable[[], Detector],
    size: int,
    images: Callable[[], NDArray[np.uint8]],
    precision: Products,
    threads: int,
    judged_by: NDArray[np.uint8] | None = None,
) -> Opened:
    """Make what `open_kept` lacks, the export or its comparison, and answer as that.

    Args:
        spec: the detector.
        weights: the file of its trained weights; the export lies in `openvino/` beside it.
        load: makes the reference, in float32.
        size: side of the crops in pixels.
        images: gives crops (n, size, size, 3) to compare on; asked before anything is made, so that
            it may raise where there are none.
        precision, threads: of the backend.
        judged_by: other crops, by which int8 chooses its layers; with None it is taken as it was
            made, as in a bundle, and not made.

    Raises:
        CannotExport: OpenVINO cannot take the network, or not with any number of crops.
    """
    # What is exported is also compared with, but where that changes it (rounding) or may do so.
    load = load if precision == "int8" or spec.code is not None else cache(load)
    product = _product(weights, size, precision, judged_by)
    there = product.is_done()
    if not there and precision == "int8" and judged_by is None:
        return None, None
    crops = images()
    if not there and _make(product, spec, load, judged_by) == 0:
        return None, None
    backend = OpenVinoBackend(Exported.load(product.record.parent), size, precision, threads)
    try:
        agreement = measure_agreement(backend, load(), crops)
    except (RuntimeError, ValueError) as error:  # such as of a fixed number of pictures
        raise CannotExport(f"{spec.name}: OpenVINO cannot run its network") from error
    record = read_record(product.record) or {}
    known = {**record.get("agreement", {}), _machine(precision): asdict(agreement)}
    product.seal(**{**record, "agreement": known})
    return backend if agreement.holds else None, agreement


def _machine(precision: Products) -> str:
    """What agreement depends on beside the export."""
    return f"{precision} on {core().get_property('CPU', 'FULL_DEVICE_NAME')}"


def _product(
    weights: Path, size: int, precision: Products, judged_by: NDArray[np.uint8] | None
) -> Product:
    """The export of a model; of int8 that which is there, where nothing is to judge by."""
    folder = weights.with_name("openvino") / ("int8" if precision == "int8" else "")
    inputs: dict[str, str] = {}
    if precision == "int8":
        known_crops = (read_record(folder / "export.json") or {}).get("judged_by", "")
        inputs["judged_by"] = known_crops if judged_by is None else key_of(crops=judged_by)
    key = key_of(
        format=_FORMAT,
        weights=checksum(weights),
        size=size,
        openvino=openvino.__version__,
        **inputs,
    )
    files = tuple(folder / name for name in ("network.xml", "network.bin", "head.safetensors"))
    return Product(folder / "export.json", key, owns=files, needs=files)


def _make(
    product: Product,
    spec: DetectorSpec,
    load: Callable[[], Detector],
    judged_by: NDArray[np.uint8] | None,
) -> float | None:
    """Export a model, in int8 where there are crops to judge by and it pays: the share in it."""
    product.clear()
    detector = load()
    share = None if judged_by is None else _round(detector, judged_by)
    if share != 0:
        _export(spec, detector).save(product.record.parent)
    about = {} if judged_by is None else {"judged_by": key_of(crops=judged_by)}
    product.seal(agreement={}, share_in_int8=share, **about)
    return share


def _round(detector: Detector, judged_by: NDArray[np.uint8]) -> float:
    # It takes torch, and other frameworks' exports do without.
    share: float = import_module("base_models.backends.int8").round_to_int8(detector, judged_by)
    return share


def _export(spec: DetectorSpec, detector: Detector) -> Exported:
    if not spec.exporter:
        raise CannotExport(f"{spec.name}: there is no export of it")
    module, function = spec.exporter.split(":")
    exported: Exported = getattr(import_module(module), function)(detector)
    return exported
