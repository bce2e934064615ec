"""`fakeodds bundle`: whole, true to its listing, and as good as the run without anything else."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from email import message_from_string
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

import nbformat

from base_models.scoring.fold_models import list_trained
from base_models.scoring.online import _compared_on
from fakeodds.bundle.notebook import code_of
from fakeodds.bundle.own_wheel import PACKAGES, build_wheel, own_metadata
from fakeodds.bundle.requirements import FRAMEWORKS, Needed, Target, needed_by
from fakeodds.bundle.wheels import download_wheels
from fakeodds.demo.data import DemoSet
from fakeodds.run.folder import RunFolder
from predictions.errors import InputError
from predictions.products import key_of
from tests.forks import MAIN, run

Cli = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]


def fakeodds(*arguments: object) -> None:
    run(MAIN, *arguments, check=True)


@pytest.fixture(scope="module")
def bundle(trained: Path) -> Path:
    """A bundle of it, with the wheel of fakeodds alone."""
    fakeodds("bundle", trained, "--out", trained.parent / "My bundle", "--wheels", "none")
    return trained.parent / "My bundle"


def submission(run: Path) -> pd.Series:
    table = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    assert table.between(0, 1, inclusive="neither").all()
    return table.sort_index()


def test_the_listing_is_true_and_there_are_no_faces(bundle: Path) -> None:
    manifest = json.loads((bundle / "MANIFEST.json").read_text())
    there = {
        path.relative_to(bundle).as_posix(): path
        for path in bundle.rglob("*")
        if path.is_file() and path.name != "MANIFEST.json"
    }
    assert {file["path"] for file in manifest["files"]} == set(there)
    for file in manifest["files"]:
        content = there[file["path"]].read_bytes()
        assert (file["bytes"], file["sha256"]) == (
            len(content),
            hashlib.sha256(content).hexdigest(),
        )
    *parts, total = manifest["sizes"]
    assert total["bytes"] == sum(part["bytes"] for part in parts)
    assert total["bytes"] == sum(file["bytes"] for file in manifest["files"])
    assert total["files"] == len(there)
    assert not any("faces" in Path(path).parts for path in there)
    run_json = json.loads((bundle / "run" / "run.json").read_text())
    assert "dataset" not in run_json["settings"]  # a path of the machine it was made on
    assert manifest["expected"]["log_loss"]["low"] <= manifest["expected"]["log_loss"]["value"]
    readme = (bundle / "README.md").read_text()
    assert "weights: timm-test_efficientnet" in readme
    weights = sum(path.stat().st_size for path in bundle.rglob("weights.safetensors"))
    assert sum(manifest["detectors"].values()) == weights


def test_the_wheel_installs_and_runs(bundle: Path, tmp_path: Path) -> None:
    wheel = next((bundle / "wheels").glob("fakeodds-*.whl"))
    assert build_wheel(tmp_path / "again").read_bytes() == wheel.read_bytes()
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", target, wheel], check=True)
    code = (
        "import fakeodds.cli.main, sys\n"
        "from importlib.metadata import version\n"
        "print(fakeodds.cli.main.__file__, version('fakeodds'))\n"
        "sys.argv = ['fakeodds', 'models']\n"
        "fakeodds.cli.main.main()"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(target)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(target) in said.splitlines()[0]
    assert "xception" in said
    names = zipfile.ZipFile(wheel).namelist()
    for package in PACKAGES:
        of_source = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
        }
        assert of_source <= set(names)


def test_what_the_wheel_says_of_itself_is_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert sorted(PACKAGES) == sorted(
        project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    )
    said = message_from_string(own_metadata())
    assert said["Version"] == project["project"]["version"]
    assert set(said.get_all("Provides-Extra", [])) == set(
        project["project"]["optional-dependencies"]
    )
    plain = [text for text in said.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert len(plain) == len(project["project"]["dependencies"])


def test_its_run_predicts_as_the_run_itself_does(
    clips: DemoSet, trained: Path, bundle: Path, tmp_path: Path, cli: Cli
) -> None:
    whole = Path(shutil.copytree(trained, tmp_path / "whole"))
    cli("predict", whole, clips.test, "--deadline", "5m")
    wanted = submission(whole)
    packed = Path(shutil.copytree(bundle / "run", tmp_path / "packed"))
    cli("predict", packed, clips.test, "--deadline", "5m")
    pd.testing.assert_series_equal(submission(packed), wanted)
    # Without the exports, which are made again and compared on faces of the new videos.
    for folder in packed.rglob("openvino"):
        shutil.rmtree(folder)
    shutil.rmtree(packed / "test")
    cli("predict", packed, clips.test, "--deadline", "5m")
    np.testing.assert_allclose(submission(packed), wanted, atol=0.01)
    cli("predict", whole, clips.test, "--jobs", "1")
    cli("predict", packed, clips.test, "--jobs", "1")
    np.testing.assert_allclose(submission(packed), submission(whole), atol=0.01)


def test_without_a_face_anywhere_the_networks_score_themselves(
    clips: DemoSet, tmp_path: Path
) -> None:
    from base_models.faces.settings import FaceSettings

    settings = FaceSettings(frames=4, size=64)
    assert _compared_on(tmp_path, settings, [clips.test / "broken.mp4"]) is None
    assert _compared_on(tmp_path, settings, []) is None
    found = _compared_on(tmp_path, settings, sorted(clips.test.glob("*.mp4")))
    assert found is not None
    crops = found(None, 48)()
    assert crops.shape[1:] == (48, 48, 3)
    assert 1 <= len(crops) <= 24


def test_the_notebook_makes_a_submission_without_a_network(
    clips: DemoSet, bundle: Path, tmp_path: Path
) -> None:
    nbformat.validate(nbformat.read(bundle / "submission.ipynb", as_version=4))
    # An environment of its own, so that nothing is installed into this one, which it looks into.
    empty = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", empty], check=True)
    site = next(empty.glob("lib/python*/site-packages"), empty / "Lib" / "site-packages")
    (site / "here.pth").write_text(
        "\n".join(path for path in sys.path if path.endswith("site-packages"))
    )
    python = next(
        path for path in (empty / "bin/python", empty / "Scripts/python.exe") if path.exists()
    )
    names = sorted(path.name for path in clips.test.glob("*.mp4"))[::-1]
    pd.DataFrame({"filename": names, "label": 0.5}).to_csv(tmp_path / "sample.csv", index=False)
    script = tmp_path / "notebook.py"
    script.write_text(code_of(bundle / "submission.ipynb"), encoding="utf-8")
    settings = {
        "FAKEODDS_BUNDLE": bundle,
        "FAKEODDS_VIDEOS": clips.test,
        "FAKEODDS_SAMPLE": tmp_path / "sample.csv",
        "FAKEODDS_OUTPUT": tmp_path / "output",
        "FAKEODDS_HOURS": "0.1",
    }
    offline = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*offline, "true"]).returncode:
        offline = []
    ended = subprocess.run(
        [*offline, str(python), str(script)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **{k: str(v) for k, v in settings.items()}},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    made = pd.read_csv(tmp_path / "output" / "submission.csv")
    assert made["filename"].tolist() == names
    assert made["label"].between(0, 1, inclusive="neither").all()
    assert "broken.mp4" in ended.stdout

    # A file that did not arrive is told of.
    damaged = Path(shutil.copytree(bundle, tmp_path / "damaged"))
    next(damaged.rglob("stack.json")).unlink()
    ended = subprocess.run(
        [str(python), str(script)],
        env={
            **os.environ,
            **{k: str(v) for k, v in settings.items()},
            "FAKEODDS_BUNDLE": str(damaged),
        },
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 1
    assert "stack.json is missing" in ended.stderr


def test_above_the_limit_detectors_are_left_out(
    clips: DemoSet, trained: Path, tmp_path: Path, cli: Cli
) -> None:
    out = tmp_path / "small"
    options = ("--out", out, "--wheels", "none", "--max-weights")
    said = cli("bundle", trained, *options, "2MB")
    assert "left out" in said.output
    manifest = json.loads((out / "MANIFEST.json").read_text())
    assert list(manifest["detectors"]) == ["timm-test_efficientnet"]
    assert list(manifest["left_out"]) == ["timm-test_resnet"]
    assert any("timm-test_resnet" in sentence for sentence in manifest["notes"])
    of_run = sum(f["bytes"] for f in manifest["files"] if f["path"].startswith("run/"))
    assert of_run <= 2e6
    assert not list(out.rglob("model=timm-test_resnet"))
    cli("predict", out / "run", clips.test, "--deadline", "5m")
    assert len(submission(out / "run")) == len(list(clips.test.glob("*.mp4")))

    # Made again into the same folder, what predicting wrote is gone.
    answered = json.loads(cli("bundle", trained, *options, "1.2MB", "--json", "-q").output)
    assert answered["left_out"] == manifest["left_out"]
    assert "files" in answered
    assert not list(out.rglob("looks.parquet"))
    assert not list(out.rglob("openvino"))  # no room
    said = cli("bundle", trained, *options, "0.1MB", code=2)
    assert "--max-weights" in said.output


def _said_to_be(run: Path, name: str, detector: str) -> None:
    """Have the records of a run's detector say that it is another one."""
    for path in (run / "models" / f"model={name}").glob("fold=*/fold.json"):
        record = {**json.loads(path.read_text()), "detector": detector}
        for other in ("seal", "timm"):
            record.pop(other)
        path.write_text(json.dumps({**record, "seal": key_of(said=record)}))
    list_trained(run, json.loads((run / "models" / "trained.json").read_text())["detectors"])


