"""One run of all kinds of detectors: trained ones beside those that somebody else trained."""

import hashlib
import io
import json
import os
import shutil
import textwrap
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
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

from base_models import named_code
from base_models.frozen import catalogue
from base_models.scoring.fold_models import find_models
from fakeodds.cli.main import run
from fakeodds.demo.data import DemoSet
from predictions.errors import InputError
from tests import forks

Cli = Callable[..., Any]
SIZE = 32
FROZEN = ("red-onnx", "red-hf", "red-state", "Blue")
TRAINED = ("mobilenetv3_large", "timm-mobilenetv3_small_050")
OPTIONS = (
    *("--size", SIZE, "--weights", "scratch", "--epochs", 1, "--folds", 2, "--batch", 16),
    *("--meta", "logistic", "--calibration", "temperature", "--jobs", 1, "--no-report"),
)
#: The networks as they are; exports of them are tested elsewhere, and take their time.
PLAIN = ("--backend", "reference")
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
    """The command line; `before`: what is done, in a process of its own, before it runs."""
    argv = ["fakeodds", *map(str, arguments)]
    environment = {"FAKEODDS_HOME": str(home / "home"), "FAKEODDS_REPORT": "0"}
    if before:
        ended, said = _elsewhere(argv, environment, before)
    else:
        ended, said = _here(argv, environment)
    assert ended == code, said
    assert "Traceback" not in said
    return " ".join(said.split())


def _here(argv: list[str], environment: dict[str, str]) -> tuple[int, str]:
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        patch.setattr("sys.argv", argv)
        # Nothing was named to this process yet.
        patch.setattr(catalogue, "_opened", {})
        patch.setattr(named_code, "_named", {})
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            run()
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def _elsewhere(argv: list[str], environment: dict[str, str], before: str) -> tuple[int, str]:
    code = textwrap.dedent(before) + f"\n{forks.MAIN}"
    ended = forks.run(
        code, *argv[1:], capture_output=True, text=True, env={**os.environ, **environment}
    )
    return ended.returncode, ended.stdout + ended.stderr


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


