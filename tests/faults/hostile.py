"""Files that run code in whoever loads them carelessly; a file tells whether anybody did."""

import base64
import io
import json
import marshal
import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.faults.commands import call_here

#: What is written where nobody may write, for paths that lead out of a folder.
_OUT = "../../../../../../../../tmp"


class _Payload:
    """Unpickled, it makes a file."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch '{self.canary}'",)


def pickled(canary: Path) -> bytes:
    """A plain pickle."""
    return pickle.dumps(_Payload(canary))


def torch_file(canary: Path) -> bytes:
    """A checkpoint as torch.save writes it: a zip with a pickle in it."""
    import torch

    packed = io.BytesIO()
    torch.save({"state_dict": _Payload(canary)}, packed)
    return packed.getvalue()


def numpy_objects(canary: Path) -> bytes:
    """An array of objects, which numpy pickles."""
    packed = io.BytesIO()
    np.save(packed, np.array([_Payload(canary)], dtype=object), allow_pickle=True)
    return packed.getvalue()


def keras_lambda(canary: Path) -> bytes:
    """A Keras model with a Lambda layer, whose code is in the file."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    from base_models.detectors import keras_runtime  # noqa: F401 - loads TensorFlow in order

    path = canary.with_suffix(".made.keras")
    # Code as Keras packs it, made without being run here.
    code = compile(f"lambda x: (open({str(canary)!r}, 'w'), x)[1]", "lambda", "eval").co_consts[0]
    layer = {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {
            "name": "lambda",
            "function": {
                "class_name": "__lambda__",
                "config": {
                    "code": base64.b64encode(marshal.dumps(code)).decode(),
                    "defaults": None,
                    "closure": None,
                },
            },
            "output_shape": [4],
            "arguments": {},
        },
    }
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.save(path)
    spoiled = json.loads(model.to_json())
    spoiled["config"]["layers"].insert(1, layer)
    packed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            data = json.dumps(spoiled).encode() if name == "config.json" else old.read(name)
            new.writestr(name, data)
    path.unlink()
    return packed.getvalue()


def parquet_with_pickled_metadata(canary: Path) -> bytes:
    """A table whose metadata ask pyarrow and pandas for pickled types."""
    table = pa.table({"video": ["a", "b"], "m": [0.1, 0.9], "label": [0, 1]})
    said = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": pickled(canary),
        b"pandas": json.dumps({"index_columns": [pickled(canary).hex()]}).encode(),
    }
    field = pa.field("m", pa.float64(), metadata=said)
    schema = pa.schema([table.schema.field(0), field, table.schema.field(2)], metadata=said)
    packed = io.BytesIO()
    pq.write_table(table.cast(schema), packed)
    return packed.getvalue()


def zip_that_climbs(canary: Path) -> bytes:
    """A packed table with a name that leads out of the folder."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{_OUT}/{canary.name}", "video,label,m\na,0,.1\nb,1,.9\n")
    return packed.getvalue()


def card_of_code(canary: Path) -> bytes:
    """A card whose network is somebody's code."""
    code = f"open({str(canary)!r}, 'w')\nclass Net: pass\n"
    (canary.parent / "net.py").write_text(code)
    return (
        b'name = "theirs"\nkind = "python"\nfiles = ["net.py"]\nnetwork = "Net"\nsize = 64\n'
        b"[pixels]\nmean = [0, 0, 0]\nstd = [1, 1, 1]\n[outputs]\nfake = [0]\nreal = []\n"
    )


def card_that_climbs(canary: Path) -> bytes:
    """A card whose file lies elsewhere."""
    return (
        b'name = "theirs"\nkind = "onnx"\nfiles = ["../../../../../../etc/passwd"]\nsize = 64\n'
        b"[pixels]\nmean = [0, 0, 0]\nstd = [1, 1, 1]\n[outputs]\nfake = [0]\nreal = []\n"
    )


