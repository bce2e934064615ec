"""`fakeodds models`: lists, shows, adds and checks detectors that somebody else trained."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("openvino")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from base_models.frozen import catalogue

    monkeypatch.setenv("FAKEODDS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(catalogue, "_opened", {})
    return tmp_path / "home"


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Pictures of 64 x 64: the fakes are redder than they are blue."""
    rng = np.random.default_rng(0)
    for label, blue, red in (("real", 140, 110), ("fake", 110, 140)):
        (tmp_path / "faces" / label).mkdir(parents=True)
        for i in range(12):
            colour = np.array([blue, 120, red]) + rng.normal(0, 12, 3)
            image = np.clip(colour + rng.normal(0, 20, (64, 64, 3)), 0, 255).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "faces" / label / f"p{label}{i}.png"), image)
    return tmp_path / "faces"


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """An ONNX network of two outputs: how red a picture is, less how blue, is the second."""
    import torch

    class Redness(torch.nn.Module):
        def forward(self, x: Any) -> Any:
            redness = 8 * (x[:, 0] - x[:, 2]).mean(dim=(1, 2))
            return torch.stack([torch.zeros_like(redness), redness], dim=1)

    path = tmp_path / "net.onnx"
    torch.onnx.export(Redness(), (torch.zeros(2, 3, 32, 32),), str(path), dynamo=False)
    return path


def test_a_detector_is_added_checked_and_shown(cli: Callable, net: Path, faces: Path) -> None:
    said = cli("models", "add", net).output
    assert "cannot score yet: its card does not say pixels, outputs" in said
    assert "does not say what its pixels are: say --pixels" in said
    assert "does not say which output is FAKE: say --fake" in said
    card = net.with_name("net.onnx.card.toml")
    assert tomllib.loads(card.read_text())["size"] == 32
    run = ("run", faces, "--out", net.with_name("run"), "--detectors", net)
    assert "does not say pixels, outputs" in cli(*run, code=2).output

    tried = cli("models", "check", "net", "--check", faces).output
    assert "separate best" in tried
    assert "imagenet-bgr" in tried

    said = cli(
        *("models", "add", net, "--pixels", "unit", "--fake", 1, "--check", faces, "--json")
    ).output
    found, _ = json.JSONDecoder().raw_decode(said)
    assert found["unknown"] == []
    assert found["card"]["outputs"] == {"fake": [1], "real": [0], "gives": "logits"}
    assert found["check"]["its card's"]["verdict"] == "up"
    assert found["check"]["its card's"]["auc"] > 0.9

    turned = cli("models", "add", net, "--reverse").output
    assert "FAKE is output 0; REAL is output 1" in turned
    assert "upside down" in cli("models", "check", net, "--check", faces).output
    assert cli("models", "net").output.count("FAKE is output 0") == 1
    listed = cli("models").output
    assert "openvino" in listed
    assert "xception" in listed


def test_what_cannot_be_added_is_one_sentence(cli: Callable, tmp_path: Path, net: Path) -> None:
    for content in (b"", b"hello", net.read_bytes()[:200]):
        (tmp_path / "bad.onnx").write_bytes(content)
        assert "bad.onnx" in cli("models", "add", tmp_path / "bad.onnx", code=2).output
    (tmp_path / "notes.txt").write_text("hello")
    assert (
        "is no detector that can be opened"
        in cli(*("models", "add", tmp_path / "notes.txt"), code=2).output
    )
    assert "expected one of" in cli("models", "add", net, "--pixels", "sepia", code=2).output
    assert "positions of outputs" in cli("models", "add", net, "--fake", "two", code=2).output
    assert "each position once" in cli("models", "add", net, "--fake", "0,0", code=2).output
    said = cli("models", "add", net, "--fake", 5, code=2).output
    assert "expected positions of its 2 outputs, 0 to 1" in " ".join(said.split())
    assert "nothing can be swapped" in cli("models", "add", net, "--reverse", code=2).output
    said = cli("models", "add", "mine.py:Detector", code=2).output
    assert "--detectors mine.py:Detector" in " ".join(said.split())
    assert "no such file or folder" in cli("models", "add", "nowhere.onnx", code=2).output
    assert (
        "no card of a detector" in cli("models", "check", "no", "--check", tmp_path, code=2).output
    )
    assert "no detector is called" in cli("models", "no-such", code=2).output


def test_a_card_that_went_away_is_said(cli: Callable, net: Path) -> None:
    cli("models", "add", net)
    net.with_name("net.onnx.card.toml").unlink()
    said = cli("models")
    assert "no such card" in said.output
    assert "no such card" in cli("models", "net", code=2).output


def test_of_two_outputs_the_other_means_the_other(cli: Callable, tmp_path: Path) -> None:
    timm, torch = pytest.importorskip("timm"), pytest.importorskip("torch")
    path = tmp_path / "net.pth"
    torch.save(timm.create_model("mobilenetv3_small_050", num_classes=2).state_dict(), path)
    told = ("--size", 32, "--pixels", "imagenet", "--fake", 1)
    said = cli("models", "add", path, "--network", "mobilenetv3_small_075", *told, code=2).output
    assert "not the tensors of mobilenetv3_small_075" in " ".join(said.split())
    assert not (tmp_path / "net.pth.card.toml").exists()
    said = cli("models", "add", path, "--network", "mobilenetv3_small_050", *told).output
    assert "FAKE is output 1; REAL is output 0" in said
