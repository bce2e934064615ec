"""MTCNN's networks for OpenVINO: made of torch's once, and kept in the user's cache.

Making them takes torch, whose import alone takes seconds. Where nothing can be kept, they are made
each time.
"""

import shutil
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp

from base_models.backends.openvino_int8 import with_int8_convolutions
from base_models.backends.openvino_runtime import core, openvino, save_network, taking_pixels
from base_models.compute.user_folders import cache_folder
from base_models.faces.mtcnn_networks import SIDES
from base_models.faces.mtcnn_weights import MEAN, SCALE, weights_file
from predictions.products import Product, checksum, key_of

#: Raised when what is kept would be made otherwise.
_FORMAT = 1

_PIXELS = (-MEAN / SCALE, MEAN / SCALE)
#: What the inputs of the convolutions that compute in int8 reach, but for a ten-thousandth: over
#: frames of speech clips and of FaceForensics++. What judges after them stays in float32: P-Net's
#: last convolution, the others' dense layers.
_RANGES = {
    "pnet": (_PIXELS, (-3.5, 14.0), (-10.0, 18.0)),
    "rnet": (_PIXELS, (-5.2, 6.4), (-5.2, 6.1)),
    "onet": (_PIXELS, (-1.5, 5.5), (-2.0, 5.0), (-1.0, 4.5)),
}


def exported(exact: bool) -> list[openvino.Model]:
    """P-Net, R-Net and O-Net for pictures (n, h, w, 3) of values up to 255.

    If `exact`, in float32 and of float32; else of uint8, with convolutions in int8.

    Raises:
        ModuleNotFoundError, InputError: as of `weights_file`.
    """
    key = key_of(
        format=_FORMAT,
        openvino=openvino.__version__,
        exact=exact,
        weights=[checksum(weights_file(name)) for name in SIDES],
    )
    folder = cache_folder() / "mtcnn" / key[:32]
    if not _product(folder, key).is_done():
        made = [_made(name, exact) for name in SIDES]
        try:
            _keep(made, folder, key)
        except OSError:  # a home that nobody may write to, a full disk
            return made
    return [core().read_model(folder / f"{name}.xml") for name in SIDES]


def _product(folder: Path, key: str) -> Product:
    files = tuple(folder / f"{name}.{ending}" for name in SIDES for ending in ("xml", "bin"))
    return Product(folder / "export.json", key, owns=files, needs=files)


def _keep(made: list[openvino.Model], folder: Path, key: str) -> None:
    """Write the networks into the folder, in one step, whoever does so at the same time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(mkdtemp(prefix=".", dir=folder.parent))
    try:
        for name, network in zip(SIDES, made, strict=True):
            save_network(network, beside / f"{name}.xml")
        _product(beside, key).seal()
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or none
        with suppress(OSError):  # another process was first
            beside.rename(folder)
        if not _product(folder, key).is_done():
            raise OSError(f"{folder} does not keep what is written")
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _made(name: str, exact: bool) -> openvino.Model:
    network = import_module("base_models.faces.mtcnn_modules").converted(name)
    if not exact:
        network = with_int8_convolutions(network, _RANGES[name])
    side = SIDES[name] or -1
    network.reshape([-1, 3, side, side])
    return taking_pixels(network, "float32" if exact else "uint8", MEAN, SCALE)
