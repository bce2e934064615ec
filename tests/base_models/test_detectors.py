import json
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from base_models.compute.devices import Device, choose_device, reproducible
from base_models.detectors import (
    create_detector,
    fetching,
    find_detector,
    list_detectors,
    register,
)
from base_models.detectors.timm_detectors import TimmDetector, build_network
from base_models.detectors.timm_facts import facts_of_timm, spec_of_timm
from base_models.training.settings import TrainSettings
from predictions.errors import InputError

NEW = ["vgg16", "vgg19", "inception_resnet_v2"]
FIVE = ["xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large"]
CPU = Device("cpu", "fp32", 2)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def test_listing_imports_no_framework() -> None:
    code = (
        "import sys, json; from base_models.detectors import list_detectors; "
        "print(json.dumps([[s.name for s in list_detectors()], "
        "sorted({'torch', 'timm', 'tensorflow', 'cv2'} & set(sys.modules))]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, imported = json.loads(done.stdout)
    assert names[:8] == [*FIVE, *NEW]
    assert imported == []


@pytest.mark.parametrize("name", [*FIVE, *NEW])
def test_every_detector_is_what_its_spec_says(name: str) -> None:
    spec = find_detector(name)
    with torch.device("meta"):
        module = timm.create_model(spec.architecture, pretrained=False, num_classes=1)
    assert sum(p.numel() for p in module.parameters()) == spec.parameters
    config = timm.models.get_pretrained_cfg(spec.architecture)
    assert (spec.mean, spec.std) == (config.mean, config.std)
    assert spec.size == config.input_size[-1]
    assert spec.published is not None
    assert spec.published.location in (config.url, config.hf_hub_id)
    assert spec.published.about.lower().endswith(str(config.license))


@pytest.mark.parametrize("name", [*FIVE, "vgg16", "timm:resnet10t"])
def test_every_detector_runs(name: str, images: np.ndarray) -> None:
    detector = create_detector(name, weights="scratch", size=64, seed=1)
    assert isinstance(detector, TimmDetector)
    logits = detector.to(CPU).logits(images)
    assert logits.dtype == np.float32
    assert logits.shape == (3,)
    assert np.isfinite(logits).all()
    assert detector.logits(images[:0]).shape == (0,)
    # A crop's logit does not depend on its company.
    np.testing.assert_allclose(detector.logits(images[1:2]), logits[1:2], rtol=1e-4, atol=1e-5)


def test_inception_resnet_runs_at_its_smallest_size() -> None:
    detector = create_detector("inception_resnet_v2", weights="scratch", size=75)
    images = np.random.default_rng(0).integers(0, 256, (2, 75, 75, 3), dtype=np.uint8)
    assert np.isfinite(detector.logits(images)).all()


@pytest.mark.parametrize("name", ["resnet18.a1_in1k", "vit_tiny_patch16_224", "test_resnet"])
def test_a_run_keeps_what_timm_says_of_its_network(name: str) -> None:
    spec = find_detector(f"timm:{name}")
    kept = json.loads(json.dumps(facts_of_timm(spec)))
    assert spec_of_timm(spec.name, kept) == spec


def test_any_network_of_timm_is_a_detector() -> None:
    spec = find_detector("timm:resnet18.a1_in1k")
    assert spec is find_detector("timm-resnet18.a1_in1k")
    assert spec.name == "timm-resnet18.a1_in1k"  # a safe name for files and folders
    assert (spec.size, spec.parameters) == (224, 11_177_025)
    assert str(spec.published) == "timm/resnet18.a1_in1k/model.safetensors"
    assert spec.mean == find_detector("resnet50").mean
    assert TrainSettings(detectors=("timm:resnet18",)).detectors == ("timm-resnet18",)
    with pytest.raises(InputError, match="named twice"):
        TrainSettings(detectors=("timm:resnet18", "timm-resnet18")).check()


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("timm:resnt18", "did you mean resnet18"),
        ("timm:resnet18.mine", "there are resnet18.a1_in1k"),
        ("timm:../resnet18", "no network called"),
        ("timm:hf-hub:timm/resnet18", "no network called"),
        ("timm:", "no network called"),
        ("timm:crossvit_tiny_240", "several heads"),
    ],
)
def test_what_timm_does_not_have_is_told(name: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        find_detector(name)


def test_a_network_of_one_size_takes_no_other() -> None:
    assert find_detector("timm:mixer_s16_224").fixed_size
    with pytest.raises(InputError, match="crops of 224 pixels alone"):
        create_detector("timm:mixer_s16_224", weights="scratch", size=64)


def test_pixels_are_normalised_as_the_spec_says(images: np.ndarray) -> None:
    detector = create_detector("mobilenetv3_large", weights="scratch", size=64)
    assert isinstance(detector, TimmDetector)
    got = detector.normalise(torch.from_numpy(images)).numpy()
    wanted = (images / 255 - np.array(detector.mean)) / np.array(detector.std)
    np.testing.assert_allclose(got, wanted.transpose(0, 3, 1, 2), atol=1e-5)


def test_the_seed_decides_the_weights(images: np.ndarray) -> None:
    before = torch.get_rng_state()
    one, same, other = (
        create_detector("mobilenetv3_large", weights="scratch", size=64, seed=seed).logits(images)
        for seed in (1, 1, 2)
    )
    assert (one == same).all()
    assert (one != other).all()
    assert torch.equal(before, torch.get_rng_state())


def test_bf16_stays_near_fp32(images: np.ndarray) -> None:
    detector = create_detector("resnet50", weights="scratch", size=64, seed=1)
    assert isinstance(detector, TimmDetector)
    exact = detector.to(CPU).logits(images)
    near = detector.to(Device("cpu", "bf16", 2)).logits(images)
    assert (near != exact).any()
    np.testing.assert_allclose(near, exact, atol=0.05)


def test_depthwise_layers_train_in_float32_on_a_cpu(images: np.ndarray) -> None:
    detector = create_detector("mobilenetv3_large", weights="scratch", size=64)
    assert isinstance(detector, TimmDetector)
    layer = next(m for m in detector.module.modules() if getattr(m, "groups", 1) > 1)
    kinds = []
    layer.register_forward_hook(lambda _module, _given, out: kinds.append(out.dtype))
    detector.to(Device("cpu", "bf16", 1))
    detector.module.train()
    detector.forward(torch.from_numpy(images)).sum().backward()
    detector.logits(images)
    assert kinds == [torch.float32, torch.bfloat16]
    assert layer.weight.grad is not None


def test_wrong_names_and_sizes() -> None:
    with pytest.raises(InputError, match="did you mean xception"):
        create_detector("exception")
    with pytest.raises(InputError, match="there are xception, efficientnet_b4"):
        create_detector("zzz")
    with pytest.raises(InputError, match="at least 32 pixels"):
        create_detector("resnet50", weights="scratch", size=16)
    with pytest.raises(InputError, match="at least 75 pixels"):
        create_detector("inception_resnet_v2", weights="scratch", size=74)
    with pytest.raises(ValueError, match="registered already"):
        register(list_detectors()[0])
    detector = create_detector("mobilenetv3_large", weights="scratch", size=64)
    with pytest.raises(ValueError, match="expected uint8"):
        detector.logits(np.zeros((1, 32, 32, 3), np.uint8))


@pytest.mark.parametrize("ending", ["safetensors", "pth"])
def test_weights_round_trip_through_a_folder(
    tmp_path: Path, images: np.ndarray, ending: str
) -> None:
    made = create_detector("mobilenetv3_large", weights="scratch", size=64, seed=5)
    assert isinstance(made, TimmDetector)
    state = {name: value.contiguous() for name, value in made.module.state_dict().items()}
    path = tmp_path / f"mobilenetv3_large.{ending}"
    if ending == "pth":
        torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)
    else:
        safetensors.torch.save_file(state, path)
    read = create_detector("mobilenetv3_large", weights=tmp_path, size=64, seed=6)
    assert read.start == "local"
    assert (read.logits(images) == made.logits(images)).all()


