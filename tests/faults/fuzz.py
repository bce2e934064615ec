"""Our readers on files that somebody spoiled: a value, or an InputError.

`TARGETS` are whole readers: bytes of a file in. `mutate` spoils a sound file; `benchmarks/fuzz.py`
lets atheris, which follows the branches taken, do it.
"""

import io
import json
import random
import signal
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from predictions.errors import InputError
from predictions.products import write_sealed

#: Seconds that a reader may take for a small file.
_SECONDS = 20

_CSV = "video,label,group,m,n\n" + "".join(f"v{i}.mp4,{i % 2},g{i},.{i}5,{i}\n" for i in range(9))
_METADATA = {
    "a.mp4": {"label": "FAKE", "split": "train", "original": "b.mp4"},
    "b.mp4": {"label": "REAL", "split": "train", "original": None},
}
_CARD = """
name = "theirs"
kind = "onnx"
files = ["theirs.onnx"]
size = 224
licence = "MIT"
[pixels]
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
[outputs]
fake = [1]
real = [0]
[crop]
margin = [0.2, 0.2, 0.2, 0.2]
"""
_TOKENS = (
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\0", b"\xff", b"NaN", b"-inf", b"1e999", b"9" * 400, b'"'),
    *(b"[" * 3000, b"{", b"}", b",,,,", b";", b"\t", b"\n\n", b"\r", b"None", b"[0.9]", b"true"),
    *(b"null", b"../../x", b"\xed\xa0\x80", b"10000000000000", b"-1", b":", b"PAR1", b"PK\x03\x04"),
)


def read_scores_csv(data: bytes) -> None:
    """A CSV of scores."""
    from predictions.tables.scores import read_scores

    with _file(data, "scores.csv") as path:
        read_scores([path])


def read_scores_packed(data: bytes) -> None:
    """A packed CSV of scores."""
    from predictions.tables.scores import read_scores

    with _file(data, "scores.csv.zip") as path:
        read_scores([path])


def read_scores_parquet(data: bytes) -> None:
    """A Parquet file of scores."""
    from predictions.tables.scores import read_scores

    with _file(data, "scores.parquet") as path:
        read_scores([path])


def read_sample(data: bytes) -> None:
    """A sample submission."""
    from predictions.submission import read_sample as read

    with _file(data, "sample.csv") as path:
        read(path)


def read_manifest(data: bytes) -> None:
    """A CSV that names videos."""
    from base_models.datasets import read_dataset

    with _file(data, "labels.csv") as path:
        for name in ("a.mp4", "b.mp4"):
            (path.parent / name).write_bytes(b"")
        read_dataset(path, training=True)


def read_metadata(data: bytes) -> None:
    """The metadata.json of a part of the DFDC."""
    from base_models.datasets import read_dataset

    with _file(data, "metadata.json") as path:
        for name in ("a.mp4", "b.mp4"):
            (path.parent / name).write_bytes(b"")
        read_dataset(path.parent, training=True)


def read_card(data: bytes) -> None:
    """The card of a detector."""
    from base_models.frozen.card_file import read_card as read

    with _file(data, "theirs.toml") as path:
        read(path)


def read_run(data: bytes) -> None:
    """The run.json of a run folder."""
    from fakeodds.run.folder import RunFolder

    with _file(data, "run.json") as path:
        with suppress(ValueError, RecursionError):
            said = json.loads(data)
            if isinstance(said, dict):  # as if its seal were right
                write_sealed(said, path)
        RunFolder.existing(path.parent, reads=True).face_settings()


def read_faces(data: bytes) -> None:
    """The faces of a video."""
    from base_models.faces.store import load_faces

    with _file(data, "a.mp4.parquet") as path:
        load_faces(path)


def read_stack(data: bytes) -> None:
    """A fitted stack: its two files, one behind the other."""
    from stacking import load_stack

    with _file(b"", "x") as path:
        size = int.from_bytes(data[:4], "big")
        (path.parent / "stack.json").write_bytes(data[4 : 4 + size])
        (path.parent / "stack.skops").write_bytes(data[4 + size :])
        load_stack(path.parent)


