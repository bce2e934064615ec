"""One run of all kinds of detectors: trained ones beside those that somebody else trained."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("openvino")
pytest.importorskip("onnx")
pytest.importorskip("transformers")

import torch

from base_models.scoring.fold_models import find_models

Cli = Callable[..., Any]
SIZE = 32
FROZEN = ("red-onnx", "red-hf", "red-state", "Blue")
TRAINED = ("mobilenetv3_large", "timm-mobilenetv3_small_050")
OPTIONS = (
    *("--size", SIZE, "--weights", "scratch", "--epochs", 1, "--folds", 2, "--batch", 16),
    *("--meta", "logistic", "--calibration", "temperature", "--jobs", 1, "--no-report"),
)
CODE = '''
class Blue:
    """How blue a picture is, the other way round."""

    size = 32
    licence = "MIT"

    def logits(self, images):
        return 2 - images[..., 2].mean(axis=(1, 2)) / 64
'''


def _pictures(folder: Path, people: int, seed: int) -> Path:
    """Faces of 64 pixels: the fakes are redder than they are blue."""
    rng = np.random.default_rng(seed)
    for label, red, blue in (("real", 112, 138), ("fake", 138, 112)):
        (folder / label).mkdir(parents=True)
        for i in range(people):
            colour = np.array([blue, 120, red]) + rng.normal(0, 16, 3)
            image = np.clip(colour + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(folder / label / f"{label}{i}.png"), image)
    return folder


def _write_onnx(path: Path, gain: float) -> None:
    class Redness(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            red = gain * (x[:, 0] - x[:, 2]).mean(dim=(1, 2))
            return torch.stack([torch.zeros_like(red), red], dim=1)

    example = torch.zeros(2, 3, SIZE, SIZE)
    torch.onnx.export(
        Redness(),
        (example,),
        str(path),
        dynamo=False,
        dynamic_axes={"x": {0: "n"}},
        input_names=["x"],
    )


def _write_hugging_face(folder: Path) -> None:
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(1)
    config = ViTConfig(
        image_size=SIZE,
        patch_size=8,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        id2label={0: "Fake", 1: "Real"},
    )
    ViTForImageClassification(config).save_pretrained(folder)
    pixels = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": SIZE}}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))


def _write_state(path: Path) -> None:
    import timm

    torch.manual_seed(2)
    torch.save(timm.create_model("mobilenetv3_small_050", num_classes=2).state_dict(), path)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces, new faces, and a file of each kind, with its card."""
    place = tmp_path_factory.mktemp("frozen")
    _pictures(place / "faces", 12, 0)
    _pictures(place / "new", 4, 1)
    _write_onnx(place / "red.onnx", 8)
    _write_hugging_face(place / "red-hf")
    _write_state(place / "red.pth")
    (place / "blue.py").write_text(CODE)
    said = ("--pixels", "unit", "--fake", 1)
    fakeodds(place, "models", "add", place / "red.onnx", "--name", "red-onnx", *said)
    fakeodds(place, "models", "add", place / "red-hf")
    of_timm = ("--network", "mobilenetv3_small_050", "--size", SIZE, "--real", 0)
    fakeodds(place, "models", "add", place / "red.pth", "--name", "red-state", *of_timm, *said)
    return place


def fakeodds(home: Path, *arguments: object, code: int = 0, before: str = "") -> str:
    """The command line in a process of its own; `before`: what is done to it before it runs."""
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(before) + "\nfrom fakeodds.cli.main import main; main()",
            *map(str, arguments),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "FAKEODDS_HOME": str(home / "home"), "FAKEODDS_REPORT": "0"},
        check=False,
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr
    return " ".join((ended.stdout + ended.stderr).split())