def test_a_head_for_imagenet_is_left_out(tmp_path: Path) -> None:
    torch.manual_seed(3)
    public = timm.create_model("mobilenetv3_large_100", num_classes=1000)
    safetensors.torch.save_file(public.state_dict(), tmp_path / "mobilenetv3_large.safetensors")
    read = create_detector("mobilenetv3_large", weights=tmp_path, size=64, seed=6)
    assert isinstance(read, TimmDetector)
    got, given = read.module.state_dict(), public.state_dict()
    fresh = build_network(read.spec, 6).state_dict()
    assert torch.equal(got["conv_stem.weight"], given["conv_stem.weight"])
    assert torch.equal(got["classifier.weight"], fresh["classifier.weight"])


def test_weights_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    def refused(match: str) -> None:
        with pytest.raises(InputError, match=match):
            create_detector("mobilenetv3_large", weights=tmp_path, size=64)

    with pytest.raises(InputError, match="no such weights folder"):
        create_detector("resnet50", weights=tmp_path / "absent")
    refused("expected one of mobilenetv3_large.safetensors, mobilenetv3_large.pth")
    path = tmp_path / "mobilenetv3_large.pth"
    torch.save(build_network(find_detector("resnet50"), 0).state_dict(), path)
    refused("weights of another network")
    path.write_bytes(path.read_bytes()[:5000])
    refused("damaged")
    torch.save({"a": "text"}, path)
    refused("names and tensors only")
    path.unlink()
    (tmp_path / "mobilenetv3_large.safetensors").write_bytes(b"nothing of the kind")
    refused("damaged")


