"""TensorFlow and Keras, imported quietly; every module here that needs them takes them from here.

Keras chooses its backend and TensorFlow its chatter from the environment, when first imported.
"""

import ctypes
import importlib.util
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from predictions.errors import InputError

# What TensorFlow's C++ writes while it starts, below and beside its own log level.
_CHATTER = re.compile(rb"WARNING: All log messages before absl|[IWE]\d{4} ")


@contextmanager
def quiet_start() -> Iterator[None]:
    """Keep back what is written to standard error inside; afterwards all but chatter is shown.

    The messages come from C++, before any log level is read, so that only the file descriptor can
    be turned away.
    """
    try:
        terminal = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            kept.seek(0)
            for line in kept:
                if not _CHATTER.match(line):
                    os.write(2, line)


def _load_triton_first() -> None:
    """Load triton's library, which torch brings along, where there is one.

    It and TensorFlow carry LLVM each: loaded after TensorFlow it aborts the process (triton 3.9
    with TensorFlow 2.21), loaded before it both work, and importing torch stays possible.
    """
    if "tensorflow" in sys.modules or "triton" in sys.modules:
        return
    spec = importlib.util.find_spec("triton")
    for folder in (spec and spec.submodule_search_locations) or ():
        for library in Path(folder, "_C").glob("libtriton*.so"):
            ctypes.CDLL(str(library))


def _expect_no_driver() -> None:
    """Without an NVIDIA driver, torch asked after TensorFlow warns of what is no news."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        warnings.filterwarnings("ignore", "CUDA initialization: Unexpected error", UserWarning)


if "keras" in sys.modules and sys.modules["keras"].config.backend() != "tensorflow":
    raise InputError(
        f"keras was imported with the backend {sys.modules['keras'].config.backend()!r} before; "
        "the keras detectors run on tensorflow",
        remedy="set KERAS_BACKEND=tensorflow",
    )
_load_triton_first()
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

with quiet_start():
    import keras
    import tensorflow as tf

    # Looking for GPUs has more to say.
    tf.config.list_physical_devices("GPU")
_expect_no_driver()

# Each detector traces functions of its own, which is no mistake to be warned of.
tf.get_logger().setLevel("ERROR")
# Crops are (size, size, 3), whatever a keras.json in the home folder says.
keras.config.set_image_data_format("channels_last")

__all__ = ["keras", "quiet_start", "tf"]
