"""Each command on each kind of folder: a result, or one sentence that says what to do instead."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fakeodds.run.folder import RunFolder

Cli = Callable[..., Any]

FAST = ("--meta", "mean", "--take", "all", "--jobs", "1")
KINDS = ("stack", "calibrate", "compare", "faces", "run", "bundled", "bundle", "demo", "empty")


@pytest.fixture(scope="module")
def folders(trained: Path, make_scores: Callable[..., pd.DataFrame], tmp_path_factory: Any) -> Path:
    """A folder of every kind, and what commands read."""
    root: Path = tmp_path_factory.mktemp("kinds")
    scores = make_scores(60)
    scores.to_csv(root / "scores.csv", index=False)
    scores[["video", "label", "group", "strong"]].to_csv(root / "one.csv", index=False)
    scores.drop(columns=["label", "group"]).to_csv(root / "new.csv", index=False)
    shutil.copytree(trained, root / "run")
    run = RunFolder.existing(root / "run", reads=True)
    # What `faces` leaves, without its pictures, and the run of a bundle.
    faces = RunFolder(root / "faces", {**run.record, "settings": dict(run.record["settings"])})
    (root / "faces" / "products").mkdir(parents=True)
    for file in ("videos.parquet", "products/faces.json"):
        shutil.copy(root / "run" / file, root / "faces" / file)
    for name in ("train", "stack"):
        del faces.record["settings"][name]
    faces.save()
    shutil.copytree(root / "run", root / "bundled")
    shutil.rmtree(root / "bundled" / "faces")
    (root / "bundled" / "products" / "faces.json").unlink()
    bundled = RunFolder(root / "bundled", {**run.record, "commands": []})
    bundled.save()
    for folder in (faces, bundled):
        folder.unlock()
    for name in ("bundle", "demo"):
        shutil.copytree(root / "bundled", root / name / "run")
    (root / "empty").mkdir()
    return root


@pytest.fixture(autouse=True)
def _runs_of_scores(folders: Path, cli: Cli) -> None:
    if not (folders / "stack").exists():
        cli("stack", folders / "scores.csv", "--out", folders / "stack", *FAST)
        cli("calibrate", folders / "one.csv", "--out", folders / "calibrate", "--jobs", 1)
        cli("compare", folders / "scores.csv", "--out", folders / "compare", "--jobs", 1)


#: Command -> its words, where RUN, OUT and the files of `folders` stand for paths.
COMMANDS = {
    "predict": "predict RUN clip.mp4 --jobs 1",
    "in time": "predict RUN clip.mp4 --deadline 1s",
    "apply to scores": "apply RUN new.csv --out OUT.csv",
    "apply to videos": "apply RUN clip.mp4 --out OUT.csv --jobs 1",
    "report": "report RUN",
    "bundle": "bundle RUN --out OUT",
    "train": "train RUN --jobs 1",
    "stack": "stack scores.csv --out RUN --meta mean --jobs 1",
    "calibrate": "calibrate one.csv --out RUN --jobs 1",
    "compare": "compare scores.csv --out RUN --jobs 1",
}
SCORES = {"stack", "calibrate", "compare"}
#: Command -> kinds of folders on which it works. What takes long there is tested elsewhere.
WORKS = {
    "predict": {"run", "bundled"},
    "in time": {"run", "bundled"},
    "apply to scores": {"stack", "calibrate"},
    "apply to videos": {"run", "bundled"},
    "report": {"run", "bundled", *SCORES},
    "bundle": {"run"},
    "train": {"run", "faces"},
    **{command: {*SCORES, "empty", "bundle", "demo"} for command in SCORES},
}
#: What is said where it does not.
SAID = {
    ("predict", "scores"): "fakeodds apply {run} new_scores.csv",
    ("in time", "scores"): "fakeodds apply {run} new_scores.csv",
    ("predict", "faces"): "fakeodds train {run}",
    ("in time", "faces"): "fakeodds train {run}",
    ("apply to scores", "run"): "give the videos themselves",
    ("apply to scores", "faces"): "fakeodds train {run}",
    ("apply to scores", "compare"): "fakeodds stack",
    ("apply to videos", "scores"): "give score files instead of",
    ("apply to videos", "compare"): "fakeodds stack",
    ("bundle", "scores"): "bundle the folder of a `fakeodds run`",
    ("bundle", "bundled"): "that the bundle was made of",
    ("train", "scores"): "fakeodds stack scores.csv --out {run}",
    ("train", "bundled"): "that the bundle was made of",
    ("stack", "run"): "choose another --out",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", COMMANDS)
def test_it_works_or_says_what_to_do(
    command: str, kind: str, folders: Path, clips: Any, tmp_path: Path, cli: Cli
) -> None:
    if kind in WORKS[command] - ({*SCORES, "empty"} if command not in SCORES else set()):
        pytest.skip("it works, as other tests show")
    run = Path(shutil.copytree(folders / kind, tmp_path / "folder"))
    places = {
        "RUN": run,
        "OUT": tmp_path / "out",
        "OUT.csv": tmp_path / "out.csv",
        "clip.mp4": sorted(clips.test.glob("*.mp4"))[1],
    }
    places |= {name: folders / name for name in ("scores.csv", "one.csv", "new.csv")}
    words = [places.get(word, word) for word in COMMANDS[command].split()]
    if kind in WORKS[command]:
        cli(*words)
        return
    said = cli(*words, code=2).output.replace("\n", "")
    assert "Traceback" not in said
    where = {"bundle": f"{run / 'run'} holds one", "demo": f"{run / 'run'} holds one"}
    where["empty"] = "name the folder that was given as --out"
    group = "scores" if kind in SCORES else kind
    known = [SAID.get((command, name)) for name in (kind, group)] + [where.get(kind)]
    expected = next((text for text in known if text), None)
    if expected is not None:
        assert expected.format(run=run) in said
    assert ";" in said, "one sentence with a remedy"


def test_what_holds_no_run_names_nothing_else(tmp_path: Path, cli: Cli) -> None:
    for name, content in (("run.json", "[1]"), ("stack.json", "{}")):
        (tmp_path / name).write_text(content)
        for command in ("predict", "apply"):
            assert "Traceback" not in cli(command, tmp_path, tmp_path / name, code=2).output
