"""Weights of a run of fakeodds brought as a frozen detector: their record says all."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from base_models.frozen.card import Crop, Outputs, Pixels  # noqa: E402
from base_models.frozen.kinds import inspect, load, spec_of  # noqa: E402
from base_models.frozen.seen import seen_of  # noqa: E402
from base_models.scoring.fold_models import FoldPlace, find_models  # noqa: E402
from base_models.training.out_of_fold import fit_out_of_fold  # noqa: E402
from base_models.training.settings import TrainSettings  # noqa: E402
from predictions.errors import InputError  # noqa: E402
from predictions.products import read_record, write_sealed  # noqa: E402

from .seeded import pictures  # noqa: E402

SMALL = TrainSettings(
    detectors=("mobilenetv3_large", "timm:resnet18"),
    weights="scratch",
    size=40,
    epochs=1,
    batch=8,
    frames_per_video=2,
    device="cpu",
    threads=1,
)


@pytest.fixture(scope="module")
def run(faces: Path, make_videos: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("runs") / "mine"
    fit_out_of_fold(make_videos(faces), faces, out, SMALL)
    settings = {
        "dataset": "data/our_videos",
        "layout": "faceforensics",
        "faces": {"margin": 0.3, "align": False, "finder": "mtcnn"},
    }
    write_sealed({"settings": settings}, out / "run.json")
    return out


@pytest.mark.parametrize("name", ["mobilenetv3_large", "timm-resnet18"])
def test_its_card_is_full_and_its_scores_are_the_runs(name: str, run: Path) -> None:
    place = FoldPlace(run, name, 1)
    draft = inspect(place.weights)
    card = draft.card
    assert card.unknown == []
    assert not draft.doubts
    assert card.name == f"{name}-fold-1"
    assert card.layout == "fakeodds"
    assert card.size == 40
    assert card.outputs == Outputs(fake=(0,))
    assert card.pixels == Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert card.crop == Crop(margin=(0.3,) * 4, finder="mtcnn")
    assert card.trained_on == ("faceforensics", "our_videos")
    assert seen_of(card.trained_on, ["ff", "videos"]) == ["faceforensics"]

    images = pictures(40)
    (model,) = (m for m in find_models(run / "models")[name] if m.place.fold == 1)
    place_ = spec_of(card).import_module(spec_of(card).devices).choose_device("cpu", "fp32")
    frozen: Any = load(spec_of(card), place.weights, 40, place_)
    expected = model.load(device="cpu", precision="fp32").logits(images)
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(frozen.logits(images), expected, atol=1e-6)
    other = inspect(FoldPlace(run, name, 0).weights)
    assert other.card.name == f"{name}-fold-0"


def test_away_from_its_run_its_faces_are_not_known(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    shutil.copytree(FoldPlace(run, "mobilenetv3_large", 0).folder, folder)
    card = inspect(folder / "weights.safetensors").card
    assert card.unknown == []
    assert card.crop is None
    assert card.trained_on == ()
    # Without its record it is a network like any other.
    (folder / "fold.json").write_text("{}")
    assert inspect(folder / "weights.safetensors").card.layout == "plain"
    # Turned faces have a template of their own, which no card describes.
    turned = run.with_name("turned")
    shutil.copytree(run, turned)
    write_sealed({"settings": {"faces": {"margin": 0.3, "align": True}}}, turned / "run.json")
    assert inspect(FoldPlace(turned, "mobilenetv3_large", 0).weights).card.crop is None


def test_what_is_no_network_of_timm_stays_with_its_run(run: Path, tmp_path: Path) -> None:
    source = FoldPlace(run, "mobilenetv3_large", 0)
    record = read_record(source.folder / "fold.json")
    assert record is not None
    place = replace(source, run=tmp_path / "run", name="lstm_faces")
    place.folder.mkdir(parents=True)
    shutil.copyfile(source.weights, place.weights)
    place.scores.parent.mkdir(parents=True)
    shutil.copyfile(source.scores, place.scores)
    facts = {k: v for k, v in record.items() if k not in ("key", "files")}
    place.product("made").seal(**{**facts, "detector": "lstm_faces"})
    with pytest.raises(InputError, match=r"weights\.safetensors.*lstm_faces.*predict RUN"):
        inspect(place.weights)
    place.product("made").seal(**{**facts, "detector": "xcaption"})
    with pytest.raises(
        InputError, match=r"weights\.safetensors.*'xcaption'.*did you mean xception"
    ):
        inspect(place.weights)
