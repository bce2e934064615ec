"""Detectors that see the same faces cut in different ways, in one run and on new videos."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from base_models.faces.store import Faces, faces_path, load_faces
from base_models.faces.views import View
from base_models.frozen.card import crop_of
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.online import VideoScorer
from fakeodds.app.limits import Limits
from fakeodds.app.scoring import Scorer
from fakeodds.demo.data import DemoSet
from fakeodds.run.folder import RunFolder

Cli = Callable[..., Any]

ALIGNED = {"align": "arcface", "scale": 1.3, "padding": "zero", "resize": "linear"}
WHOLE = {"whole": True}

CODE = f"""
class Aligned:
    size, crop = 80, {ALIGNED}

    def logits(self, images):
        return images[:, :20].mean((1, 2, 3)) / 64 - 2

class Whole:
    size, crop = 56, {WHOLE}

    def logits(self, images):
        return images[:, :20].mean((1, 2, 3)) / 64 - 2

class Plain:
    size = 64

    def logits(self, images):
        return images[:, :20].mean((1, 2, 3)) / 64 - 2
"""
VIEWS = {
    "Aligned": View(crop_of(ALIGNED), 80),
    "Whole": View(crop_of(WHOLE), 56),
    "Plain": None,
}
NAMES = list(VIEWS)


def detectors(small_run: tuple[str, ...], names: str) -> list[str]:
    """The options of the small run with other detectors beside its own."""
    words = list(small_run)
    place = words.index("--detectors") + 1
    words[place] += names
    return words


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "brought.py"
    path.write_text(CODE)
    return path


def contents(run: Path, *patterns: str) -> dict[str, bytes]:
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for pattern in patterns
        for path in sorted(run.glob(pattern))
        if path.is_file()
    }


def expected(faces: Faces, name: str) -> np.ndarray:
    crops = faces.seen(VIEWS[name]).decode()
    if name == "Plain":
        assert crops.shape[1] == 64
    return (crops[:, :20].mean((1, 2, 3)) / 64 - 2).astype(np.float32)


def test_each_sees_its_own_faces_and_the_trained_ones_are_kept(
    trained: Path, clips: DemoSet, small_run: tuple[str, ...], code: Path, cli: Cli, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    trainings = ("models/model=*/fold=[01]/*", "scores/model=*/*")
    before, faces_before = contents(run, *trainings), contents(run, "faces/*")
    assert before
    named = "".join(f",{code}:{name}" for name in NAMES)
    told = ["run", clips.train, "--out", run, *detectors(small_run, named), "--test", clips.test]
    said = " ".join(cli(*told).output.split())
    assert "4 of 4 trainings were finished before and are kept" in said
    assert contents(run, *trainings) == before

    # Each one's scores are of its own view of every video, the whole pictures' without a face too.
    videos = pd.read_parquet(run / "videos.parquet").set_index("video")
    scores = read_new_scores(run / "scores" / "frozen", NAMES)
    faceless = videos.index[videos["status"] == "no_face"]
    assert len(faceless)
    for video in videos.index:
        faces = load_faces(faces_path(run / "faces", video))
        for name in NAMES:
            mine = scores[(scores["video"] == video) & (scores["model"] == name)]
            np.testing.assert_allclose(mine["logit"], expected(faces, name), atol=1e-6)
    seen = scores[scores["video"].isin(faceless)]
    assert set(seen["model"]) == {"Whole"}
    oof = pd.read_csv(run / "oof.csv").set_index("video")
    assert oof.loc[faceless, "base/Whole"].notna().all()

    # What new videos need is in run.json, and they had it.
    kept = json.loads((run / "run.json").read_text())["settings"]["faces"]["views"]
    assert sorted(view["size"] for view in kept) == [56, 80]
    tested = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    new = read_new_scores(run / "test" / "scores", NAMES)
    readable = [name for name in tested.index if name != "broken.mp4"]
    for video in readable:
        faces = load_faces(faces_path(run / "test" / "faces", video))
        for name in NAMES:
            mine = new[(new["video"] == video) & (new["model"] == name)]
            np.testing.assert_allclose(mine["logit"], expected(faces, name), atol=1e-6)

    # One video at a time: the app, and in time, where a look may ask some of them.
    settings = RunFolder.existing(run, reads=True).face_settings()
    in_time = VideoScorer.open(run, replace(settings, views=()), NAMES)
    for name in NAMES:
        looked = in_time.score(clips.test / readable[0], settings.frames, [name])
        mine = new[(new["video"] == readable[0]) & (new["model"] == name)]
        np.testing.assert_allclose(looked.frames["logit"], mine["logit"], atol=1e-6)
    scorer = Scorer(run, settings, NAMES)
    limits = Limits()
    shown = scorer.score(clips.test / readable[0], limits, lambda text, done: None)
    assert set(shown.alone) == {"Aligned", "Plain"}
    for name in NAMES:
        one = shown.frames[shown.frames["model"] == name]["logit"].to_numpy()
        wanted = new[(new["video"] == readable[0]) & (new["model"] == name)]["logit"]
        np.testing.assert_allclose(one, wanted, atol=1e-6)
    codes = [word for name in NAMES for word in ("--code", f"{code}:{name}")]
    cli("predict", run, clips.test, "--deadline", "5m", *codes)
    report = json.loads((run / "deadline.json").read_text())
    assert report["not_looked_at"] == 0
    assert list(report["without_scores"]) == ["broken.mp4"]

    # Without them, the folder is as if they had never been there.
    cli("run", clips.train, "--out", run, *small_run)
    assert contents(run, "faces/*") == faces_before
    assert contents(run, *trainings) == before


def test_faces_may_be_found_first(clips: DemoSet, code: Path, cli: Cli, tmp_path: Path) -> None:
    run = tmp_path / "run"
    some = ["--frames", "2", "--crop", "64", "--folds", "2", "--jobs", "1", "--no-ladder"]
    cli("faces", clips.train, "--out", run, *some)
    wanted = ["--folds", "2", "--meta", "mean", "--detectors", f"{code}:Aligned,{code}:Plain"]
    said = " ".join(cli("train", run, *wanted, code=2).output.split())
    assert "not cut as a detector's card asks" in said
    assert "--detectors" in said
    cli("faces", clips.train, "--out", run, *some, "--detectors", f"{code}:Aligned")
    cli("train", run, *wanted)
    assert {"base/Aligned", "base/Plain"} <= set(pd.read_csv(run / "oof.csv"))


def test_whole_stills_from_labels_to_new_ones(code: Path, cli: Cli, tmp_path: Path) -> None:
    """Twenty flat pictures; the lighter ones are fakes. There is no face in any."""
    for i in range(20):
        folder = tmp_path / "stills" / ("fake" if i % 2 else "real")
        folder.mkdir(parents=True, exist_ok=True)
        level = 150 + 3 * i if i % 2 else 100 - 3 * i
        cv2.imwrite(str(folder / f"{i}.png"), np.full((60, 90, 3), level, np.uint8))
    new = tmp_path / "new"
    new.mkdir()
    for name, level in (("light", 220), ("dark", 40)):
        cv2.imwrite(str(new / f"{name}.png"), np.full((50, 80, 3), level, np.uint8))
    run, whole = tmp_path / "run", f"{code}:Whole"
    options = ["--detectors", whole, "--folds", "2", "--meta", "logistic", "--jobs", "1"]
    options += ["--no-ladder", "--calibration", "none"]
    cli("run", tmp_path / "stills", "--layout", "stills", "--out", run, *options, "--test", new)
    videos = pd.read_parquet(run / "videos.parquet")
    assert len(videos) == 20
    assert (videos["status"] == "no_face").all()
    assert (
        json.loads((run / "metrics.json").read_text())["stages"]["base/Whole"]["auc"]["value"] == 1
    )
    with_run = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    assert with_run["light.png"] > 0.5 > with_run["dark.png"]
    # Those of a run on stills are stills, without being told.
    shutil.rmtree(run / "test")
    cli("predict", run, new, "--code", whole, "--jobs", "1")
    later = pd.read_csv(run / "submission.csv").set_index("filename")["label"]
    pd.testing.assert_series_equal(later, with_run)
    # Taken for faces that came cut, they are seen as they are, which is said.
    said = cli("predict", run, new, "--layout", "face_crops", "--code", whole, "--jobs", "1")
    assert "The faces came cut, so Whole see" in " ".join(said.output.split())
