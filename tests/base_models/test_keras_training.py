"""Training in Keras: the same bytes after a kill, the same steps as torch, one framework alone."""

import gc
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# Not tensorflow itself, which must not be imported before what torch brings (see there).
pytest.importorskip("base_models.detectors.keras_runtime")

from base_models.backends.choose import SCORED
from base_models.detectors import find_detector
from base_models.detectors.keras_runtime import keras, tf
from base_models.scoring.crops import Crops, index_crops
from base_models.scoring.fold_models import find_models, read_fold_scores
from base_models.scoring.frame_scores import read_frame_scores, read_new_scores
from base_models.scoring.offline import score_videos
from base_models.training import keras as keras_training
from base_models.training.epochs import Epochs
from base_models.training.fold import FoldData, train_fold
from base_models.training.out_of_fold import fit_out_of_fold
from base_models.training.settings import TrainSettings
from predictions.errors import InputError


@pytest.fixture(autouse=True)
def _no_keras_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))


@pytest.fixture(scope="module")
def small() -> TrainSettings:
    return TrainSettings(
        detectors=("meso4",),
        weights="scratch",
        size=32,
        epochs=2,
        batch=8,
        lr=1e-3,
        frames_per_video=3,
        device="cpu",
        # TensorFlow takes its threads once a process, and another test may have been the first.
        threads=keras_training.choose_device("cpu", "fp32", 1).threads,
    )


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces)