def read_video(data: bytes) -> None:
    """Frames of a clip in full colour, which our own converter makes RGB of."""
    from base_models.faces.extract import extract_video
    from base_models.faces.settings import FaceSettings

    with _file(data, "a.mp4") as path:
        extract_video(path, FaceSettings(frames=2, finder="haar", ladder=False))


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        *(read_scores_csv, read_scores_packed, read_scores_parquet, read_sample, read_manifest),
        *(read_metadata, read_card, read_run, read_faces, read_stack, read_video),
    )
}


def seeds() -> dict[str, bytes]:
    """A sound file for each target."""
    table = pd.read_csv(io.StringIO(_CSV))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("scores.csv", _CSV)
    run = {"format": 2, "versions": {}, "settings": {"faces": {"frames": 3}}, "commands": []}
    return {
        "read_scores_csv": _CSV.encode(),
        "read_scores_packed": packed.getvalue(),
        "read_scores_parquet": table.to_parquet(),
        "read_sample": b"filename,label\na.mp4,0.5\nb.mp4,0.5\n",
        "read_manifest": b"file,label,group\na.mp4,FAKE,x\nb.mp4,REAL,y\n",
        "read_metadata": json.dumps(_METADATA).encode(),
        "read_card": _CARD.encode(),
        "read_run": json.dumps(run).encode(),
        "read_faces": _faces(),
        "read_stack": _stack(),
        "read_video": _video(),
    }


def mutate(data: bytes, draws: random.Random) -> bytes:
    """One to four small changes."""
    spoiled = bytearray(data)
    for _ in range(draws.randint(1, 4)):
        at, kind = draws.randrange(len(spoiled) + 1), draws.randrange(6)
        if kind == 0 and at < len(spoiled):
            spoiled[at] ^= 1 << draws.randrange(8)
        elif kind == 1:
            del spoiled[at:]
        elif kind == 2:
            spoiled[at:at] = draws.choice(_TOKENS)
        elif kind == 3:
            del spoiled[at : at + draws.randint(1, 30)]
        elif kind == 4:
            spoiled[at:at] = spoiled[at : at + draws.randint(1, 60)] * draws.randint(1, 9)
        else:
            token = draws.choice(_TOKENS)
            spoiled[at : at + len(token)] = token
    return bytes(spoiled)


def fault_of(target: Callable[[bytes], None], data: bytes) -> str:
    """What went wrong when a reader met `data`; "" where it gave a value or an InputError."""

    def late(*_: Any) -> None:
        raise TimeoutError(f"over {_SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(_SECONDS)
    try:
        target(data)
    except InputError as error:
        return "" if str(error).strip() else "an empty sentence"
    except Exception as error:  # noqa: BLE001 - what is looked for
        return f"{type(error).__name__}: {error}"[:200]
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return ""


def mutate_all(trials: int, seed: int) -> Iterator[tuple[str, str]]:
    """So many trials over all targets: a name by which each is made again, and its fault."""
    sound = seeds()
    for number in range(trials):
        name = list(TARGETS)[number % len(TARGETS)]
        data = mutate(sound[name], random.Random(f"{seed} {number}"))
        yield f"{name} {number}", fault_of(TARGETS[name], data)


@contextmanager
def _file(data: bytes, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        yield path


def _faces() -> bytes:
    from base_models.faces.store import Faces, write_faces

    faces = Faces(
        frame=np.arange(3, dtype=np.int32),
        track=np.zeros(3, np.int32),
        box=np.ones((3, 4), np.float32),
        score=np.ones(3, np.float32),
        jpeg=[b"one", b"two", b"three"],
        status="ok",
        reason="",
        n_frames=3,
        size=64,
    )
    with _file(b"", "x") as path:
        write_faces(faces, path, "key")
        return path.read_bytes()


def _stack() -> bytes:
    from stacking import Stack, save_stack

    rng = np.random.default_rng(0)
    label = np.arange(60) % 2
    scores = pd.DataFrame({name: 2 * label - 1 + rng.normal(0, 2, 60) for name in "ab"})
    with _file(b"", "x") as path:
        save_stack(Stack("logistic", calibration="none").fit(scores, label), path.parent)
        described = (path.parent / "stack.json").read_bytes()
        packed = (path.parent / "stack.skops").read_bytes()
    return len(described).to_bytes(4, "big") + described + packed


def _video() -> bytes:
    import av

    rng = np.random.default_rng(0)
    with _file(b"", "x.mp4") as path:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv444p"
            for _ in range(6):
                image = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
            container.mux(stream.encode())
        return path.read_bytes()