def formulas_and_scripts(canary: Path) -> bytes:
    """A table whose ids are a spreadsheet's formulas, a shell's words and a page's scripts."""
    ids = (
        f"=cmd|' /C touch {canary}'!A0",
        f"$(touch {canary})",
        f"`touch {canary}`.mp4",
        f"<script>fetch('file://{canary}')</script>",
        f"{_OUT}/{canary.name}",
        "\x1b]0;title\x07\x1b[2J",
    )
    rows = [f'"{name}",{i % 2},.{i + 1}' for i, name in enumerate(ids * 1)]
    return ("video,label,m\n" + "\n".join(rows) + "\n").encode()


#: By name: what makes the file, what it is called, the words that load it (FILE, FOLDER, OUT).
LOADED: dict[str, tuple[Callable[[Path], bytes], str, tuple[str, ...]]] = {
    "pickle as scores": (pickled, "scores.csv", ("stack", "FILE", "--out", "OUT")),
    "pickle as parquet": (pickled, "scores.parquet", ("stack", "FILE", "--out", "OUT")),
    "pickle as gzip": (pickled, "scores.csv.gz", ("stack", "FILE", "--out", "OUT")),
    "objects of numpy as scores": (numpy_objects, "scores.csv", ("stack", "FILE", "--out", "OUT")),
    "parquet with pickles": (
        parquet_with_pickled_metadata,
        "scores.parquet",
        ("stack", "FILE", "--folds", "2", "--out", "OUT"),
    ),
    "zip that climbs": (zip_that_climbs, "scores.csv.zip", ("stack", "FILE", "--out", "OUT")),
    "formulas as ids": (
        formulas_and_scripts,
        "scores.csv",
        ("stack", "FILE", "--folds", "2", "--meta", "mean_logit", "--out", "OUT"),
    ),
    "pickle as run.json": (pickled, "run.json", ("report", "FOLDER")),
    "pickle as stack": (pickled, "stack.skops", ("apply", "FOLDER", "FILE", "--out", "OUT")),
    "pickle as a card": (pickled, "card.toml", ("models", "add", "FILE")),
    "pickle as weights": (pickled, "net.pth", ("models", "add", "FILE")),
    "torch checkpoint": (torch_file, "net.pth", ("models", "add", "FILE", "--network", "resnet18")),
    "torch checkpoint as tar": (torch_file, "net.tar", ("models", "add", "FILE")),
    "objects of numpy as weights": (numpy_objects, "net.npy", ("models", "add", "FILE")),
    "pickle as onnx": (pickled, "net.onnx", ("models", "add", "FILE", "--fake", "0")),
    "pickle as keras": (pickled, "net.h5", ("models", "add", "FILE")),
    "keras lambda": (keras_lambda, "net.keras", ("models", "add", "FILE", "--fake", "0")),
    "card of code": (card_of_code, "net.toml", ("models", "show", "FILE")),
    "card that climbs": (card_that_climbs, "net.toml", ("models", "show", "FILE")),
    "pickle as joblib folder": (pickled, "labels.csv", ("faces", "FOLDER", "--out", "OUT")),
}


def load(name: str, folder: Path) -> str:
    """Load one of `LOADED` in a folder of its own: what went wrong, "" where nothing did."""
    make, file, words = LOADED[name]
    here = folder / name.replace(" ", "-")
    here.mkdir(parents=True)
    canary = here / "ran"
    (here / file).write_bytes(make(canary))
    places = {"FILE": here / file, "FOLDER": here, "OUT": here / "out"}
    ended = call_here(*(places.get(word, word) for word in words))
    if canary.exists() or (Path(tempfile.gettempdir()) / canary.name).exists():
        return "it ran"
    if "\x1b]0;" in ended.output or "\x1b[2J" in ended.output:
        return "the terminal was written to"
    if any("<script>fetch(" in page.read_text("utf-8") for page in here.rglob("*.html")):
        return "a script is in a page"
    return ended.fault