class _Malice:
    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path: Path, how: str) -> None:
    target = tmp_path / "touched"
    path = tmp_path / "mobilenetv3_large.pth"
    if how == "torch":
        torch.save({"weight": _Malice(target)}, path)
    else:
        path.write_bytes(pickle.dumps({"weight": _Malice(target)}, protocol=2))
    with pytest.raises(InputError, match="could run code"):
        create_detector("mobilenetv3_large", weights=tmp_path, size=64)
    assert not target.exists()


@pytest.mark.parametrize("name", ["xception", "resnet50"])
def test_missing_public_weights_are_told_in_one_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = find_detector(name).published
    with pytest.raises(InputError) as caught:
        create_detector(name, weights="pretrained", size=64)
    message = str(caught.value)
    for part in (str(published), "--weights FOLDER", "--weights scratch", f"as {name}."):
        assert part in message
    detector = create_detector(name, weights="auto", size=64)
    assert detector.start == "scratch"
    assert len(detector.notes) == 1
    assert str(published) in str(detector.notes[0])
    # A server that never answers holds nobody up.
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(fetching, "REACH_SECONDS", 0.2)
    answered = threading.Event()

    def never_answers(*_: object, **__: object) -> None:
        answered.wait()
        raise TimeoutError

    monkeypatch.setattr(fetching.urllib.request, "urlopen", never_answers)
    monkeypatch.setattr(fetching, "_ANSWERS", {})
    with pytest.raises(InputError, match="no answer within"):
        create_detector(name, weights="pretrained", size=64)
    answered.set()


class _Refusing(BaseHTTPRequestHandler):
    """Answers every request with 404, and counts them."""

    heard: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.heard.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Not on the terminal."""


def test_a_server_is_asked_once_whatever_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(fetching, "_ANSWERS", {})
    with HTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        # That it has not this file is an answer: it is within reach.
        assert [fetching.unreachable(f"{host}/{file}") for file in "abc"] == [""] * 3
        assert _Refusing.heard == ["/a"]
        server.shutdown()
    nobody = f"http://127.0.0.1:{server.server_port}"  # the answer is kept
    assert fetching.unreachable(f"{nobody}/d") == ""
    monkeypatch.setattr(fetching, "_ANSWERS", {})
    told = [fetching.unreachable(f"{nobody}/{file}") for file in "ab"]
    assert told[0] == told[1] != ""


def test_public_weights_come_from_the_cache(images: np.ndarray) -> None:
    published = find_detector("xception").published
    assert published is not None
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    cache.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(3)
    public = timm.create_model("legacy_xception", num_classes=1000)
    torch.save(public.state_dict(), cache / published.file)
    for weights in ("auto", "pretrained"):
        detector = create_detector("xception", weights=weights, size=64)
        assert isinstance(detector, TimmDetector)
        assert detector.start == "pretrained"
        assert torch.equal(detector.module.state_dict()["bn4.weight"], public.bn4.weight)


def test_devices_are_named_or_refused() -> None:
    assert choose_device("cpu", "fp32", 3) == Device("cpu", "fp32", 3)
    assert choose_device("cpu", "bf16").precision == "bf16"
    for device in ("tpu", "cuda:99", "cpu:x"):
        with pytest.raises(InputError, match=f"device '{device}'"):
            choose_device(device)
    with pytest.raises(InputError, match="precision 'fp8'"):
        choose_device("cpu", "fp8")  # type: ignore[arg-type]


def test_reproducible_puts_everything_back() -> None:
    def state() -> tuple:
        return (
            torch.get_num_threads(),
            torch.are_deterministic_algorithms_enabled(),
            torch.utils.deterministic.fill_uninitialized_memory,
        )

    before = state()
    with reproducible(Device("cpu", "fp32", 1)):
        assert state() == (1, True, False)
    assert state() == before
