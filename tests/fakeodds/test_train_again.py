"""`fakeodds train` on a run that was trained before: what stays, what joins, what is answered."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

pytest.importorskip("torch")

from base_models.training.settings import TrainSettings
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.again import Said, settings_again
from fakeodds.workflows.answers import BEFORE
from predictions.errors import InputError
from predictions.settings import as_json

Cli = Callable[..., Any]
OWN = ["timm-test_resnet", "timm-test_efficientnet"]
PLAIN = ("--backend", "reference", "--jobs", "1")


def settings_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())["settings"]
    return found


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the small run, whose two detectors stay as they are."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def new_videos(clips: Any, folder: Path, n: int) -> Path:
    """A folder with so many videos to predict."""
    folder.mkdir()
    for video in sorted(clips.test.glob("*.mp4"))[1 : 1 + n]:
        shutil.copy(video, folder)
    return folder


def test_a_named_detector_joins_and_new_videos_are_answered_for_again(
    clips: Any, run: Path, tmp_path: Path, cli: Cli
) -> None:
    new = new_videos(clips, tmp_path / "new", 2)
    cli("predict", run, new, "--prior", ".3", *PLAIN)
    before, answers = settings_of(run), (run / "submission.csv").read_bytes()

    # Nothing said: nothing is trained anew, nothing is answered otherwise.
    said = cli("train", run, "--jobs", 1).output
    assert "4 of 4 trainings were finished before" in said
    assert "--epochs 1" in said
    assert settings_of(run)["train"] == before["train"]
    assert (run / "submission.csv").read_bytes() == answers

    said = cli("train", run, "--jobs", 1, "--detectors", "timm:test_byobnet").output
    assert "timm-test_byobnet joined" in said.replace("\n", "")
    assert "4 of 6 trainings were finished before" in said
    after = settings_of(run)
    assert after["train"] == {**before["train"], "detectors": [*OWN, "timm-test_byobnet"]}
    assert after["predict"] == before["predict"]
    submission = pd.read_csv(run / "submission.csv")
    assert set(submission["filename"]) == {path.name for path in new.iterdir()}
    assert (run / "submission.csv").read_bytes() != answers

    # The videos are gone, so their answers are kept, and no others take their place.
    answers = (run / "submission.csv").read_bytes()
    shutil.move(new, tmp_path / "elsewhere")
    alone = ("train", run, "--jobs", 1, "--detectors", "timm:test_byobnet", "--replace")
    said = cli(*alone).output.replace("\n", "")
    assert f"fakeodds predict {run} VIDEOS" in said
    assert f"{', '.join(OWN)}: no longer of the run" in said
    assert settings_of(run)["train"]["detectors"] == ["timm-test_byobnet"]
    assert (run / BEFORE).read_bytes() == answers
    assert not (run / "submission.csv").exists()
    # Killed after that and called again, it still knows.
    assert BEFORE in cli(*alone).output


def recorded(path: Path, **settings: Any) -> RunFolder:
    """A run of which nothing is there but what it was asked for."""
    run = RunFolder.open(path)
    run.settings(**settings)
    return run


def again(run: RunFolder, *, replaces: bool = False, **said: Any) -> Any:
    kinds = {kind: said.pop(kind, {}) for kind in ("stacking", "scores")}
    return settings_again(run, Said(training=said, **kinds), replaces=replaces)


@pytest.fixture
def asked(tmp_path: Path) -> RunFolder:
    train = TrainSettings(detectors=("meso4",), weights=tmp_path, epochs=3, device="cpu")
    stack = {"meta": "mean", "folds": 3, "clip": [0.1, 0.9]}
    return recorded(tmp_path / "run", train=as_json(train), stack=stack)


def test_what_is_not_said_is_the_runs_but_the_machine(asked: RunFolder, tmp_path: Path) -> None:
    train, stack, scores = again(asked, batch=8, stacking={"folds": 4, "jobs": 2})
    assert (train.detectors, train.epochs, train.batch) == (("meso4",), 3, 8)
    assert (train.weights, train.device) == (tmp_path, "auto")
    assert (stack.meta, stack.folds, stack.clip, stack.jobs) == ("mean", 4, (0.1, 0.9), 2)
    assert scores.paths == ()


def test_detectors_of_the_run_start_where_they_did(asked: RunFolder, tmp_path: Path) -> None:
    train, _, _ = again(asked, detectors=("xception",), weights="scratch")
    assert train.detectors == ("meso4", "xception")
    assert train.start_of("meso4") == tmp_path
    assert train.start_of("xception") == "scratch"
    asked.settings(train=as_json(train))
    # Said of all of them, or of this one, it is of them.
    for said in ({}, {"detectors": ("meso4",)}):
        train, _, _ = again(asked, weights="scratch", **said)
        assert train.start_of("meso4") == "scratch"


def test_only_a_named_one_replaces(asked: RunFolder) -> None:
    train, _, _ = again(asked, detectors=("xception",), replaces=True)
    assert train.detectors == ("xception",)
    with pytest.raises(InputError, match="--replace: no detector is named"):
        again(asked, replaces=True)


def test_what_faces_was_told_of_is_trained(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run", wanted=("meso4",), stack={"folds": 3, "seed": 7})
    train, stack, _ = again(run)
    assert (train.detectors, train.seed, stack.folds) == (("meso4",), 7, 3)
    assert again(run, detectors=("xception",))[0].detectors == ("xception",)


def test_score_files_of_others_stay_and_are_joined(asked: RunFolder, tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    for path in (one, other):
        path.write_text("video,m\na,.5\n")
    files = {"paths": [str(one)], "reverse": ["theirs"]}
    asked.settings(score_files=files, imported={"theirs": "logit"})
    assert again(asked)[2].paths == (one,)
    scores = again(asked, scores={"paths": (other,), "kind": {"new": "raw"}})[2]
    assert scores.paths == (one, other)
    assert scores.kind == {"theirs": "logit", "new": "raw"}
    assert scores.reverse == ("theirs",)
    with pytest.raises(InputError, match="say COLUMN=KIND for each"):
        again(asked, scores={"paths": (other,), "kind": "raw"})
    one.unlink()
    with pytest.raises(InputError, match=r"one\.csv: is not there any more"):
        again(asked)
    assert again(asked, detectors=("xception",), replaces=True)[2].paths == ()


def imported_scores(run: Path, path: Path, name: str) -> Path:
    """Scores that another detector gave the labelled videos of a run."""
    oof = pd.read_csv(run / "oof.csv")
    scores = pd.DataFrame({"video": oof["video"], name: 0.2 + 0.6 * oof["label"]})
    scores.to_csv(path, index=False)
    return path


def test_imported_scores_stay_when_a_detector_joins(
    clips: Any, run: Path, tmp_path: Path, cli: Cli
) -> None:
    new = new_videos(clips, tmp_path / "new", 2)
    cli("predict", run, new, *PLAIN)
    answers = (run / "submission.csv").read_bytes()
    theirs = imported_scores(run, tmp_path / "theirs.csv", "theirs")
    fast = ("--jobs", 1, "--meta", "mean_logit", "--no-report")

    # Nothing is known of the new videos' scores: what was answered stays, as what it is.
    said = cli("train", run, *fast, "--scores", theirs).output.replace("\n", " ")
    assert "--test-scores" in said
    assert (run / BEFORE).read_bytes() == answers
    assert not (run / "submission.csv").exists()
    assert [Path(path).name for path in settings_of(run)["score_files"]["paths"]] == ["theirs.csv"]

    videos = sorted(path.name for path in new.iterdir())
    pd.DataFrame({"video": videos, "theirs": [0.3, 0.7]}).to_csv(tmp_path / "n.csv", index=False)
    cli("predict", run, new, "--scores", tmp_path / "n.csv", *PLAIN)
    said = cli("train", run, *fast, "--detectors", "timm:test_byobnet").output
    assert "\ntheirs " in said
    stack = json.loads((run / "stack" / "stack.json").read_text())
    assert set(stack["about"]["kinds"]) == {*OWN, "timm-test_byobnet", "theirs"}
    assert set(pd.read_csv(run / "submission.csv")["filename"]) == set(videos)

    # Without them again: the files of new scores are of no use, and are not asked for.
    own = ",".join(name.replace("-", ":") for name in OWN)
    said = cli("train", run, *fast, "--detectors", own, "--replace").output
    assert "theirs.csv: no longer of the run" in said.replace("\n", " ")
    assert set(pd.read_csv(run / "submission.csv")["filename"]) == set(videos)


def test_new_scores_may_be_named_where_the_stack_is_made(
    clips: Any, run: Path, tmp_path: Path, cli: Cli
) -> None:
    new = new_videos(clips, tmp_path / "new", 1)
    (video,) = new.iterdir()
    cli("predict", run, new, *PLAIN)
    theirs = imported_scores(run, tmp_path / "theirs.csv", "theirs")
    scores = tmp_path / "n.csv"
    pd.DataFrame({"video": [video.name], "theirs": [0.3]}).to_csv(scores, index=False)
    asked = ("train", run, "--jobs", 1, "--meta", "mean_logit", "--no-report", "--scores", theirs)
    found = json.loads(cli(*asked, "--test-scores", scores, "--json", "-q").output)
    assert found["alerts_on_new"] == []
    assert pd.read_csv(run / "submission.csv")["filename"].tolist() == [video.name]


def test_answers_for_other_videos_are_kept_and_said(
    clips: Any, run: Path, tmp_path: Path, cli: Cli
) -> None:
    first, second = (new_videos(clips, tmp_path / f"new{n}", n) for n in (2, 1))
    cli("predict", run, first, *PLAIN)
    answers = (run / "submission.csv").read_bytes()
    said = cli("predict", run, second, *PLAIN).output
    assert f"submission.csv was of {first}, and is kept as {BEFORE}." in said.replace("\n", " ")
    assert (run / BEFORE).read_bytes() == answers
    assert BEFORE not in cli("predict", run, second, *PLAIN).output
    assert (run / BEFORE).read_bytes() == answers
