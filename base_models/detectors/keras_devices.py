"""Where the keras detectors compute, how precisely, and with the same bytes every time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from base_models.compute.place import Precision, settle_device
from base_models.compute.threads import available_cpus, available_threads
from base_models.detectors.keras_runtime import keras, tf


@dataclass(frozen=True)
class KerasDevice:
    """A device and the precision of its matrix products.

    Attributes:
        name: `cpu`, `cuda`, `cuda:1`, ..., as for the torch detectors.
        precision: `bf16` (weights stay float32) or `fp32`.
        threads: CPU threads of one operation.
    """

    name: str
    precision: Literal["bf16", "fp32"]
    threads: int

    @property
    def policy(self) -> str:
        """Keras' name of the precision."""
        return "mixed_bfloat16" if self.precision == "bf16" else "float32"

    @property
    def place(self) -> str:
        """TensorFlow's name of the device."""
        kind, _, number = self.name.partition(":")
        return "/CPU:0" if kind == "cpu" else f"/GPU:{number or 0}"


def choose_device(
    device: str = "auto", precision: Precision = "auto", threads: int | None = None
) -> KerasDevice:
    """Settle `auto`: CUDA where TensorFlow sees one, bf16 on those that multiply in it, else fp32.

    TensorFlow takes its threads and determinism once a process, so the first call decides them:
    `threads` of the answer is what they are.

    Args:
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        precision: `auto`, `bf16` or `fp32`.
        threads: CPU threads; all that this process may use when None.

    Raises:
        InputError: the device is not here, or a name is unknown.
    """
    gpus = tf.config.list_physical_devices("GPU")
    device, kind = settle_device(
        device,
        precision,
        "tensorflow",
        ("cpu", "cuda"),
        ("auto", "bf16", "fp32"),
        lambda: len(gpus),
    )
    bf16 = _has_bf16(kind, gpus) if precision == "auto" else precision == "bf16"
    return KerasDevice(
        device, "bf16" if bf16 else "fp32", _settle_process(threads or available_threads(), gpus)
    )


def _settle_process(threads: int, gpus: list) -> int:
    """Fix threads and determinism before TensorFlow starts to compute; the threads it has."""
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        for gpu in gpus:
            # Otherwise it takes the whole card, and torch none.
            tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:  # it has started; what it started with stays
        threads = tf.config.threading.get_intra_op_parallelism_threads() or _own_choice()
    tf.config.experimental.enable_op_determinism()
    return int(threads)


def _own_choice() -> int:
    """The threads TensorFlow starts with when it is told none; OMP_NUM_THREADS is nothing to it."""
    setting = os.environ.get("TF_NUM_INTRAOP_THREADS", "")
    return int(setting) if setting.isdecimal() and int(setting) > 0 else available_cpus()


def _has_bf16(kind: str, gpus: list) -> bool:
    """Whether it pays: on CPUs, even those that multiply in bf16, TensorFlow trains slower in it.

    Measured at 96 pixels on one that does: MobileNetV3 half as fast, ResNet-50 0.9 times.
    """
    if kind == "cpu":
        return False
    details = tf.config.experimental.get_device_details(gpus[0])
    return bool(details.get("compute_capability", (0, 0)) >= (8, 0))


@contextmanager
def reproducible(device: KerasDevice) -> Iterator[None]:
    """Compute on `device` inside the block; what its networks held is given back after it.

    Threads and determinism are fixed by `choose_device`. The same bytes are promised for one
    kind of CPU, one number of threads and one version of TensorFlow.
    """
    try:
        with tf.device(device.place):
            yield
    finally:
        keras.utils.clear_session()