def test_what_a_deadline_does_not_ask_is_left_out(
    clips: DemoSet, trained: Path, tmp_path: Path, cli: Cli
) -> None:
    heard = Path(shutil.copytree(trained, tmp_path / "heard"))
    _said_to_be(heard, "timm-test_efficientnet", "voice_inception")
    out = tmp_path / "out"
    said = cli("bundle", heard, "--out", out, "--wheels", "none", "--no-exports")
    assert "timm-test_efficientnet listens" in said.output
    manifest = json.loads((out / "MANIFEST.json").read_text())
    assert list(manifest["detectors"]) == ["timm-test_resnet"]
    assert not list(out.rglob("model=timm-test_efficientnet"))
    stack = json.loads((out / "run" / "stack" / "stack.json").read_text())
    assert "timm-test_efficientnet" not in json.dumps(stack)
    # What is promised is what the stack of the others is worth; predicting promises the same.
    options = ("--deadline", "5m", "--backend", "reference")
    cli("predict", out / "run", clips.test, *options)
    packed = submission(out / "run")
    said = cli("predict", heard, clips.test, *options)
    assert "timm-test_efficientnet listens" in said.output
    pd.testing.assert_series_equal(submission(heard), packed)
    promised = json.loads((heard / "deadline.json").read_text())["looks"][-1]["log_loss"]
    assert promised["value"] == pytest.approx(manifest["expected"]["log_loss"]["value"])

    _said_to_be(heard, "timm-test_resnet", "lstm_faces")
    refused = (
        ("bundle", heard, "--out", tmp_path / "none"),
        ("predict", heard, clips.test, *options),
    )
    for command in refused:
        assert "none of its detectors looks at single faces" in cli(*command, code=2).output
    assert not (tmp_path / "none").exists()


