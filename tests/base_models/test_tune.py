"""Networks tuned in part: their heads on features computed once, or their normalisation layers."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch

from base_models.backends.choose import SCORED
from base_models.compute.devices import Device
from base_models.features.network import start_network
from base_models.features.rows import Features, features_folder
from base_models.scoring.crops import Crops, index_crops
from base_models.scoring.fold_models import find_models, read_fold_scores
from base_models.scoring.frame_scores import read_new_scores
from base_models.scoring.offline import score_videos
from base_models.scoring.opened import TrainedDetector
from base_models.training.fold import SCORED_AGAIN, TRAINED_ANEW
from base_models.training.logistic_head import fit_head
from base_models.training.out_of_fold import HEADS_ALONE, fit_out_of_fold, settle_starts
from base_models.training.settings import TrainSettings
from base_models.training.tune import norm_layers
from predictions.errors import InputError

VIT, NET = "timm-test_vit", "timm-test_resnet"
CPU = Device("cpu", "fp32", 1)
HEAD = TrainSettings(
    detectors=(VIT,),
    weights="scratch",
    size=48,
    batch=8,
    tune="head",
    device="cpu",
    precision="fp32",
    threads=1,
)
NORM = replace(HEAD, tune="norm", epochs=2, lr=1e-2, augment="none")


@pytest.fixture(scope="module")
def videos(faces: Path, make_videos: Callable) -> pd.DataFrame:
    return make_videos(faces, n=16)


@pytest.fixture(scope="module")
def run(faces: Path, videos: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run")
    report = fit_out_of_fold(videos, faces, out, HEAD)
    assert HEADS_ALONE.among(report.notes)
    assert "random weights" in str(report.notes[0])
    return out


def record_of(run: Path, name: str = VIT, fold: int = 0) -> dict:
    return json.loads((run / f"models/model={name}/fold={fold}/fold.json").read_text())


def models_head(run: Path, fold: int) -> np.ndarray:
    weights = run / f"models/model={VIT}/fold={fold}/weights.safetensors"
    return safetensors.torch.load_file(weights)["head.weight"][0].numpy()


def stamps(faces: Path, name: str = VIT) -> dict[Path, int]:
    found = sorted(features_folder(name, faces).rglob("*.parquet"))
    return {path: path.stat().st_mtime_ns for path in found}


# --- heads -----------------------------------------------------------------------------------


def test_a_head_is_logistic_regression_on_the_features(
    run: Path, faces: Path, videos: pd.DataFrame
) -> None:
    names = videos["video"].astype(str).tolist()
    index = index_crops(names, faces)
    rows = np.arange(len(index))
    network = start_network(
        find_models(run / "models")[VIT][0].spec, *settle_starts(HEAD), 48, HEAD
    )
    network = network.to(CPU)
    features = network.features(Crops(index, faces, 48, cache_bytes=0).read(rows))
    kept = Features(index, features_folder(VIT, faces), 48, cache_bytes=0).read(rows)
    np.testing.assert_allclose(kept, features, atol=1e-5)
    of_video = videos.iloc[index.video]
    for fold in (0, 1):
        train = np.flatnonzero(of_video["fold"] != fold)
        fitted = fit_head(
            kept[train],
            of_video["label"].to_numpy(float)[train],
            np.ones(len(train)),
            of_video["group"].to_numpy(object)[train],
        )
        state = safetensors.torch.load_file(
            run / f"models/model={VIT}/fold={fold}/weights.safetensors"
        )
        np.testing.assert_allclose(state["head.weight"].numpy()[0], fitted.weight, rtol=1e-5)
        assert state["head.bias"].item() == pytest.approx(fitted.bias, rel=1e-5)
        assert record_of(run, fold=fold)["training"]["penalty"] == fitted.penalty
        # All else is as it started.
        started = network.module.state_dict()
        assert all(torch.equal(state[n], started[n]) for n in state if not n.startswith("head."))


def test_out_of_fold_scores_are_those_of_the_trained_detector(
    run: Path, faces: Path, videos: pd.DataFrame
) -> None:
    scores = read_fold_scores(run)
    assert len(scores) == 16 * 4 + 4  # v3 has two faces
    assert "part/empty.mp4" not in set(scores["video"])
    fold_of = videos.set_index("video")["fold"]
    for fold, model in enumerate(find_models(run / "models")[VIT]):
        detector = model.load(device="cpu", precision="fp32")
        mine = model.scores()
        assert set(mine["video"].map(fold_of)) == {fold}
        index = index_crops(list(dict.fromkeys(mine["video"])), faces)
        images = Crops(index, faces, 48, cache_bytes=0).read(np.arange(len(index)))
        np.testing.assert_allclose(detector.logits(images), mine["logit"], atol=1e-3)
    # A grid of light lines is plain to see, even for a network that never learned to look.
    fake = scores["video"].map(videos.set_index("video")["label"]) == 1
    assert scores["logit"][fake].min() > scores["logit"][~fake].max()


@pytest.mark.parametrize("backend", ["reference", "openvino"])
def test_new_videos_are_scored_as_by_any_detector(
    run: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path, backend: str
) -> None:
    if backend == "openvino":
        pytest.importorskip("openvino")
    run = Path(shutil.copytree(run, tmp_path / "run"))  # an export lies beside its weights
    names = videos["video"].astype(str).tolist()[:4]
    notes = score_videos(
        names,
        faces,
        run / "models",
        tmp_path / "test",
        device="cpu",
        precision="fp32",
        backend=backend,
    )
    found = read_new_scores(tmp_path / "test", [VIT])
    index = index_crops(names, faces)
    images = Crops(index, faces, 48, cache_bytes=0).read(np.arange(len(index)))
    models = [
        model.load(device="cpu", precision="fp32") for model in find_models(run / "models")[VIT]
    ]
    wanted = np.mean([model.logits(images) for model in models], axis=0)
    if backend == "openvino":
        assert SCORED.among(notes) == notes
        assert len(notes) == 1
        # It is opened before the faces are looked at; where there are none, it has scored nothing.
        empty = [name for name in videos["video"].astype(str) if "empty" in name]
        more = {"device": "cpu", "precision": "fp32", "backend": backend}
        assert empty
        assert not score_videos(empty, faces, run / "models", tmp_path / "empty", **more)
    # The folds share all but their heads, so one network computes with the mean of them.
    models = find_models(run / "models")[VIT]
    opened = TrainedDetector(VIT, models[0].spec, models, CPU).open()
    assert len(opened.backends) == 1
    assert (models_head(run, 0) != models_head(run, 1)).any()
    np.testing.assert_allclose(
        opened.backends[0].module.head.weight[0].detach().numpy(),
        (models_head(run, 0) + models_head(run, 1)) / 2,
        rtol=1e-5,
    )
    flipped = bytearray(models[1].weights.read_bytes())
    flipped[-1] ^= 1
    models[1].weights.write_bytes(flipped)
    with pytest.raises(InputError, match=r"fold=1/weights.* not as it was written"):
        TrainedDetector(VIT, models[0].spec, models, CPU).open()
    np.testing.assert_allclose(found["logit"], wanted, atol=1e-4 if backend == "reference" else 0.1)


def test_features_are_made_once_and_only_where_they_are_wanted(
    run: Path, faces: Path, videos: pd.DataFrame, tmp_path: Path, contents: Callable
) -> None:
    before = stamps(faces)
    assert len(before) == 17
    # Epochs are none of a head's; less memory and more workers change no byte.
    other = replace(HEAD, epochs=9, lr=0.1, augment="strong", cache_gb=0.0, workers=2, batch=16)
    fit_out_of_fold(videos, faces, tmp_path / "again", other)
    assert contents(tmp_path / "again") == contents(run)
    # Other weights of the rows, and other folds: another head on the same features.
    more = videos.assign(fold=[i % 4 for i in range(len(videos))])
    fit_out_of_fold(more, faces, tmp_path / "more", replace(HEAD, frames_per_video=1))
    assert record_of(tmp_path / "more")["identity"]["frames_per_video"] == 1
    assert stamps(faces) == before
    # What is trained needs none.
    for path in before:
        path.unlink()
    report = fit_out_of_fold(videos, faces, run, HEAD)
    assert all(fold.skipped for fold in report.folds)
    assert not stamps(faces)
    fit_out_of_fold(videos, faces, tmp_path / "third", HEAD)
    assert contents(tmp_path / "third") == contents(run)


def test_other_faces_sizes_and_starts_are_other_features(
    make_videos: Callable, make_faces: Callable, tmp_path: Path, contents: Callable
) -> None:
    faces, out = tmp_path / "faces", tmp_path / "run"
    videos = make_videos(faces, n=16)
    fit_out_of_fold(videos, faces, out, HEAD)
    before, first = stamps(faces), contents(out)
    make_faces(faces, "part/v2.mp4", False, frames=5)
    fit_out_of_fold(videos, faces, out, HEAD)
    after = stamps(faces)
    changed = {path.stem for path in after if after[path] != before[path]}
    assert changed == {"v2.mp4"}
    second = contents(out)
    assert second != first
    fit_out_of_fold(videos, faces, tmp_path / "fresh", HEAD)
    assert contents(tmp_path / "fresh") == second
    for settings in (
        replace(HEAD, size=64),
        replace(HEAD, seed=1),
        replace(HEAD, precision="bf16"),
    ):
        before = stamps(faces)
        fit_out_of_fold(videos, faces, out, settings)
        assert all(stamps(faces)[path] != stamp for path, stamp in before.items())
    # A video that is no more has none.
    fit_out_of_fold(videos.iloc[1:], faces, out, HEAD)
    assert "v0.mp4" not in {path.stem for path in stamps(faces)}


@pytest.mark.parametrize(
    ("stage", "done"), [(f"embed {VIT}", 5), (f"train {VIT} fold 1", 0), (f"score {VIT} fold 0", 1)]
)
def test_killed_it_goes_on_where_it_was(
    make_videos: Callable,
    train_elsewhere: Callable,
    run: Path,
    tmp_path: Path,
    contents: Callable,
    stage: str,
    done: int,
) -> None:
    faces, out = tmp_path / "faces", tmp_path / "run"
    videos = make_videos(faces, n=16)
    assert train_elsewhere(videos, faces, out, HEAD, stage, done) == -9
    there = stamps(faces)
    assert len(there) == (5 if stage.startswith("embed") else 17)
    fit_out_of_fold(videos, faces, out, HEAD)
    assert {path: stamps(faces)[path] for path in there} == there
    assert contents(out) == contents(run)
    # A crop's features do not depend on those that went through the network with it.
    resumed = contents(features_folder(VIT, faces))
    for path in stamps(faces):
        path.unlink()
    fit_out_of_fold(videos, faces, tmp_path / "again", HEAD)
    assert contents(features_folder(VIT, faces)) == resumed


def test_lost_scores_and_damaged_features_are_made_again(
    make_videos: Callable, run: Path, tmp_path: Path, contents: Callable
) -> None:
    faces, out = tmp_path / "faces", tmp_path / "run"
    videos = make_videos(faces, n=16)
    fit_out_of_fold(videos, faces, out, HEAD)
    scores = out / f"scores/model={VIT}/fold=0.parquet"
    file = next(iter(stamps(faces)))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    for damage in (lambda: None, lambda: file.write_bytes(content)):
        damage()
        scores.unlink()
        report = fit_out_of_fold(videos, faces, out, HEAD)
        assert len(SCORED_AGAIN.among(report.notes)) == 1
        assert contents(out) == contents(run)


def test_groups_count_where_the_penalty_is_chosen(
    faces: Path, videos: pd.DataFrame, run: Path, tmp_path: Path
) -> None:
    pairs = videos.assign(group=[f"g{i // 4}" for i in range(len(videos))])
    pairs["fold"] = [i // 8 % 2 for i in range(len(videos))]
    fit_out_of_fold(pairs, faces, tmp_path, HEAD)
    one_each = pairs.assign(group=[f"g{i}" for i in range(len(videos))])
    report = fit_out_of_fold(one_each, faces, tmp_path, HEAD)
    assert ["training groups" in note.facts["changes"] for note in report.notes[1:3]] == [True] * 2


def test_class_weights_move_the_logits_and_say_so(
    faces: Path, videos: pd.DataFrame, tmp_path: Path
) -> None:
    few = videos.copy()
    few.loc[few["video"].isin(["part/v1.mp4", "part/v5.mp4"]), "label"] = pd.NA
    plain, weighed = (tmp_path / name for name in ("plain", "weighed"))
    fit_out_of_fold(few, faces, plain, HEAD)
    fit_out_of_fold(few, faces, weighed, replace(HEAD, imbalance="class_weights"))
    about = record_of(weighed, fold=1)["training"]
    assert about["fake_videos"] == 2
    assert about["pos_weight"] == pytest.approx(
        (1 - about["share_of_fakes"]) / about["share_of_fakes"]
    )
    assert about["logit_shift"] == pytest.approx(np.log(about["pos_weight"]))
    assert record_of(plain, fold=1)["training"]["pos_weight"] == 1
    moved = read_fold_scores(weighed)["logit"] - read_fold_scores(plain)["logit"]
    assert moved[read_fold_scores(plain)["video"].isin(few["video"][few["fold"] == 1])].mean() > 0


# --- normalisation layers --------------------------------------------------------------------


@pytest.mark.parametrize(("name", "size"), [(VIT, 48), (NET, 64), ("timm-test_vit4", 48)])
def test_only_norms_and_the_head_change(
    faces: Path, videos: pd.DataFrame, tmp_path: Path, name: str, size: int
) -> None:
    settings = replace(NORM, detectors=(name,), size=size)
    fit_out_of_fold(videos, faces, tmp_path / "norm", settings)
    fit_out_of_fold(videos, faces, tmp_path / "none", replace(settings, lr=1e-30))
    tuned, started = (
        safetensors.torch.load_file(
            tmp_path / which / f"models/model={name}/fold=0/weights.safetensors"
        )
        for which in ("norm", "none")
    )
    module = find_models(tmp_path / "norm/models")[name][0].load(device="cpu").module
    layers = [*norm_layers(module), module.get_classifier()]
    ours = {id(value) for layer in layers for value in layer.state_dict(keep_vars=True).values()}
    free = {n for n, value in module.state_dict(keep_vars=True).items() if id(value) in ours}
    changed = {n for n in tuned if not torch.equal(tuned[n], started[n])}
    assert changed
    assert changed <= free
    weights = {n for n in free if n.endswith("weight")}
    assert weights <= changed  # all of them learn
    assert len(weights) > 3
    assert len(free) < len(tuned) - 5
    assert not stamps(faces, name)


def test_norms_are_tuned_with_the_same_bytes_after_a_kill(
    faces: Path, videos: pd.DataFrame, tmp_path: Path, contents: Callable, train_elsewhere: Callable
) -> None:
    fit_out_of_fold(videos, faces, tmp_path / "whole", NORM)
    stage = f"train {VIT} fold 1"
    assert train_elsewhere(videos, faces, tmp_path / "run", NORM, stage, 45) == -9
    assert (tmp_path / f"run/models/model={VIT}/fold=1/checkpoint").is_file()
    fit_out_of_fold(videos, faces, tmp_path / "run", NORM)
    assert contents(tmp_path / "run") == contents(tmp_path / "whole")


def test_another_tuning_is_another_training(
    make_videos: Callable, tmp_path: Path, contents: Callable
) -> None:
    faces, out = tmp_path / "faces", tmp_path / "run"
    videos = make_videos(faces, n=16)
    everything = replace(NORM, tune="all", epochs=1)
    for settings in (HEAD, replace(everything, tune="norm"), everything, HEAD):
        report = fit_out_of_fold(videos, faces, out, settings)
        assert not any(fold.skipped for fold in report.folds)
        assert bool(stamps(faces)) == (settings.tune == "head")
        fit_out_of_fold(videos, faces, tmp_path / settings.tune, settings)
        assert contents(out) == contents(tmp_path / settings.tune)
    changes = [note.facts["changes"] for note in TRAINED_ANEW.among(report.notes)]
    assert ["tune all -> head" in change for change in changes] == [True, True]


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "match"),
    [
        ({"sbi": "add"}, r"--sbi: tune head goes without sbi add: blends are drawn anew"),
        ({"patience": 2}, "without patience 2: it is trained without epochs"),
        ({"label_smoothing": 0.1}, "--label-smoothing.*its labels are 0 and 1"),
        ({"imbalance": "oversample"}, "without imbalance oversample.*class_weights weighs them"),
        ({"tune": "half"}, "expected one of all, norm, head"),
    ],
)
def test_what_a_head_cannot_be_trained_with_is_said(more: dict, match: str) -> None:
    with pytest.raises(InputError, match=match):
        replace(HEAD, **more)


@pytest.mark.parametrize(
    ("name", "tune", "match"),
    [
        ("meso4", "head", "tune head is for networks of timm, and meso4 is none"),
        ("voice_inception", "norm", "tune norm is for networks of timm"),
        ("vgg16", "norm", "vgg16 has no normalisation layers"),
        ("timm-resnetv2_18", "head", "the last layer of timm-resnetv2_18 is not a linear one"),
    ],
)
def test_networks_that_cannot_be_tuned_so_are_said(name: str, tune: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        settle_starts(replace(HEAD, detectors=(name,), tune=tune, size=None))