def _run(home: Path, out: Path, names: Sequence[str] = FROZEN, **more: Any) -> str:
    named = ["red-onnx", "red-hf", "red-state", f"{home / 'blue.py'}:Blue"]
    taken = [one for one, name in zip(named, FROZEN, strict=True) if name in names]
    detectors = ",".join([*taken, *TRAINED])
    return fakeodds(
        home, "run", home / "faces", "--out", out, "--detectors", detectors, *OPTIONS, **more
    )


def _bytes(run: Path) -> dict[str, str]:
    """What of a run must be the same each time."""
    paths = [*run.glob("models/**/*.safetensors"), *run.glob("scores/**/*.parquet")]
    paths += [
        run / "oof.csv",
        run / "metrics.json",
        *run.glob("stack/*"),
        *run.glob("models/*.json"),
    ]
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if "record" not in path.name
    }


@pytest.fixture(scope="module")
def mixed(home: Path) -> Path:
    """A finished run of all of them."""
    said = _run(home, home / "run")
    assert "red-onnx: AUC" in said
    assert "FAKE is up" in said
    return home / "run"


@pytest.fixture
def copy(mixed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(mixed, tmp_path / "run"))


def _copied(home: Path, tmp_path: Path) -> Path:
    """The files and cards elsewhere, to be changed."""
    return Path(shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns("run*")))


def test_all_kinds_are_in_the_stack(mixed: Path) -> None:
    models = find_models(mixed / "models")
    assert set(models) == {*FROZEN, *TRAINED}
    assert {len(models[name]) for name in FROZEN} == {1}
    assert {len(models[name]) for name in TRAINED} == {2}
    # Each scores every video, and as its file says.
    for name in FROZEN:
        assert len(models[name][0].scores()) == 24
    metrics = json.loads((mixed / "metrics.json").read_text())
    assert set(FROZEN) <= set(metrics["brought"])
    assert metrics["brought"]["Blue"]["licence"] == "MIT"
    table = models["red-onnx"][0].scores()
    fake = table["video"].astype(str).str.contains("fake")
    assert table.loc[fake, "logit"].mean() > table.loc[~fake, "logit"].mean()
    # Its code is not kept.
    assert not list(mixed.rglob("*.py"))
    assert str(mixed.parent / "blue.py") not in (mixed / "models" / "trained.json").read_text()


def test_again_keeps_everything(home: Path, copy: Path) -> None:
    before = _bytes(copy)
    times = {path: path.stat().st_mtime_ns for path in copy.glob("scores/**/*.parquet")}
    _run(home, copy)
    assert _bytes(copy) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_run_resumes_to_the_same_bytes(
    home: Path, mixed: Path, tmp_path: Path, after: int
) -> None:
    kill = f"""
    import os
    from base_models.scoring import offline
    score, done = offline._Scoring._score, []

    def scored(self, index):
        if len(done) == {after}:
            os._exit(9)
        done.append(self.name)
        return score(self, index)

    offline._Scoring._score = scored
    """
    _run(home, tmp_path / "run", code=9, before=kill)
    assert not (tmp_path / "run" / "metrics.json").exists()
    _run(home, tmp_path / "run")
    assert _bytes(tmp_path / "run") == _bytes(mixed)