def test_what_cannot_be_bundled_is_told_in_a_sentence(
    trained: Path, scores: pd.DataFrame, tmp_path: Path, cli: Cli
) -> None:
    out = ("--out", tmp_path / "out", "--wheels", "none")
    assert "does not exist" in cli("bundle", tmp_path / "nowhere", *out, code=2).output
    (tmp_path / "empty").mkdir()
    assert "run.json" in cli("bundle", tmp_path / "empty", *out, code=2).output
    unfinished = Path(shutil.copytree(trained, tmp_path / "unfinished"))
    next(unfinished.rglob("weights.safetensors")).unlink()
    assert "fakeodds train" in cli("bundle", unfinished, *out, code=2).output
    shutil.rmtree(unfinished / "stack")
    assert "stack.json: is gone" in cli("bundle", unfinished, *out, code=2).output
    of_scores = tmp_path / "scores"
    run = RunFolder.open(of_scores)
    run.settings(command="stack")
    run.save()
    assert "score files" in cli("bundle", of_scores, *out, code=2).output
    assert not (tmp_path / "out").exists()
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    said = cli("bundle", trained, "--out", foreign, code=2)
    assert "no bundle" in said.output
    assert (foreign / "thesis.tex").exists()
    assert "another --out" in cli("bundle", trained, "--out", trained, code=2).output
    said = cli("bundle", trained, *out, "--python-version", "three", code=2)
    assert "3.12" in said.output


def test_what_is_needed_is_followed_to_its_end() -> None:
    requirements = message_from_string(own_metadata()).get_all("Requires-Dist", [])
    whole = needed_by(requirements, ["torch"], Target())
    few = needed_by(requirements, ["torch"], Target(), FRAMEWORKS)
    assert {"numpy", "skops", "timm", "facenet-pytorch"} <= set(few.pinned)
    assert {"torch", "torchvision"} <= set(whole.pinned)
    assert few.brought == ("torch", "torchvision")
    assert set(few.pinned) < set(whole.pinned)
    assert "fakeodds" not in whole.pinned
    # What only another system needs is asked for there, and nothing of this one.
    windows = needed_by(requirements, ["torch"], Target("3.12", ("win_amd64",)), FRAMEWORKS)
    assert not any(name.startswith("nvidia") for name in windows.pinned)
    assert "manylinux_2_28_x86_64" in Target(None, ("linux_x86_64",)).tags()


def test_wheels_are_brought_by_pip_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = needed_by(["click"], [], Target()).pinned["click"]
    needed = Needed({"click": version}, (), ())
    try:
        download_wheels(needed, tmp_path, Target("3.12", ("linux_x86_64",)))
    except InputError:
        pytest.skip("no network, or no package index")
    assert next(tmp_path.glob("*.whl")).name.startswith(f"click-{version}-")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    download_wheels(needed, tmp_path, Target())


def test_wheels_that_cannot_be_had_are_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(InputError, match=r"click==0\.0\.1.*--wheels none"):
        download_wheels(Needed({"click": "0.0.1"}, (), ()), tmp_path, Target())


def test_looking_for_pip_leaves_setuptools_usable(tmp_path: Path) -> None:
    """torch.compile imports it, perhaps in the same process."""
    code = (
        "from pathlib import Path\n"
        "from fakeodds.bundle.requirements import Needed\n"
        "from fakeodds.bundle.wheels import Target, download_wheels\n"
        f"download_wheels(Needed({{}}, (), ()), Path({str(tmp_path)!r}), Target())\n"
        "import setuptools"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