def test_a_killed_run_resumes_to_the_same_bytes(home: Path, mixed: Path, tmp_path: Path) -> None:
    kill = """
    import os
    from base_models.scoring import detector_scores
    score, done = detector_scores.DetectorScores._score, []

    def scored(self, index):
        if len(done) == 2:
            os._exit(9)
        done.append(self.name)
        return score(self, index)

    detector_scores.DetectorScores._score = scored
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
    arguments = ("run", home / "faces", "--out", copy, "--detectors", named, *OPTIONS)
    fakeodds(elsewhere, *arguments)
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


@pytest.fixture(scope="module")
def predicted(home: Path, mixed: Path) -> Path:
    """The run with answers for new faces."""
    run = Path(shutil.copytree(mixed, home / "run-predicted"))
    fakeodds(home, "predict", run, home / "new", "--code", _blue(home), *PLAIN)
    return run


def test_new_faces_are_predicted(home: Path, predicted: Path, tmp_path: Path) -> None:
    whole = _submission(predicted)
    assert len(whole) == 8
    fake = whole.index.str.contains("fake")
    assert whole[fake].mean() > whole[~fake].mean()
    # What is kept needs no code; to score it, it must be named, and be the one the stack knows.
    copy = Path(shutil.copytree(predicted, tmp_path / "run"))
    fakeodds(home, "predict", copy, home / "new", *PLAIN)
    shutil.rmtree(copy / "test")
    said = fakeodds(home, "predict", copy, home / "new", code=2)
    assert "Blue is Python code (blue.py:Blue), which is run only where it is named" in said
    assert "add --code blue.py:Blue" in said
    other = tmp_path / "blue.py"
    other.write_text(CODE.replace("/ 64", "/ 80"))
    said = fakeodds(home, "predict", copy, home / "new", "--code", f"{other}:Blue", code=2)
    assert "not the code that the run was made with" in said
    # Refused before anything was looked for, and nothing is lost.
    assert "Finding faces" not in said
    assert _submission(copy).equals(whole)


def test_a_bundle_takes_all_of_them_along(
    home: Path, mixed: Path, predicted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    bundled = ("bundle", mixed, "--out", out, "--wheels", "none", "--no-exports")
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
    named = out / manifest["code"][0]
    fakeodds(tmp_path, "predict", out / "run", home / "new", "--code", named, *PLAIN)
    np.testing.assert_allclose(_submission(predicted), _submission(out / "run"), atol=1e-6)


# ------------------------------------------------------------------------------------ on videos


@pytest.fixture(scope="module")
def filmed(
    home: Path, clips: DemoSet, trained: Path, small_run: Sequence[str]
) -> tuple[Path, "pd.Series[float]"]:
    """A run of two trained detectors that two frozen ones joined, and its answers for new clips."""
    run = Path(shutil.copytree(trained, home / "run-filmed"))
    detectors = f"timm:test_resnet,timm:test_efficientnet,red-onnx,{_blue(home)}"
    at = list(small_run).index("--detectors")
    options = (*small_run[:at], "--detectors", detectors, *small_run[at + 2 :])
    said = fakeodds(home, "run", clips.train, "--out", run, *options)
    assert "4 of 4 trainings were finished before" in said
    fakeodds(home, "predict", run, clips.test, "--code", _blue(home), *PLAIN)
    return run, _submission(run)


def _blue(home: Path) -> str:
    return f"{home / 'blue.py'}:Blue"


def test_a_deadline_looks_with_all_of_them(
    home: Path, clips: DemoSet, filmed: tuple[Path, "pd.Series[float]"], tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(filmed[0], tmp_path / "run"))
    within = ("predict", copy, clips.test, *PLAIN, "--deadline", "5m")
    assert "add --code blue.py:Blue" in fakeodds(home, *within, code=2)
    fakeodds(home, *within, "--code", _blue(home))
    np.testing.assert_allclose(_submission(copy), filmed[1], atol=1e-4)
    report = json.loads((copy / "deadline.json").read_text())
    assert report["not_looked_at"] == 0
    fakeodds(home, *within[:-1], "1s", "--code", _blue(home))
    assert list(_submission(copy).index) == list(filmed[1].index)


def test_the_app_answers_with_all_of_them(
    home: Path, clips: DemoSet, filmed: tuple[Path, "pd.Series[float]"]
) -> None:
    pytest.importorskip("gradio")
    from fakeodds.app.answer import answer_video
    from fakeodds.app.limits import Limits
    from fakeodds.app.opened_run import OpenedRun

    run, answers = filmed
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(named_code, "_named", {})
        with pytest.raises(InputError, match=r"add --code blue\.py:Blue"):
            OpenedRun(run, backend="reference")
        named_code.allow("Blue", named_code.import_class(home / "blue.py", "Blue"))
        opened = OpenedRun(run, backend="reference")
        assert opened.scorer is not None
        for name, expected in answers.drop("broken.mp4").items():
            scored = opened.scorer.score(clips.test / str(name), Limits(1, 1), lambda *_: None)
            table = scored.frames, scored.alone
            answer = answer_video(opened.stack, opened.about, opened.oof, *table)
            assert answer.probability == pytest.approx(expected, abs=1e-4)


def test_how_faces_are_cut_is_told_where_a_run_learned_from_crops(
    home: Path, copy: Path, clips: DemoSet
) -> None:
    said = fakeodds(home, "predict", copy, clips.test, "--code", _blue(home), *PLAIN)
    assert "are cut by mtcnn with a margin of 0.2" in said
    said = fakeodds(home, "predict", copy, home / "new", "--code", _blue(home), *PLAIN)
    assert "are cut by" not in said