CHANGES = {
    "weights": ("red-onnx", lambda home: _write_onnx(home / "red.onnx", 5)),
    "card": (
        "red-hf",
        lambda home: fakeodds(home, "models", "add", home / "red-hf", "--reverse"),
    ),
    "code": (
        "Blue",
        lambda home: (home / "blue.py").write_text(CODE.replace("/ 64", "/ 80")),
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_changed_is_scored_anew_and_nothing_else(
    case: str, home: Path, copy: Path, tmp_path: Path
) -> None:
    name, change = CHANGES[case]
    elsewhere = _copied(home, tmp_path)
    listed = elsewhere / "home" / "detectors.json"
    listed.write_text(listed.read_text().replace(str(home), str(elsewhere)))
    change(elsewhere)
    before = _bytes(copy)
    times = {path: path.stat().st_mtime_ns for path in copy.glob("scores/**/*.parquet")}
    old = find_models(copy / "models")[name][0].scores()
    named = f"red-onnx,red-hf,red-state,{elsewhere / 'blue.py'}:Blue,{','.join(TRAINED)}"
    fakeodds(elsewhere, "run", home / "faces", "--out", copy, "--detectors", named, *OPTIONS)
    new = find_models(copy / "models")[name][0].scores()
    assert not np.allclose(old["logit"], new["logit"])
    if case == "card":
        np.testing.assert_array_equal(old["logit"], -new["logit"])
    touched = {path.stem for path, time in times.items() if path.stat().st_mtime_ns != time}
    assert touched == {f"model={name}"}
    assert _bytes(copy)["oof.csv"] != before["oof.csv"]


def test_what_is_left_out_leaves_nothing_listed(home: Path, copy: Path) -> None:
    _run(home, copy, ["red-hf"])
    assert set(find_models(copy / "models")) == {"red-hf", *TRAINED}
    for name in ("red-onnx", "red-state", "Blue"):
        assert not list(copy.glob(f"**/model={name}*"))
        assert name not in (copy / "metrics.json").read_text()
    _run(home, copy, [])
    assert not list(copy.glob("**/fold=all"))
    assert not (copy / "scores" / "frozen").exists()


def _submission(run: Path) -> "pd.Series[float]":
    return pd.read_csv(run / "submission.csv").set_index("filename")["label"].sort_index()


def test_new_faces_are_predicted(home: Path, copy: Path) -> None:
    code = ("--code", f"{home / 'blue.py'}:Blue")
    said = fakeodds(home, "predict", copy, home / "new", code=2)
    assert "Blue is Python code (blue.py:Blue), which is run only where it is named" in said
    assert "add --code blue.py:Blue" in said
    fakeodds(home, "predict", copy, home / "new", *code)
    whole = _submission(copy)
    assert len(whole) == 8
    fake = whole.index.str.contains("fake")
    assert whole[fake].mean() > whole[~fake].mean()
    # Changed code is not the detector that the stack knows; what is kept needs none.
    shutil.rmtree(copy / "test")
    other = copy.parent / "blue.py"
    other.write_text(CODE.replace("/ 64", "/ 80"))
    said = fakeodds(home, "predict", copy, home / "new", "--code", f"{other}:Blue", code=2)
    assert "not the code that the run was made with" in said


def test_a_bundle_takes_all_of_them_along(home: Path, copy: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    bundled = ("bundle", copy, "--out", out, "--wheels", "none", "--no-exports")
    said = fakeodds(home, *bundled, code=2)
    assert "add --code blue.py:Blue" in said
    said = fakeodds(home, *bundled, "--code", f"{home / 'blue.py'}:Blue")
    assert "the Python code of Blue comes along as run/code/Blue/blue.py:Blue" in said
    manifest = json.loads((out / "MANIFEST.json").read_text())
    assert manifest["code"] == ["run/code/Blue/blue.py:Blue"]
    assert set(manifest["detectors"]) == {*FROZEN, *TRAINED}
    assert [path.name for path in (out / "run").rglob("*.py")] == ["blue.py"]
    paths = {file["path"] for file in manifest["files"]}
    assert "run/models/model=red-onnx/fold=all/red.onnx" in paths
    assert "run/models/model=red-hf/fold=all/config.json" in paths
    assert "run/scores/frozen/model=red-state.parquet" in paths
    # The same answers from the bundle alone, where nobody has added a card.
    fakeodds(home, "predict", copy, home / "new", "--code", f"{home / 'blue.py'}:Blue")
    named = out / manifest["code"][0]
    fakeodds(tmp_path, "predict", out / "run", home / "new", "--code", named)
    np.testing.assert_allclose(_submission(copy), _submission(out / "run"), atol=1e-6)
