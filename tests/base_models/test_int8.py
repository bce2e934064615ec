"""int8 where it changes little: which layers, the same every time, and held to the agreement."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch

pytest.importorskip("torch")
pytest.importorskip("openvino")

import torch

from base_models.backends import agreement, choose, int8
from base_models.backends.exported import Exported
from base_models.backends.openvino_backend import OpenVinoBackend
from base_models.backends.openvino_torch import export_timm
from base_models.compute import devices
from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector
from base_models.detectors.timm_detectors import TimmDetector, load_timm

SIZE, NAME = 64, "timm:test_resnet"
FP32 = Device("cpu", "fp32", 2)


def crops(n: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures, as faces are."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, SIZE // 8, SIZE // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


def made() -> TimmDetector:
    """A small network in float32 whose branches all count; fresh ones begin at nothing."""
    detector = create_detector(NAME, weights="scratch", size=SIZE, seed=1)
    assert isinstance(detector, TimmDetector)
    detector.to(FP32)
    for layer in detector.module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(layer.weight)
    return detector


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_fast_int8", lambda: True)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A file of trained weights, as it lies in a run."""
    path = tmp_path / "weights.safetensors"
    state = made().module.state_dict()
    safetensors.torch.save_file({name: v.contiguous() for name, v in state.items()}, path)
    return path


def opened(
    weights: Path, judged_by: Callable[[], np.ndarray | None] | None
) -> tuple[choose.Chosen, list[int]]:
    """What scores, and how often the reference was loaded for it."""
    spec, loads = find_detector(NAME), [0]

    def load(_: int) -> TimmDetector:
        loads[0] += 1
        return load_timm(spec, weights, SIZE, FP32)

    images = crops(5, seed=9)
    chosen = choose.open_openvino(
        spec, [weights], load, SIZE, lambda: images, FP32, judged_by=judged_by
    )
    return chosen, loads


def test_the_layers_are_those_of_most_work_for_the_least_error() -> None:
    rng = np.random.default_rng(0)
    work = np.array([0.4, 0.3, 0.2, 0.0999, 0.0001])
    moved = rng.normal(0, [[0.001], [0.001], [0.5], [0.002], [0.0]], (5, 200))
    half = np.full(200, 0.5)
    # The third would move too much; the last is too small to gain anything.
    assert int8.choose_layers(work, moved, half).tolist() == [True, True, False, True, False]
    # Where the answer is sure, the same error of the logit moves it less.
    assert int8.choose_layers(work, moved, np.full(200, 0.999))[2]
    # What is left would not be worth the rounding.
    moved[:2] = moved[2]
    assert not int8.choose_layers(work, moved, half).any()


def test_errors_that_are_alike_add_up() -> None:
    work, half = np.full(4, 0.25), np.full(100, 0.5)
    alike = np.full((4, 100), 0.5 * agreement.MEAN)
    assert int8.choose_layers(work, alike, half).sum() == 4
    worse = np.full((4, 100), agreement.MEAN)
    assert int8.choose_layers(work, worse, half).sum() == 2


def test_what_is_foreseen_is_what_comes() -> None:
    detector, images = made(), crops(16)
    before = detector.logits(images)
    foreseen = int8.foresee(detector, images)
    assert foreseen.moved.shape == (len(foreseen.names), 16)
    assert 0.9 < foreseen.work.sum() <= 1
    layers = dict(detector.module.named_modules())
    name, (low, high) = foreseen.names[3], foreseen.ranges[3]
    int8._round_layer(layers[name], low, high)  # type: ignore[arg-type]
    come = (detector.logits(images) - before).astype(np.float64)
    foretold = foreseen.moved[3]
    assert np.abs(come).max() > 0
    assert np.abs(come - foretold).max() < 0.5 * np.abs(come).max()


def test_openvino_computes_what_was_rounded(tmp_path: Path) -> None:
    detector, images = made(), crops(12)
    exact = detector.logits(images)
    share = int8.round_to_int8(detector, images)
    assert share > 0.5
    rounded = detector.logits(images)
    assert np.abs(rounded - exact).max() > 1e-6
    export_timm(detector).save(tmp_path)
    text = (tmp_path / "network.xml").read_text()
    assert 'type="FakeQuantize"' in text
    found = OpenVinoBackend(Exported.load(tmp_path), SIZE, "int8", 1).logits(images)
    np.testing.assert_allclose(found, rounded, atol=0.02)


def test_the_same_crops_make_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    exports = []
    for threads in (1, 2):
        detector = made().to(Device("cpu", "fp32", threads))
        int8.round_to_int8(detector, crops(9))
        export_timm(detector).save(tmp_path / str(threads))
        exports.append(
            [(tmp_path / str(threads) / f"network.{end}").read_bytes() for end in ("xml", "bin")]
        )
    assert exports[0] == exports[1]


def test_it_is_made_once_and_again_for_other_crops_or_damage(weights: Path) -> None:
    chosen, loads = opened(weights, lambda: crops(12))
    assert chosen.name == "openvino int8"
    assert loads[0] == 2  # to be rounded, and to be compared with
    assert not (weights.parent / "openvino" / "network.xml").exists()
    first = chosen.backends[0].logits(crops(6))
    again, loads = opened(weights, lambda: crops(12))
    assert loads[0] == 0
    np.testing.assert_array_equal(again.backends[0].logits(crops(6)), first)
    packed, loads = opened(weights, lambda: None)  # as in a bundle, which has no crops
    assert (packed.name, loads[0]) == ("openvino int8", 0)
    np.testing.assert_array_equal(packed.backends[0].logits(crops(6)), first)
    _, loads = opened(weights, lambda: crops(12, seed=5))
    assert loads[0] == 2
    _, loads = opened(weights, lambda: crops(12))
    assert loads[0] == 2
    (weights.parent / "openvino" / "int8" / "network.bin").unlink()
    mended, loads = opened(weights, lambda: crops(12))
    assert loads[0] == 2
    np.testing.assert_array_equal(mended.backends[0].logits(crops(6)), first)


def test_one_that_disagrees_gives_way_to_float32(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = int8.round_to_int8

    def careless(detector: TimmDetector, images: np.ndarray) -> float:
        with torch.no_grad():
            detector.module.get_classifier().bias.fill_(1.0)  # type: ignore[operator, union-attr]
        return honest(detector, images)

    monkeypatch.setattr(int8, "round_to_int8", careless)
    for loads_expected in (3, 0):  # what was refused is not asked again
        chosen, loads = opened(weights, lambda: crops(12))
        assert chosen.name == "openvino fp32"
        assert [note.facts["precision"] for note in chosen.notes] == ["int8", "fp32"]
        assert loads[0] == loads_expected


def test_where_too_little_could_be_rounded_it_is_float32(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "_SPENT", 0.0)
    for loads_expected in (2, 0):
        chosen, loads = opened(weights, lambda: crops(12))
        assert chosen.name == "openvino fp32"
        assert [note.facts["precision"] for note in chosen.notes] == ["fp32"]
        assert loads[0] == loads_expected
    assert not (weights.parent / "openvino" / "int8" / "network.xml").exists()


def test_who_gets_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(weights, None)[0].name == "openvino fp32"
    assert opened(weights, lambda: None)[0].name == "openvino fp32"
    monkeypatch.setattr(devices, "has_fast_int8", lambda: False)
    assert opened(weights, lambda: crops(12))[0].name == "openvino fp32"