@pytest.fixture(scope="module")
def run(
    faces: Path,
    videos: pd.DataFrame,
    small: TrainSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    out = tmp_path_factory.mktemp("run")
    report = fit_out_of_fold(videos, faces, out, small)
    assert report.notes == []
    return out


def auc(scores: pd.DataFrame, videos: pd.DataFrame) -> float:
    fake = scores["video"].map(videos.set_index("video")["label"]).astype(bool)
    pairs = np.subtract.outer(scores["logit"][fake].to_numpy(), scores["logit"][~fake].to_numpy())
    return float((pairs > 0).mean())


def test_every_crop_is_scored_by_the_fold_that_did_not_see_it(
    run: Path, faces: Path, videos: pd.DataFrame, small: TrainSettings
) -> None:
    fold_of = videos.set_index("video")["fold"]
    for k in (0, 1):
        file = run / f"scores/model=meso4/fold={k}.parquet"
        assert set(read_frame_scores(file)["video"].map(fold_of)) == {k}
    assert len(read_fold_scores(run)) == 36
    folder = run / "models/model=meso4/fold=0"
    assert sorted(path.name for path in folder.iterdir()) == ["fold.json", "weights.safetensors"]
    record = json.loads((folder / "fold.json").read_text())
    assert record["framework"] == "tensorflow"
    assert (record["device"], record["precision"]) == ("cpu", "fp32")
    assert record["threads"] == small.threads
    assert set(record["versions"]) == {"tensorflow", "keras"}
    assert record["training"]["share_of_fakes"] == 0.5
    # The scores are those of the weights on disk.
    held_out = read_frame_scores(run / "scores/model=meso4/fold=0.parquet")
    detector = find_models(run / "models")["meso4"][0].load(device="cpu")
    index = index_crops([held_out["video"].iloc[0]], faces)
    images = Crops(index, faces, 32, cache_bytes=0).read(np.arange(len(index)))
    np.testing.assert_allclose(detector.logits(images), held_out["logit"][: len(index)], atol=1e-4)


def test_a_killed_run_ends_with_the_same_bytes(
    train_elsewhere: Callable,
    contents: Callable,
    run: Path,
    faces: Path,
    videos: pd.DataFrame,
    small: TrainSettings,
    tmp_path: Path,
) -> None:
    out, stage = tmp_path / "out", "train meso4 fold 0"
    assert train_elsewhere(videos, faces, out, small, stage, 20, ["torch"]) == -9
    assert (out / "models/model=meso4/fold=0/checkpoint").is_file()
    seen: list[tuple[str, int]] = []
    fit_out_of_fold(
        videos, faces, out, small, progress=lambda stage, done, _: seen.append((stage, done))
    )
    # It went on after the first whole epoch (12 crops), not from the start.
    assert next(done for stage, done in seen if stage == "train meso4 fold 0") == 12
    assert contents(out) == contents(run)


def test_finished_folds_are_kept_and_their_scores_made_again(
    contents: Callable, run: Path, faces: Path, videos: pd.DataFrame, small: TrainSettings
) -> None:
    before = contents(run)
    (run / "scores/model=meso4/fold=1.parquet").unlink()
    report = fit_out_of_fold(videos, faces, run, small)
    assert all(fold.skipped for fold in report.folds)
    assert contents(run) == before


def test_it_learns_what_is_plain_to_see(
    small: TrainSettings, tmp_path: Path, make_videos: Callable
) -> None:
    videos = make_videos(tmp_path / "faces", n=20)
    settings = replace(small, size=48, epochs=10, frames_per_video=None, lr=3e-3)
    fit_out_of_fold(videos, tmp_path / "faces", tmp_path, settings)
    assert auc(read_fold_scores(tmp_path), videos) > 0.9


def test_early_stopping_keeps_the_best_epoch_over_a_kill(
    contents: Callable,
    faces: Path,
    videos: pd.DataFrame,
    small: TrainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = np.arange(len(index := index_crops(videos["video"].tolist(), faces)))
    labels = videos["label"].to_numpy(np.float32)[index.video]
    part = index.video % 4
    data = FoldData(
        crops=Crops(index, faces, 32, cache_bytes=1e9),
        labels=labels,
        train=rows[part < 2],
        held_out=rows[part == 2],
        fold=0,
        validation=rows[part == 3],
    )
    settings = replace(small, epochs=4, patience=1, accumulate=2, batch=4, label_smoothing=0.1)
    spec = find_detector("meso4")
    start = keras_training.settle_start(spec, "scratch")
    scripted = iter([0.6, 0.5, 0.7])
    monkeypatch.setattr(Epochs, "validation_loss", lambda *_: next(scripted))

    def train(folder: Path) -> None:
        train_fold(spec, data, folder, settings, start)

    train(tmp_path / "whole")
    fold = "models/model=meso4/fold=0"
    record = json.loads((tmp_path / "whole" / fold / "fold.json").read_text())
    assert record["training"]["validation_losses"] == [0.6, 0.5, 0.7]
    assert record["training"]["best_epoch"] == 2
    assert len(record["losses"]) == 3
    # Broken off in its third epoch, when the best is behind it; then taken up.
    scripted = iter([0.6, 0.5])
    with pytest.raises(StopIteration):
        train(tmp_path / "broken")
    assert (tmp_path / "broken" / fold / "checkpoint").is_file()
    scripted = iter([0.7])
    train(tmp_path / "broken")
    assert contents(tmp_path / "whole") == contents(tmp_path / "broken")


def test_the_steps_are_those_of_torch() -> None:
    torch = pytest.importorskip("torch")
    torch_training = pytest.importorskip("base_models.training.torch")
    rng = np.random.default_rng(0)
    settings = TrainSettings(lr=0.01, weight_decay=0.3)
    module = torch.nn.Linear(3, 2)
    kernel, bias = (keras.Variable(p.detach().numpy()) for p in module.parameters())
    theirs = torch_training._adamw(module, settings)
    ours = keras_training._adamw([kernel, bias], settings)
    for step in range(5):
        gradients = [rng.normal(0, 3, shape).astype(np.float32) for shape in ((2, 3), (2,))]
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        torch.nn.utils.clip_grad_norm_(module.parameters(), torch_training.CLIP_NORM)
        for group in theirs.param_groups:
            group["lr"] = 0.01 / (step + 1)
        theirs.step()
        ours.learning_rate = 0.01 / (step + 1)
        ours.apply_gradients(zip(map(tf.constant, gradients), [kernel, bias], strict=True))
    for variable, parameter in zip((kernel, bias), module.parameters(), strict=True):
        np.testing.assert_allclose(variable.value.numpy(), parameter.detach(), atol=2e-5)


def test_a_loss_that_is_not_a_number_names_where(
    faces: Path,
    videos: pd.DataFrame,
    small: TrainSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        return logits * float("nan")

    monkeypatch.setattr(tf.nn, "sigmoid_cross_entropy_with_logits", broken)
    with pytest.raises(InputError, match=r"meso4 fold 0, epoch 1: .* became nan"):
        fit_out_of_fold(videos, faces, tmp_path, small)


def test_a_fold_gives_its_memory_back(
    faces: Path, videos: pd.DataFrame, small: TrainSettings
) -> None:
    index = index_crops(videos["video"].tolist(), faces)
    rows = np.arange(len(index))
    labels = videos["label"].to_numpy(np.float32)[index.video]
    data = FoldData(Crops(index, faces, 32, cache_bytes=0), labels, rows, rows[:0], 0, [0, 1])
    spec = find_detector("meso4")
    with keras_training.session(small):
        start = keras_training.settle_start(spec, "scratch")
        work = keras_training.begin(spec, data, small, start, "here")
        work._epoch(0, lambda *_: None)
        network = weakref.ref(work.detector.network)
        del work
    gc.collect()
    assert network() is None


def test_torch_alone_imports_no_tensorflow(
    train_elsewhere: Callable,
    faces: Path,
    videos: pd.DataFrame,
    small: TrainSettings,
    tmp_path: Path,
) -> None:
    """The other way round is seen in the run that is killed."""
    pytest.importorskip("timm")
    settings = replace(small, detectors=("timm:test_resnet",), size=64, epochs=1, threads=1)
    out, others = tmp_path / "out", ["tensorflow", "keras"]
    assert train_elsewhere(videos, faces, out, settings, without=others) == 0


def test_a_stack_mixes_frameworks_from_training_to_new_videos(
    small: TrainSettings, tmp_path: Path, make_videos: Callable, make_faces: Callable
) -> None:
    pytest.importorskip("timm")
    from stacking import Stack

    videos = make_videos(tmp_path / "faces", n=20)
    both = ("meso4", "timm-test_resnet")
    named = ("meso4", "timm:test_resnet")
    settings = replace(small, detectors=named, epochs=1, threads=1, precision="fp32")
    fit_out_of_fold(videos, tmp_path / "faces", tmp_path, settings)
    frames = read_fold_scores(tmp_path)
    assert set(frames["model"]) == set(both)
    table = frames.pivot_table(index="video", columns="model", values="logit")
    known = videos.set_index("video").loc[table.index]
    stack = Stack(meta="logistic", calibration="none")
    stack.fit(table.to_numpy(), known["label"].astype(int), groups=known["group"])
    for i in range(3):
        make_faces(tmp_path / "new", f"n{i}.mp4", fake=i == 1)
    names = [f"n{i}.mp4" for i in range(3)]
    out = tmp_path / "scored"
    notes = score_videos(names, tmp_path / "new", tmp_path / "models", out, device="cpu")
    # Both frameworks' networks are scored by OpenVINO, which says what they say.
    assert [note.facts["detector"] for note in SCORED.among(notes)] == sorted(both)
    plain = tmp_path / "plain"
    score_videos(
        names, tmp_path / "new", tmp_path / "models", plain, device="cpu", backend="reference"
    )
    fast, slow = (read_new_scores(folder, both)["logit"].to_numpy() for folder in (out, plain))
    np.testing.assert_allclose(fast, slow, atol=0.1)
    assert sorted(path.name for path in out.glob("*.parquet")) == [
        f"model={n}.parquet" for n in both
    ]
    new = read_new_scores(out, both).pivot_table(index="video", columns="model", values="logit")
    probability = stack.predict_proba(new.to_numpy())[:, 1]
    assert probability.shape == (3,)
    assert ((probability > 0) & (probability < 1)).all()
