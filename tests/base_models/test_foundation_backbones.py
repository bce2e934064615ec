"""Vision transformers and other backbones of timm: their sizes, features, and files of weights."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import timm
import torch

from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector
from base_models.detectors.timm_detectors import TimmDetector
from predictions.errors import InputError

CPU = Device("cpu", "fp32", 1)
VIT = "timm:test_vit"


def made(name: str, size: int, weights: str | Path = "scratch", seed: int = 1) -> TimmDetector:
    detector = create_detector(name, weights=weights, size=size, seed=seed)
    assert isinstance(detector, TimmDetector)
    return detector.to(CPU)


def crops(n: int, size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "size", "multiple"),
    [
        ("vit_base_patch16_clip_224.openai", 224, 16),
        ("vit_large_patch14_clip_336.openai", 336, 14),
        ("vit_base_patch14_dinov2.lvd142m", 518, 14),
        ("vit_large_patch14_reg4_dinov2.lvd142m", 518, 14),
        ("vit_large_patch16_dinov3.lvd1689m", 256, 16),
        ("vit_pe_core_large_patch14_336.fb", 336, 14),
        ("convnext_base.clip_laion2b", 256, 1),
        ("convnext_tiny.dinov3_lvd1689m", 224, 1),
    ],
)
def test_the_fields_backbones_are_detectors(name: str, size: int, multiple: int) -> None:
    if not timm.is_model(name.partition(".")[0]):
        pytest.skip(f"this release of timm has no {name}")
    spec = find_detector(f"timm:{name}")
    assert (spec.size, spec.multiple, spec.fixed_size) == (size, multiple, False)
    assert str(spec.published) == f"timm/{name}/model.safetensors"


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("vit_xsmall_patch16_clip_224", 64),
        ("vit_small_patch14_reg4_dinov2", 70),
        ("vit_small_patch16_dinov3", 64),
        ("vit_pe_core_tiny_patch16_384", 64),
        ("test_convnext", 64),
        *((f"test_vit{number}", 48) for number in ("", 2, 3, 4)),
    ],
)
def test_logits_are_linear_in_the_features_at_any_size(name: str, size: int) -> None:
    if not timm.is_model(name):
        pytest.skip(f"this release of timm has no {name}")
    detector = made(f"timm:{name}", size)
    images = crops(3, size)
    features = detector.features(images)
    assert features.dtype == np.float32
    head = detector.module.get_classifier()
    weight, bias = (part.detach().numpy() for part in (head.weight, head.bias))
    assert features.shape == (3, weight.shape[1])
    np.testing.assert_allclose(features @ weight[0] + bias, detector.logits(images), atol=1e-5)
    assert np.ptp(detector.logits(images)) > 0


def test_a_side_is_a_multiple_of_the_patch() -> None:
    with pytest.raises(InputError, match=r"size 60: .* patches of 16 pixels.*multiple of 16.*64"):
        made(VIT, 60)
    assert made(VIT, 224).logits(crops(1, 224)).shape == (1,)


def test_public_weights_are_interpolated_to_the_size(tmp_path: Path) -> None:
    torch.manual_seed(0)
    public = timm.create_model("test_vit", num_classes=1000)
    safetensors.torch.save_file(public.state_dict(), tmp_path / "timm-test_vit.safetensors")
    found = made(VIT, 96, tmp_path).module.state_dict()
    with torch.no_grad():
        public.set_input_size(img_size=(96, 96))
    wanted = public.state_dict()
    assert found["pos_embed"].shape == (1, 1 + 36, 64)
    for name in wanted.keys() - {"head.weight", "head.bias"}:
        assert torch.equal(found[name], wanted[name]), name


def _interpolated(state: dict) -> dict:
    other = timm.create_model("test_vit", num_classes=0)
    other.load_state_dict({k: v for k, v in state.items() if not k.startswith("head.")})
    with torch.no_grad():
        other.set_input_size(img_size=(64, 64))
    return other.state_dict()


@pytest.mark.parametrize(
    "layout",
    [
        # What has no head at all, as self-supervised backbones.
        lambda state: {k: v for k, v in state.items() if not k.startswith("head.")},
        # OpenCLIP's, around a tower of timm's.
        lambda state: {f"visual.trunk.{k}": v for k, v in state.items()} | {"logit_scale": 0},
        # A training of DINOv2's has a token for what was hidden.
        lambda state: state | {"mask_token": torch.zeros(1, 64)},
        # Trained at another size.
        _interpolated,
    ],
    ids=["no head", "OpenCLIP", "DINOv2", "other size"],
)
def test_files_as_their_makers_name_their_tensors(tmp_path: Path, layout: object) -> None:
    torch.manual_seed(0)
    state = timm.create_model("test_vit", num_classes=1000).state_dict()
    written = layout(state)  # type: ignore[operator]
    written = {name: torch.as_tensor(value).float() for name, value in written.items()}
    torch.save(written, tmp_path / "timm-test_vit.pth")
    found = made(VIT, 160, tmp_path).module.state_dict()
    for name in found.keys() - {"head.weight", "head.bias", "pos_embed"}:
        assert torch.equal(found[name], state[name]), name
    apart = (found["pos_embed"] - state["pos_embed"]).abs().max()
    assert apart < (1e-6 if layout is not _interpolated else 0.1)


def test_another_network_is_refused_in_its_own_words(tmp_path: Path) -> None:
    other = timm.create_model("test_vit2", num_classes=1)
    safetensors.torch.save_file(other.state_dict(), tmp_path / "timm-test_vit.safetensors")
    with pytest.raises(InputError, match="weights of another network"):
        made(VIT, 160, tmp_path)
    (tmp_path / "timm-test_vit.safetensors").unlink()
    torch.save({"visual.class_embedding": torch.zeros(2)}, tmp_path / "timm-test_vit.pth")
    with pytest.raises(InputError, match="weights of another network"):
        made(VIT, 160, tmp_path)
