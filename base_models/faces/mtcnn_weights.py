"""The weights of MTCNN's networks, which facenet-pytorch's wheel carries (MIT)."""

from importlib.util import find_spec
from pathlib import Path

from predictions.errors import InputError

#: What the networks were trained on: (value - MEAN) / SCALE.
MEAN, SCALE = 127.5, 128.0


def weights_file(name: str) -> Path:
    """The file of `pnet`, `rnet` or `onet`.

    Raises:
        ModuleNotFoundError: the wheel is not installed.
        InputError: it has no such file.
    """
    spec = find_spec("facenet_pytorch")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("MTCNN's weights are facenet_pytorch's", name="facenet_pytorch")
    path = Path(spec.origin).parent / "data" / f"{name}.pt"
    if not path.is_file():
        raise InputError(
            "is not there", file=path, remedy="install facenet-pytorch anew: it carries this file"
        )
    return path
