import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from base_models.scoring.crops import Crops, index_crops
from base_models.scoring.detector_scores import KEPT
from base_models.scoring.fold_models import find_models, read_fold_scores
from base_models.scoring.frame_scores import read_frame_scores, read_new_scores
from base_models.scoring.offline import score_videos
from base_models.training import torch as torch_training
from base_models.training.epochs import rate
from base_models.training.out_of_fold import fit_out_of_fold
from base_models.training.settings import TrainSettings
from predictions.errors import InputError
from predictions.notes import Note

SMALL = TrainSettings(
    detectors=("timm:test_efficientnet",),
    weights="scratch",
    size=32,
    epochs=3,
    batch=8,
    lr=1e-3,
    frames_per_video=3,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces)


@pytest.fixture(scope="module")
def run(faces: Path, videos: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    report = fit_out_of_fold(videos, faces, out, SMALL)
    assert report.notes == []
    assert report.images_per_second()["timm-test_efficientnet"] > 0
    return out


def test_every_crop_is_scored_once_by_the_fold_that_did_not_see_it(
    run: Path, faces: Path, videos: pd.DataFrame
) -> None:
    files = sorted((run / "scores").rglob("*.parquet"))
    assert [str(f.relative_to(run)) for f in files] == [
        f"scores/model=timm-test_efficientnet/fold={k}.parquet" for k in (0, 1)
    ]
    fold_of = videos.set_index("video")["fold"]
    for k, file in enumerate(files):
        assert set(read_frame_scores(file)["video"].map(fold_of)) == {k}
    scores = read_fold_scores(run)
    assert list(scores.columns) == ["video", "frame", "face", "model", "logit"]
    assert scores["logit"].dtype == np.float32
    assert len(scores) == 36
    assert not scores.duplicated(["video", "frame", "face"]).any()
    assert "part/empty.mp4" not in set(scores["video"])
    # The scores are those of the weights on disk.
    model = find_models(run / "models")["timm-test_efficientnet"][0]
    detector = model.load(device="cpu")
    held_out = read_frame_scores(files[0])
    index = index_crops([held_out["video"].iloc[0]], faces)
    images = Crops(index, faces, 32, cache_bytes=0).read(np.arange(len(index)))
    np.testing.assert_allclose(detector.logits(images), held_out["logit"][: len(index)], atol=0.02)


def test_what_was_decided_is_recorded(run: Path) -> None:
    folder = run / "models" / "model=timm-test_efficientnet" / "fold=1"
    assert sorted(path.name for path in folder.iterdir()) == ["fold.json", "weights.safetensors"]
    record = json.loads((folder / "fold.json").read_text())
    assert record["threads"] == 1
    assert record["start"] == "scratch"
    assert len(record["losses"]) == 3
    assert record["training"] == {
        "videos": 4,
        "fake_videos": 2,
        "crops": 16,
        "crops_per_epoch": 12,
        "share_of_fakes": 0.5,
        "share_shown": 0.5,
        "pos_weight": 1.0,
        "logit_shift": 0.0,
    }


def test_it_learns_what_is_plain_to_see(tmp_path: Path, make_videos: Callable) -> None:
    # MobileNetV3 from scratch is too unsteady on so few crops (AUC .53 to .95 by seed).
    videos = make_videos(tmp_path / "faces", n=20)
    settings = replace(
        SMALL, detectors=("timm:resnet10t",), size=32, epochs=5, frames_per_video=None, lr=1e-3
    )
    fit_out_of_fold(videos, tmp_path / "faces", tmp_path, settings)
    scores = read_fold_scores(tmp_path)
    fake = scores["video"].map(videos.set_index("video")["label"]).astype(bool)
    pairs = np.subtract.outer(scores["logit"][fake].to_numpy(), scores["logit"][~fake].to_numpy())
    assert (pairs > 0).mean() > 0.9  # AUC


@pytest.mark.parametrize(
    ("stage", "done"),
    [("train timm-test_efficientnet fold 0", 20), ("score timm-test_efficientnet fold 1", 1)],
)
def test_a_killed_run_ends_with_the_same_bytes(
    train_elsewhere: Callable,
    contents: Callable,
    run: Path,
    faces: Path,
    videos: pd.DataFrame,
    tmp_path: Path,
    stage: str,
    done: int,
) -> None:
    out = tmp_path / "out"
    assert train_elsewhere(videos, faces, out, SMALL, stage, done) == -9
    fold = stage[-1]
    assert (out / f"models/model=timm-test_efficientnet/fold={fold}/checkpoint").is_file()
    seen: list[tuple[str, int]] = []
    fit_out_of_fold(
        videos, faces, out, SMALL, progress=lambda stage, done, _: seen.append((stage, done))
    )
    first = next((d for s, d in seen if s == f"train timm-test_efficientnet fold {fold}"), None)
    # It went on after the last whole epoch (12 crops each), not from the start.
    assert first == (12 if stage.startswith("train") else None)
    assert contents(out) == contents(run)


def test_finished_folds_are_kept_and_changed_ones_trained_anew(
    contents: Callable, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    settings = replace(SMALL, epochs=1)
    fit_out_of_fold(videos, faces, tmp_path, settings)
    before = contents(tmp_path)
    report = fit_out_of_fold(videos, faces, tmp_path, replace(settings, cache_gb=0.0))
    assert all(fold.skipped for fold in report.folds)
    assert "2 of 2 trainings were finished before" in str(report.notes[0])
    assert contents(tmp_path) == before
    scores = tmp_path / "scores/model=timm-test_efficientnet/fold=0.parquet"
    scores.unlink()
    assert all(fold.skipped for fold in fit_out_of_fold(videos, faces, tmp_path, settings).folds)
    assert contents(tmp_path) == before
    report = fit_out_of_fold(videos, faces, tmp_path, replace(settings, lr=5e-4))
    assert not any(fold.skipped for fold in report.folds)
    assert "trained anew" in str(report.notes[0])
    assert "lr 0.001 -> 0.0005" in str(report.notes[0])
    assert contents(tmp_path).keys() == before.keys()
    # A label mended in fold 0 concerns the models that train on it: fold 1's alone.
    mended = videos.copy()
    mended.loc[0, "label"] = 1
    report = fit_out_of_fold(mended, faces, tmp_path, replace(settings, lr=5e-4))
    assert [fold.skipped for fold in report.folds] == [True, False]
    assert "other training labels" in str(report.notes[0])


def test_workers_and_small_memory_change_nothing(
    contents: Callable, run: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    settings = replace(SMALL, workers=2, cache_gb=0.0)
    fit_out_of_fold(videos, faces, tmp_path, settings, progress=lambda *told: seen.append(told))
    assert seen == [("train", 1, 2), ("train", 2, 2)]
    assert contents(tmp_path) == contents(run)


def test_imbalance_is_weighed_only_when_asked(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    uneven = videos.drop(index=[1, 5])  # fold 0 keeps fakes 0 of 2
    settings = replace(SMALL, epochs=1, imbalance="class_weights")
    with pytest.raises(InputError, match="without fold 1 no FAKE video"):
        fit_out_of_fold(uneven, faces, tmp_path, settings)
    uneven = videos.drop(index=[1])
    report = fit_out_of_fold(uneven, faces, tmp_path, settings)
    assert any("class_weights" in str(note) for note in report.notes)
    path = tmp_path / "models/model=timm-test_efficientnet/fold=1/fold.json"
    about = json.loads(path.read_text())["training"]
    assert about["fake_videos"] == 1
    assert about["share_of_fakes"] == pytest.approx(1 / 3)
    assert about["pos_weight"] == pytest.approx(2)


def test_unlabelled_videos_are_scored_but_not_trained_on(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    some = videos.copy()
    some.loc[[0, 1], "label"] = pd.NA
    fit_out_of_fold(some, faces, tmp_path, replace(SMALL, epochs=1))
    path = tmp_path / "models/model=timm-test_efficientnet/fold=1/fold.json"
    assert json.loads(path.read_text())["training"]["videos"] == 2
    assert set(read_fold_scores(tmp_path)["video"]) >= set(some["video"][:2])


def test_bad_tables_are_refused_before_anything_is_trained(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    def refused(table: pd.DataFrame, match: str, settings: TrainSettings = SMALL) -> None:
        with pytest.raises(InputError, match=match):
            fit_out_of_fold(table, faces, tmp_path, settings)
        assert not list(tmp_path.iterdir())

    split = videos.assign(group=videos["group"].replace({"g0": "g2"}))
    refused(split, "g2")
    refused(videos.drop(columns="group"), "no column 'group'")
    refused(pd.concat([videos, videos[:1]]), "twice")
    refused(videos.assign(fold=videos["fold"].where(videos["video"] != "part/v3.mp4")), "no fold")
    refused(videos.assign(fold=0), "at least 2 folds")
    refused(videos.assign(label=0), "no FAKE video")
    refused(videos.assign(label=videos["label"] + 1), "a label is 1")
    refused(videos.assign(video=videos["video"] + "x"), "no file of faces")
    refused(videos, "no detector is called", replace(SMALL, detectors=("mesonet9",)))
    for change in ({"batch": 1}, {"epochs": 0}, {"lr": 0.0}, {"warmup": 1.0}, {"detectors": ()}):
        with pytest.raises(InputError, match=next(iter(change)).rstrip("s")):
            replace(SMALL, **change)  # type: ignore[arg-type]


def test_a_loss_that_is_not_a_number_names_where(
    faces: Path, videos: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def broken(logits: torch.Tensor, labels: torch.Tensor, **_: object) -> torch.Tensor:
        calls.append(1)
        return logits.sum() * (float("nan") if len(calls) > 3 else 0)

    monkeypatch.setattr(torch_training, "binary_cross_entropy_with_logits", broken)
    with pytest.raises(InputError, match=r"timm-test_efficientnet fold 0, epoch 2: .* became nan"):
        fit_out_of_fold(videos, faces, tmp_path, SMALL)


def test_the_learning_rate_rises_then_falls() -> None:
    rates = [rate(step, 20, 4) for step in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert all(a >= b for a, b in pairwise(rates[3:]))
    assert 0 < rates[-1] < 0.05
    assert rate(0, 1, 0) == 1


def test_new_videos_get_the_mean_of_the_folds(
    run: Path, tmp_path: Path, make_faces: Callable
) -> None:
    new_faces, out = tmp_path / "new_faces", tmp_path / "out"
    names = [f"n{i}.mp4" for i in range(5)]
    for i, name in enumerate(names):
        make_faces(new_faces, name, fake=i % 2 == 1, frames=3 if i != 2 else 0)
    stop = {"armed": True}

    def progress(stage: str, done: int, total: int) -> None:
        work, detector = stage.split()
        assert (detector, total) == ("timm-test_efficientnet", {"open": 2, "score": 5}[work])
        if stop["armed"] and work == "score" and done > 3:
            raise KeyboardInterrupt

    def score(folder: Path, **more: int) -> list[Note]:
        return score_videos(
            names,
            new_faces,
            run / "models",
            folder,
            device="cpu",
            precision="fp32",
            backend="reference",
            progress=progress,
            **more,
        )

    with pytest.raises(KeyboardInterrupt):
        score(out, chunk=2)
    assert list(out.rglob("*.parquet"))  # the first chunks are there
    stop["armed"] = False
    assert score(out, chunk=2) == []
    files = ["model=timm-test_efficientnet.json", "model=timm-test_efficientnet.parquet"]
    assert sorted(path.name for path in out.iterdir()) == files
    assert KEPT.among(score(out, chunk=2))
    table = read_new_scores(out, ["timm-test_efficientnet"])
    assert table["video"].unique().tolist() == ["n0.mp4", "n1.mp4", "n3.mp4", "n4.mp4"]
    index = index_crops(names, new_faces)
    images = Crops(index, new_faces, 32, cache_bytes=0).read(np.arange(len(index)))
    each = [
        model.load(device="cpu", precision="fp32").logits(images)
        for model in find_models(run / "models")["timm-test_efficientnet"]
    ]
    np.testing.assert_allclose(table["logit"], np.mean(each, axis=0), atol=1e-4)


def test_videos_are_scored_while_others_arrive(
    run: Path, tmp_path: Path, make_faces: Callable
) -> None:
    faces, out = tmp_path / "faces", tmp_path / "out"
    names = [f"n{i}.mp4" for i in range(5)]
    written: list[int] = []

    def arrive(order: list[str]) -> Iterator[str]:
        for i, name in enumerate(order):
            written.append(len(list(out.rglob("*.parquet"))))
            make_faces(faces, name, fake=i % 2 == 1, frames=0 if i in (2, 3) else 2)
            yield name

    def score(order: list[str]) -> list[Note]:
        more = {"device": "cpu", "precision": "fp32", "backend": "reference", "chunk": 2}
        return score_videos(names, faces, run / "models", out, arriving=arrive(order), **more)

    assert score(names) == []
    assert written == [0, 0, 1, 1, 2]  # the first two were scored before the third arrived
    table = read_new_scores(out, ["timm-test_efficientnet"])
    assert table["video"].value_counts().to_dict() == {"n0.mp4": 2, "n1.mp4": 2, "n4.mp4": 2}
    with pytest.raises(ValueError, match="another order"):
        score(names[::-1])
    with pytest.raises(ValueError, match=r"extra\.mp4 arrives"):
        score([*names, "extra.mp4"])


def test_unfinished_models_do_not_score(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished training"):
        find_models(tmp_path)
    with pytest.raises(InputError, match="no xception is trained"):
        score_videos([], tmp_path, run / "models", tmp_path, detectors=["xception"])
    with pytest.raises(InputError, match="scored twice"):
        score_videos(["a", "a"], tmp_path, run / "models", tmp_path)
    shutil.copytree(run / "models", tmp_path / "models")
    record = tmp_path / "models/model=timm-test_efficientnet/fold=1/fold.json"
    record.write_text(record.read_text().replace("0.001", "1.0"))
    with pytest.raises(InputError, match=r"fold=1/fold.json: is missing, or not as it was written"):
        find_models(tmp_path / "models")
    record.unlink()
    with pytest.raises(InputError, match=r"fold=1/fold.json: is missing"):
        find_models(tmp_path / "models")
