"""Score files beside trained detectors, and the stack of face and voice."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("av")

from fakeodds.workflows.imported import gather, read_imported, read_imported_new
from fakeodds.workflows.inputs import ScoreFiles
from predictions.errors import InputError

Cli = Callable[..., Any]
VIDEOS = ["real/a.mp4", "real/b.mp4", "fake/c.mp4", "fake/d.mp4"]


def test_columns_of_all_sorts_become_scores_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide, frames, kaggle = (tmp_path / name for name in ("wide.csv", "frames.csv", "kaggle.csv"))
    ids = ["a.mp4", "b.mp4", "c.mp4", "z.mp4"]
    pd.DataFrame({"video": ids, "p": [0.1, 0.5, 0.9, 0.5], "raw": [-3, 2, 5, 1]}).to_csv(
        wide, index=False
    )
    pd.DataFrame(
        {
            "video": ["fake/d.mp4"] * 3 + ["z.mp4"],
            "frame": [0, 1, 2, 0],
            "model": "audio",
            "logit": [1.0, 2.0, 6.0, 0.0],
        }
    ).to_csv(frames, index=False)
    pd.DataFrame({"filename": ["a.mp4", "d.mp4"], "label": [0.2, 0.7]}).to_csv(kaggle, index=False)
    asked = ScoreFiles(paths=(wide, frames, kaggle), reverse=("raw",))
    found = read_imported(asked, VIDEOS, ["timm-test_resnet"])
    said = capsys.readouterr()
    assert "missing scores among 4 videos: p 1, raw 1, kaggle 2, audio 3" in said.out + said.err
    assert "1 of its videos are not asked for" in said.out + said.err
    assert found.kinds == {
        "p": "probability",
        "raw": "raw",
        "kaggle": "probability",
        "audio": "logit",
    }
    assert found.reverse == ("raw",)
    assert found.scores.index.tolist() == VIDEOS
    np.testing.assert_allclose(found.scores["p"], [-np.log(9), 0, np.log(9), np.nan])
    np.testing.assert_allclose(found.scores["raw"], [3, -2, -5, np.nan])
    assert found.frames is not None
    assert set(found.frames["video"]) == {"fake/d.mp4"}

    # Beside a detector's own frame scores, by the same rules.
    own = pd.DataFrame(
        {"video": VIDEOS[:3], "frame": 0, "face": 0, "model": "own", "logit": np.float32(1)}
    )
    manifest = pd.DataFrame({"video": VIDEOS, "label": [0, 0, 1, 1], "group": VIDEOS})
    scored = gather(manifest, own, ["own"], found)
    assert list(scored.kinds) == ["own", "p", "raw", "kaggle", "audio"]
    assert scored.features.index.tolist() == VIDEOS
    assert scored.features.loc["fake/d.mp4", "audio"] == pytest.approx(3)
    assert scored.features.loc["fake/d.mp4", "audio:median/max"] == pytest.approx(2)
    assert np.isnan(scored.features.loc["fake/d.mp4", "own"])
    assert np.isnan(scored.features.loc["real/a.mp4", "audio"])

    doubled = pd.DataFrame({"video": ["a", "real/a.mp4"], "p": [0.1, 0.2]})
    doubled.to_csv(tmp_path / "doubled.csv", index=False)
    with pytest.raises(InputError, match=r"two ids are of the video 'real/a\.mp4'"):
        read_imported(ScoreFiles(paths=(tmp_path / "doubled.csv",)), VIDEOS)
    with pytest.raises(InputError, match="column 'p': has the name of a detector"):
        read_imported(asked, VIDEOS, ["p"])


def test_new_videos_need_the_same_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.csv"
    pd.DataFrame({"video": ["a.mp4"], "p": [0.9]}).to_csv(path, index=False)
    kinds = {"p": "probability", "q": "raw"}
    found = read_imported_new(ScoreFiles(paths=(path,)), VIDEOS, kinds, ())
    assert list(found.scores) == ["p", "q"]
    assert found.scores.notna().sum().to_dict() == {"p": 1, "q": 0}
    said = capsys.readouterr()
    assert "no scores by q" in said.out + said.err
    nothing = read_imported_new(ScoreFiles(), VIDEOS, kinds, ())
    assert nothing.scores.isna().all(axis=None)
    said = capsys.readouterr()
    assert "no scores by p, q of the new videos were given" in said.out + said.err
    with pytest.raises(InputError, match="has none of the columns r"):
        read_imported_new(ScoreFiles(paths=(path,)), VIDEOS, {"r": "raw"}, ())
    with pytest.raises(InputError, match="fitted without imported scores"):
        read_imported_new(ScoreFiles(paths=(path,)), VIDEOS, {}, ())


@pytest.fixture(scope="module")
def clips(
    tmp_path_factory: pytest.TempPathFactory, write_clip: Callable[..., Path]
) -> tuple[Path, Path]:
    """One face in fourteen clips with sound, three without; and two new clips."""
    from skimage import data

    face = np.asarray(data.astronaut(), np.uint8)[20:260, 60:380]
    rng = np.random.default_rng(0)
    root = tmp_path_factory.mktemp("clips")
    rows = []

    def make(path: Path, fake: bool, heard: bool) -> None:
        shift = int(rng.integers(0, 20))
        images = [np.roll(face, -shift - i, axis=1) for i in range(3)]
        hum = 0.3 * np.sin(2 * np.pi * (1200 if fake else 300) * np.arange(16_000) / 16_000)
        sound = (hum + 0.02 * rng.normal(size=16_000)).astype(np.float32)
        write_clip(path, images, sound if heard else None)

    for i in range(14):
        name = f"part/v{i}.mp4"
        make(root / "train" / name, i % 2 == 1, heard=i % 5 != 4)
        rows.append({"file": name, "label": i % 2, "group": f"g{i}"})
    pd.DataFrame(rows).to_csv(root / "train/labels.csv", index=False)
    make(root / "new/n0.mp4", False, True)
    make(root / "new/n1.mp4", True, False)
    return root / "train", root / "new"


SMALL = (
    *("--size", "48", "--weights", "scratch", "--epochs", "1"),
    *("--detectors", "timm:test_resnet,voice_inception", "--batch", "8", "--device", "cpu"),
    *("--folds", "2", "--meta", "logistic", "--calibration", "temperature", "--jobs", "1"),
)
FACES = ("--frames", "2", "--crop", "64", "--min-face", "0.25", "--no-ladder")


def test_face_voice_and_a_score_file_in_one_stack(
    clips: tuple[Path, Path], tmp_path: Path, cli: Cli
) -> None:
    train, new = clips
    run, scores, later = tmp_path / "run", tmp_path / "scores.csv", tmp_path / "later.csv"
    labels = pd.read_csv(train / "labels.csv")
    noise = np.random.default_rng(0).normal(0, 0.5, len(labels))
    theirs = 1 / (1 + np.exp(-(2.0 * labels["label"] - 1 + noise)))
    names = labels["file"].str.removeprefix("part/")
    pd.DataFrame({"filename": names, "theirs": theirs})[1:].to_csv(scores, index=False)
    pd.DataFrame({"video": ["n0.mp4", "n1.mp4"], "theirs": [0.1, 0.9]}).to_csv(later, index=False)

    said = cli("run", train, "--out", run, "--test", new, "--scores", scores, *FACES, *SMALL)
    assert "sound of 14 videos: 2 no_sound, 12 ok" in " ".join(said.output.split())
    oof = pd.read_csv(run / "oof.csv").set_index("video")
    stages = ["base/timm-test_resnet", "base/voice_inception", "base/theirs"]
    assert [name for name in oof if name.startswith("base/")] == stages
    sound = pd.read_parquet(run / "sound.parquet").set_index("video")
    mute = sound.index[sound["status"] == "no_sound"]
    assert sorted(mute) == ["part/v4.mp4", "part/v9.mp4"]
    voice = pd.read_parquet(next((run / "scores").glob("model=voice*/fold=0.parquet")))
    assert not set(voice["video"]) & set(mute)
    assert oof["calibrated"].between(0, 1, inclusive="neither").all()
    assert "taken as missing" in " ".join(said.output.split())  # v0 and the new ones

    def answers() -> dict[str, float]:
        table = pd.read_csv(run / "submission.csv")
        assert table["label"].between(0, 1, inclusive="neither").all()
        return dict(zip(table["filename"], table["label"], strict=True))

    without = answers()
    assert set(without) == {"n0.mp4", "n1.mp4"}
    cli("predict", run, new, "--scores", later, "--jobs", "1")
    with_theirs = answers()
    assert with_theirs["n1.mp4"] > with_theirs["n0.mp4"]
    assert with_theirs != without
    cli("apply", run, new, later, "--out", tmp_path / "applied.csv", "--jobs", "1")
    assert (tmp_path / "applied.csv").read_bytes() == (run / "submission.csv").read_bytes()

    # One video by itself: what the run learned from, what was predicted, and the clip anew.
    def explained(*asked: object) -> tuple[dict[str, Any], float | None]:
        told = json.loads(cli("explain", run, *asked, "--json", "-q").output)
        (own,) = (one["own"] for one in told["detectors"] if one["name"] == "theirs")
        return told, own

    stacked = pd.read_csv(scores).set_index("filename")["theirs"]
    told, own = explained("part/v2.mp4")
    assert own == pytest.approx(stacked["v2.mp4"])
    assert told["out_of_fold"] == pytest.approx(oof.loc["part/v2.mp4", "calibrated"])
    assert explained("part/v0.mp4")[1] is None  # which that file has not
    told, own = explained("n1.mp4")
    assert own == pytest.approx(0.9)
    assert told["probability"] == pytest.approx(with_theirs["n1.mp4"])
    told, own = explained(new / "n1.mp4", later)
    assert own == pytest.approx(0.9)
    assert told["probability"] == pytest.approx(with_theirs["n1.mp4"], abs=0.02)
    assert explained(new / "n1.mp4")[1] is None
    said = " ".join(cli("explain", run, new / "n1.mp4").output.split())
    assert "theirs: no scores of this video are known" in said
    said = cli("explain", run, "n1.mp4", later, "--reverse", "nosuch", code=2).output
    assert "there is no model 'nosuch'" in said
    said = cli("predict", run, new, "--scores", later, "--reverse", "nosuch", code=2).output
    assert "there is no model 'nosuch'" in said

    # What is said of the columns is of the files that follow the folder.
    turned = tmp_path / "turned.csv"
    theirs = {"clip": ["n0.mp4", "n1.mp4"], "old": [0.1, 0.9], "theirs": [0.9, 0.1]}
    pd.DataFrame({"video": ["p", "q"], **theirs}).to_csv(turned, index=False)
    columns = ("--id", "clip", "--drop", "old", "--reverse", "theirs")
    cli("apply", run, new, turned, *columns, "--out", tmp_path / "turned_out.csv", "--jobs", "1")
    applied = pd.read_csv(tmp_path / "turned_out.csv").set_index("filename")["label"]
    assert applied.to_dict() == pytest.approx(with_theirs)

    said = cli("train", run, "--scores", scores, *SMALL)
    assert "\ntheirs " in said.output
    # What does not meet ends in one sentence.
    pd.DataFrame({"video": ["x.mp4"], "theirs": [0.5]}).to_csv(later, index=False)
    said = cli("predict", run, new, "--scores", later, "--jobs", "1", code=2)
    assert "none of its 1 id ('x.mp4') is one of the 2 videos" in " ".join(said.output.split())
    said = cli("run", train, "--out", run, "--test-scores", later, *FACES, *SMALL, code=2)
    assert "--test-scores" in said.output


def test_a_frozen_detector_listens(
    clips: tuple[Path, Path], tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    from base_models.frozen.state_dict import aasist

    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    torch.save(aasist.build("AASIST-L", 2)[0].state_dict(), tmp_path / "ears.pth")
    said = cli("models", "add", tmp_path / "ears.pth", "--size", 8000).output
    assert "8000 samples, at 16000 a second" in said
    (train, new), run = clips, tmp_path / "run"
    ears = ("timm:test_resnet,ears" if "voice" in word else word for word in SMALL)
    asked = (*FACES, *ears)
    said = " ".join(cli("run", train, "--out", run, "--test", new, *asked).output.split())
    assert "Training 1 detector on 2 folds, scoring with 1 detector trained elsewhere" in said
    assert "ears: too few labelled videos to see whether it stands right side up" in said
    scores = pd.read_parquet(run / "scores/frozen/model=ears.parquet")
    # A second of sound in two windows; nothing of what is mute.
    assert scores["frame"].value_counts().to_dict() == {0: 12, 1: 12}
    assert not set(scores["video"].astype(str)) & {"part/v4.mp4", "part/v9.mp4"}
    assert np.ptp(scores["logit"]) > 0
    assert json.loads((run / "metrics.json").read_text())["brought"]["ears"]["licence"] == "MIT"
    assert len(pd.read_csv(run / "submission.csv")) == 2
