"""OpenVINO in place of a network's own framework: the same numbers, made once, refused when not."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import safetensors.torch

pytest.importorskip("torch")
pytest.importorskip("openvino")

from base_models.backends import agreement, choose, openvino_backend
from base_models.backends.agreement import Agreement, measure_agreement
from base_models.backends.choose import REFUSED, faster_backend, open_compiled, open_openvino
from base_models.backends.exported import Exported
from base_models.backends.openvino_backend import OpenVinoBackend
from base_models.backends.openvino_runtime import openvino
from base_models.backends.workspaces import Workspaces
from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector
from base_models.detectors.registry import Backend, Detector, DetectorSpec
from predictions.errors import InputError

SIZE = 32
FP32 = Device("cpu", "fp32", 2)
BF16 = Device("cpu", "bf16", 2)


def crops(n: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Smooth pictures, as faces are; white noise is none."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, size // 8, size // 8, 3), dtype=np.uint8)
    return coarse.repeat(8, axis=1).repeat(8, axis=2)


class Trained:
    """A torch detector whose weights lie in a file, as after training."""

    def __init__(self, folder: Path, name: str, seed: int = 1) -> None:
        self.spec: DetectorSpec = find_detector(name)
        self.weights = folder / "weights.safetensors"
        self.loads = 0
        made = create_detector(name, weights="scratch", size=SIZE, seed=seed)
        state = made.module.state_dict()
        safetensors.torch.save_file({k: v.contiguous() for k, v in state.items()}, self.weights)

    def load(self, number: int) -> Detector:
        self.loads += 1
        module = self.spec.import_module("base_models.detectors.timm_detectors")
        return module.load_timm(self.spec, self.weights, SIZE, FP32)

    def open(self, images: np.ndarray, place: Device) -> choose.Chosen:
        return open_openvino(self.spec, [self.weights], self.load, SIZE, lambda: images, place)


@pytest.mark.parametrize(
    "name", ["mobilenetv3_large", "densenet121", "resnet50", "xception", "efficientnet_b4"]
)
def test_it_says_what_torch_says(tmp_path: Path, name: str) -> None:
    trained = Trained(tmp_path, name)
    images = crops(11)
    plain = trained.load(0)
    wanted = plain.logits(images)
    exact = trained.open(images, FP32)
    assert exact.name == "openvino fp32"
    np.testing.assert_allclose(exact.backends[0].logits(images), wanted, atol=1e-3)
    # Any number of crops, in any cut, in order.
    parts = [exact.backends[0].logits(images[i : i + 3]) for i in range(0, 11, 3)]
    np.testing.assert_allclose(np.concatenate(parts), wanted, atol=1e-3)
    assert exact.backends[0].logits(images[:0]).shape == (0,)
    half = trained.open(images, BF16)
    assert half.name.startswith("openvino")
    assert measure_agreement(half.backends[0], plain, images).holds


def test_it_says_what_keras_says(tmp_path: Path) -> None:
    pytest.importorskip("base_models.detectors.keras_runtime")
    from base_models.backends.openvino_keras import export_keras

    for name in ("keras_mobilenetv3_large", "keras_resnet50"):
        detector = create_detector(name, weights="scratch", size=SIZE, seed=1)
        export_keras(detector).save(tmp_path / name)
        exported = Exported.load(tmp_path / name)
        images = crops(9)
        found = OpenVinoBackend(exported, SIZE, "fp32", 2).logits(images)
        np.testing.assert_allclose(found, detector.logits(images), atol=1e-3)


def test_many_threads_may_ask_at_once(tmp_path: Path) -> None:
    backend = Trained(tmp_path, "timm:test_efficientnet").open(crops(3), FP32).backends[0]
    batches = [crops(n, seed=n) for n in (1, 5, 9, 17, 30, 4)]
    alone = [backend.logits(images) for images in batches]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(backend.logits, batches * 5))
    for found, wanted in zip(together, alone * 5, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_networks_that_gave_their_memory_back_say_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = Trained(tmp_path, "timm:test_efficientnet").open(crops(3), FP32).backends[0]
    batches = [crops(n, seed=n) for n in (1, 9, 30)]
    alone = [backend.logits(images) for images in batches]
    # No two may hold what they compute in; four threads take turns, two networks.
    monkeypatch.setattr(openvino_backend, "WORKSPACES", Workspaces(most=1))
    other = Trained(tmp_path, "timm:test_efficientnet").open(crops(3), FP32).backends[0]
    asked = [(one, images) for images in batches for one in (backend, other) * 3]

    def answer(one: Backend, images: np.ndarray) -> np.ndarray:
        return one.logits(images)

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(answer, *zip(*asked, strict=True)))
    for found, wanted in zip(together, [one for one in alone for _ in range(6)], strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_many_threads_share_what_may_be_held(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "timm:test_resnet")
    trained.open(crops(3), FP32)
    exported = Exported.load(tmp_path / "openvino")
    for threads, size, at_once in ((1, 64, 8), (2, 380, 8), (16, 380, 1), (4, 380, 4)):
        assert OpenVinoBackend(exported, size, "fp32", threads).crops == at_once


def test_it_is_exported_and_compared_once(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "timm:test_resnet")
    images = crops(5)
    first = trained.open(images, FP32).backends[0].logits(images)
    loads = trained.loads
    assert loads > 0
    again = trained.open(images, FP32).backends[0].logits(images)
    assert trained.loads == loads
    np.testing.assert_array_equal(first, again)
    other = Trained(tmp_path, "timm:test_resnet", seed=2)  # the weights were trained anew
    changed = other.open(images, FP32).backends[0].logits(images)
    assert other.loads > 0
    assert np.abs(changed - first).max() > 1e-3


def test_the_same_network_is_the_same_export_whatever_was_exported_before(tmp_path: Path) -> None:
    """OpenVINO names by a count of all that the process has made."""
    exports = []
    for name in ("first", "other", "again"):
        (tmp_path / name).mkdir()
        seed = 2 if name == "other" else 1
        Trained(tmp_path / name, "timm:test_resnet", seed).open(crops(2), FP32)
        folder = tmp_path / name / "openvino"
        exports.append([(folder / f"network.{end}").read_bytes() for end in ("xml", "bin")])
    assert exports[0] == exports[2]
    assert exports[0] != exports[1]


def test_one_that_disagrees_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "LARGEST", -1.0)
    chosen = Trained(tmp_path, "timm:test_resnet").open(crops(5), BF16)
    assert not chosen.backends
    assert [note.facts["precision"] in ("bf16", "fp32") for note in chosen.notes] == [True, True]
    assert REFUSED.among(chosen.notes) == chosen.notes


def test_what_counts_as_agreement() -> None:
    assert Agreement(10, 0.01, 0.001).holds
    assert not Agreement(10, 0.2, 0.001).holds
    assert not Agreement(10, 0.03, 0.02).holds


@pytest.mark.parametrize("file", ["network.bin", "network.xml", "head.safetensors"])
def test_a_damaged_export_is_made_again(tmp_path: Path, file: str) -> None:
    trained = Trained(tmp_path, "timm:test_resnet")
    wanted = trained.open(crops(2), FP32).backends[0].logits(crops(5))
    path = tmp_path / "openvino" / file
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # one bit is enough
    path.write_bytes(content)
    found = trained.open(crops(2), FP32).backends[0].logits(crops(5))
    np.testing.assert_array_equal(found, wanted)


def test_a_record_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    trained = Trained(tmp_path, "timm:test_resnet")
    trained.open(crops(2), FP32)
    record = tmp_path / "openvino" / "export.json"
    record.write_text(record.read_text()[:20])
    assert trained.open(crops(2), FP32).backends


def test_who_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    xception, voice = find_detector("xception"), find_detector("voice_inception")
    assert faster_backend(xception, "auto", "cpu") == "openvino"
    assert faster_backend(xception, "auto", "cuda") is None
    assert faster_backend(xception, "reference", "cpu") is None
    assert faster_backend(xception, "compiled", "cuda") == "compiled"
    assert faster_backend(find_detector("keras_resnet50"), "compiled", "cuda") is None
    # Has no export, and is no slow one.
    assert faster_backend(voice, "openvino", "cpu") is None
    with pytest.raises(InputError, match="not on cuda"):
        faster_backend(xception, "openvino", "cuda")
    with pytest.raises(InputError, match="expected auto"):
        faster_backend(xception, "fastest", "cpu")  # type: ignore[arg-type]
    monkeypatch.setattr(choose, "find_spec", lambda name: None)
    assert faster_backend(xception, "auto", "cpu") is None
    with pytest.raises(InputError, match=r"fakeodds\[fast\]"):
        faster_backend(xception, "openvino", "cpu")


def test_compiled_says_what_torch_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # By what the CPU says of itself: half the time went to trying its vectors with small programs.
    monkeypatch.setattr("torch._inductor.config.cpp.vec_isa_ok", True)
    trained, images = Trained(tmp_path, "timm:test_resnet"), crops(35)

    def open_it() -> choose.Chosen:
        return open_compiled(
            trained.spec,
            lambda: [trained.load(0)],
            lambda: trained.load(0),
            lambda: images[:3],
            FP32,
        )

    chosen = open_it()
    assert chosen.name == "compiled fp32", chosen.notes
    backend = chosen.backends[0]
    # One batch and a piece; nothing; each crop by itself.
    wanted = trained.load(0).logits(images)
    np.testing.assert_allclose(backend.logits(images), wanted, atol=1e-3)
    assert backend.logits(images[:0]).shape == (0,)
    np.testing.assert_allclose(backend.logits(images[5:6]), wanted[5:6], atol=1e-3)
    monkeypatch.setattr(agreement, "LARGEST", -1.0)
    refused = open_it()
    assert not refused.backends
    assert REFUSED.among(refused.notes) == refused.notes


def test_nothing_is_reported_to_the_makers_of_openvino() -> None:
    code = (
        "import sys; import base_models.backends.openvino_runtime; "
        "assert sys.modules['openvino_telemetry'] is None; "
        "from openvino.tools.ovc import telemetry_utils; "
        "assert telemetry_utils.tm.__name__.endswith('telemetry_stub')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_network_that_fails_raises() -> None:
    """Nobody waits for ever for what will not come, the next one neither."""
    from openvino import opset13

    pixels = opset13.parameter([-1, SIZE, SIZE, 3], np.uint8)
    numbers = opset13.convert(pixels, "f32")
    # What holds for four pictures only.
    shape = opset13.constant(np.array([4, SIZE * SIZE * 3]))
    network = openvino.Model([opset13.reshape(numbers, shape, False)], [pixels], "four")
    weight = np.full(SIZE * SIZE * 3, 1e-6)
    backend = OpenVinoBackend(Exported(network, weight, 0.0), SIZE, "fp32", 2)
    assert backend.logits(crops(4)).shape == (4,)
    raised: list[Exception] = []

    def ask(n: int) -> None:
        try:
            backend.logits(crops(n))
        except RuntimeError as error:
            raised.append(error)

    for number, n in enumerate((3, 20, 8, 40), 1):
        asking = Thread(target=ask, args=(n,), daemon=True)
        asking.start()
        asking.join(60)
        assert len(raised) == number
