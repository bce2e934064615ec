"""Folders of Hugging Face's classifiers: right side up, strict, and nothing in them is run."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import safetensors.torch
import torch
import transformers

from base_models.compute.devices import choose_device
from base_models.detectors.registry import Detector
from base_models.frozen.card import Outputs
from base_models.frozen.hugging_face import fetched, read_labels
from base_models.frozen.kinds import Draft, inspect, load, spec_of
from base_models.frozen.pixels import pixels_named
from predictions.errors import InputError

SIZE = 32
IMAGES = np.random.default_rng(4).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
TWO = {0: "Real", 1: "Fake"}

_SMALL: dict[str, Any] = {"hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
_VIT = {"num_hidden_layers": 2, "image_size": SIZE, "patch_size": 8, **_SMALL}


def _vit(labels: Mapping[int, str]) -> Any:
    return transformers.ViTForImageClassification(
        transformers.ViTConfig(id2label=dict(labels), **_VIT)
    )


def _siglip(labels: Mapping[int, str]) -> Any:
    config = transformers.SiglipConfig(id2label=dict(labels), vision_config=_VIT)
    return transformers.SiglipForImageClassification(config)


def _convnext(labels: Mapping[int, str]) -> Any:
    config = transformers.ConvNextConfig(
        id2label=dict(labels), depths=[1, 1], hidden_sizes=[8, 16], num_stages=2, patch_size=4
    )
    return transformers.ConvNextForImageClassification(config)


def _swin(labels: Mapping[int, str]) -> Any:
    config = transformers.SwinConfig(
        id2label=dict(labels),
        image_size=SIZE,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=4,
    )
    return transformers.SwinForImageClassification(config)


NETWORKS = {"vit": _vit, "siglip": _siglip, "convnext": _convnext, "swin": _swin}
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.5, 0.25, 0.2],
    "size": {"height": SIZE, "width": SIZE},
}


def save(
    folder: Path,
    labels: Mapping[int, str] = TWO,
    make: Callable[..., Any] = _vit,
    processor: Mapping[str, Any] | None = PROCESSOR,
    **more: Any,
) -> Any:
    """A folder with a network of random weights, whose logits differ; the network."""
    torch.manual_seed(5)
    network = make(labels).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0, 0.3)
    network.save_pretrained(folder, **more)
    if processor is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    return network


def their_logits(network: Any) -> np.ndarray:
    """(n, k): of transformers itself, on the pixels of PROCESSOR."""
    x = (IMAGES / 255 - np.array([0.5, 0.4, 0.3])) / np.array([0.5, 0.25, 0.2])
    with torch.no_grad():
        given = torch.from_numpy(x.transpose(0, 3, 1, 2).astype(np.float32))
        return np.asarray(network(pixel_values=given).logits, np.float64)


def opened(draft: Draft, **more: Any) -> Detector:
    card = replace(draft.card, **more)
    return load(spec_of(card), card.paths[0], SIZE, choose_device("cpu", "fp32"))


@pytest.mark.parametrize("network", NETWORKS)
def test_logits_are_those_of_transformers(network: str, tmp_path: Path) -> None:
    theirs = their_logits(save(tmp_path / "my folder", TWO, NETWORKS[network]))
    assert np.ptp(theirs[:, 1] - theirs[:, 0]) > 1e-3
    draft = inspect(tmp_path / "my folder")
    assert draft.card.name == "my-folder"
    assert (draft.card.size, draft.card.unknown) == (SIZE, [])
    np.testing.assert_allclose(
        opened(draft).logits(IMAGES), theirs[:, 1] - theirs[:, 0], atol=1e-5, rtol=1e-5
    )


ORDERS: dict[str, tuple[dict[int, str], tuple[int, ...], tuple[int, ...]]] = {
    "real, fake": ({0: "Real", 1: "Fake"}, (1,), (0,)),
    "fake, real": ({0: "Fake", 1: "Real"}, (0,), (1,)),
    "deepfake, real": ({0: "Deepfake", 1: "Real"}, (0,), (1,)),
    "artificial, human": ({0: "artificial", 1: "human"}, (0,), (1,)),
    "live, spoof": ({0: "live", 1: "spoof"}, (1,), (0,)),
    "realism, deepfake": ({0: "Realism", 1: "Deepfake"}, (1,), (0,)),
    "AI art": ({0: "AiArtData", 1: "RealArt"}, (0,), (1,)),
    "three": ({0: "Artificial", 1: "Deepfake", 2: "Real"}, (0, 1), (2,)),
    "five": (
        {0: "NeuralTextures", 1: "original", 2: "Deepfakes", 3: "Face2Face", 4: "FaceSwap"},
        (0, 2, 3, 4),
        (1,),
    ),
}


@pytest.mark.parametrize("case", ORDERS)
def test_classes_by_their_names(case: str, tmp_path: Path) -> None:
    labels, fake, real = ORDERS[case]
    theirs = their_logits(save(tmp_path, labels))
    draft = inspect(tmp_path)
    assert draft.card.outputs == Outputs(fake, real)
    assert draft.card.labels == tuple(labels.values())
    expected = np.logaddexp.reduce(theirs[:, fake], axis=1) - np.logaddexp.reduce(
        theirs[:, real], axis=1
    )
    np.testing.assert_allclose(opened(draft).logits(IMAGES), expected, atol=1e-5, rtol=1e-5)
    for i, label in labels.items():
        assert f"{label} is {'FAKE' if i in fake else 'REAL'}" in draft.guesses["outputs"]


UNCLEAR: dict[str, Any] = {
    "numbers": {"0": "LABEL_0", "1": "LABEL_1"},
    "both in one": {"0": "real or fake", "1": "unsure"},
    "denied": {"0": "not fake", "1": "fake"},
    "both alike": {"0": "fake", "1": "deepfake"},
    "cats": {"0": "cat", "1": "real"},
    "one": {"0": "fake"},
    "free of it": {"0": "human", "1": "AI-free"},
    "never": {"0": "never tampered", "1": "original"},
    "none": {},
    "no table": ["real", "fake"],
    "no numbers": {"a": "real", "b": "fake"},
    "a gap": {"0": "real", "2": "fake"},
    "twice": {"0": "real", "00": "fake"},
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_does_not_tell_is_asked_for(case: str) -> None:
    _, outputs, doubts = read_labels({"id2label": UNCLEAR[case]})
    assert outputs is None
    assert len(doubts) == 1
    assert "--fake" in doubts[0]


def test_numbered_classes_score_once_they_are_said(tmp_path: Path) -> None:
    theirs = their_logits(save(tmp_path, {0: "LABEL_0", 1: "LABEL_1"}))
    draft = inspect(tmp_path)
    assert draft.card.unknown == ["outputs"]
    with pytest.raises(InputError, match="does not say outputs"):
        opened(draft)
    got = opened(draft, outputs=Outputs((0,), (1,))).logits(IMAGES)
    np.testing.assert_allclose(got, theirs[:, 0] - theirs[:, 1], atol=1e-5, rtol=1e-5)
    with pytest.raises(InputError, match="has 2 outputs, its card names 3"):
        opened(draft, outputs=Outputs((0,), (1, 2))).logits(IMAGES)


def test_parts_and_half_precision_are_read(tmp_path: Path) -> None:
    theirs = their_logits(save(tmp_path / "parts", max_shard_size="5KB"))
    draft = inspect(tmp_path / "parts")
    assert "model.safetensors.index.json" in draft.card.files
    assert len([name for name in draft.card.files if name.startswith("model-")]) > 1
    got = opened(draft).logits(IMAGES)
    np.testing.assert_allclose(got, theirs[:, 1] - theirs[:, 0], atol=1e-5, rtol=1e-5)

    half = save(tmp_path / "whole").half()
    half.save_pretrained(tmp_path / "half")
    shutil.copy(tmp_path / "whole" / "preprocessor_config.json", tmp_path / "half")
    theirs = their_logits(half.float())
    got = opened(inspect(tmp_path / "half")).logits(IMAGES)
    np.testing.assert_allclose(got, theirs[:, 1] - theirs[:, 0], atol=1e-5, rtol=1e-5)


def test_code_and_pickles_are_refused(tmp_path: Path) -> None:
    save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    own = {**config, "auto_map": {"AutoModelForImageClassification": "modeling.Mine"}}
    (tmp_path / "config.json").write_text(json.dumps(own))
    (tmp_path / "modeling.py").write_text("raise SystemExit('it was run')\n")
    with pytest.raises(InputError, match="brings code of its own"):
        inspect(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(config))
    torch.save(safetensors.torch.load_file(tmp_path / "model.safetensors"), tmp_path / "x.bin")
    (tmp_path / "x.bin").rename(tmp_path / "pytorch_model.bin")
    draft = inspect(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match="pickles are not read"):
        inspect(tmp_path)
    with pytest.raises(InputError):  # nor where a card says that there is more
        opened(draft)


def test_tensors_that_lack_or_are_left_over_are_told(tmp_path: Path) -> None:
    save(tmp_path)
    draft, file = inspect(tmp_path), tmp_path / "model.safetensors"
    state = safetensors.torch.load_file(file)

    def refused(words: str, **changed: Any) -> None:
        made = {name: value for name, value in (state | changed).items() if value is not None}
        safetensors.torch.save_file(made, file, {"format": "pt"})
        with pytest.raises(InputError, match=words) as error:
            opened(draft)
        assert "\n" not in str(error.value)

    refused("lacks 1 tensors, such as classifier.weight", **{"classifier.weight": None})
    refused("has besides 1 tensors, such as extra.weight", **{"extra.weight": torch.zeros(3)})
    refused("no classifier that can be opened", **{"classifier.weight": torch.zeros(3, 16)})


PIXELS: dict[str, tuple[dict[str, Any] | None, str]] = {
    "no file": (None, "--pixels"),
    "no mean": ({k: v for k, v in PROCESSOR.items() if k != "image_mean"}, "--pixels"),
    "a mean of two": ({**PROCESSOR, "image_mean": [0.5, 0.5]}, "--pixels"),
    "a mean of words": ({**PROCESSOR, "image_mean": ["a", "b", "c"]}, "--pixels"),
    "another factor": ({**PROCESSOR, "rescale_factor": 1 / 127.5}, "--pixels"),
    "not scaled": ({**PROCESSOR, "do_rescale": False}, "--pixels"),
}


@pytest.mark.parametrize("case", PIXELS)
def test_pixels_that_are_not_known_are_asked_for(case: str, tmp_path: Path) -> None:
    processor, words = PIXELS[case]
    save(tmp_path, processor=processor)
    draft = inspect(tmp_path)
    assert "pixels" in draft.card.unknown
    assert any(words in doubt for doubt in draft.doubts.values())


def test_sizes_and_pixels_of_processors(tmp_path: Path) -> None:
    for number, (more, size) in enumerate(
        [
            ({"size": 48}, 48),
            ({"size": {"shortest_edge": 40}}, 40),
            ({"size": {"shortest_edge": 40}, "do_center_crop": True, "crop_size": 36}, 36),
        ]
    ):
        save(tmp_path / str(number), processor={**PROCESSOR, **more})
        assert inspect(tmp_path / str(number)).card.size == size
    save(tmp_path / "plain", processor={**PROCESSOR, "do_normalize": False})
    assert inspect(tmp_path / "plain").card.pixels == pixels_named("unit")
    # The network itself knows better.
    draft = inspect(tmp_path / "0")
    with pytest.raises(InputError, match="does not take pictures of 48 pixels"):
        opened(draft)


DAMAGED: dict[str, tuple[str, bytes]] = {
    "config empty": ("config.json", b""),
    "config a list": ("config.json", b"[1]"),
    "config cut": ("config.json", b'{"architectures": ["ViT'),
    "config no UTF-8": ("config.json", b"\xff\xfe\x00"),
    "config deep": ("config.json", b"[" * 100_000),
    "no classifier": ("config.json", b'{"architectures": ["ViTModel"], "model_type": "vit"}'),
    "architectures a number": ("config.json", b'{"architectures": 3}'),
    "processor a list": ("preprocessor_config.json", b"[]"),
    "processor cut": ("preprocessor_config.json", b"{"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_folders_are_one_sentence(case: str, tmp_path: Path) -> None:
    name, content = DAMAGED[case]
    save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name.replace(".", r"\.")) as error:
        inspect(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"hello", b"\x08" * 50, b"cut"])
def test_damaged_weights_are_one_sentence(content: bytes, tmp_path: Path) -> None:
    save(tmp_path)
    draft, file = inspect(tmp_path), tmp_path / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content == b"cut" else content)
    with pytest.raises(InputError, match="no classifier that can be opened") as error:
        opened(draft)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"hidden_size": "many"},
        {"hidden_size": -3},
        {"patch_size": 0},
        {"num_attention_heads": 7},
        {"model_type": "no-such-network"},
        {"hidden_act": "no-such-function"},
    ],
)
def test_configurations_of_no_network_are_one_sentence(
    changed: dict[str, Any], tmp_path: Path
) -> None:
    save(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | changed))
    with pytest.raises(InputError) as error:
        opened(inspect(tmp_path))
    assert "\n" not in str(error.value)


def test_a_repository_out_of_reach_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("nobody/no-such-detector", "no name at all", "../x"):
        with pytest.raises(InputError, match="neither cached nor within reach"):
            fetched(name)


def test_pictures_that_are_not_square_and_weights_cut_short_are_refused(tmp_path: Path) -> None:
    save(tmp_path, processor={**PROCESSOR, "size": {"height": SIZE, "width": 2 * SIZE}})
    with pytest.raises(InputError, match=r"not square \(32 x 64\)"):
        inspect(tmp_path)
    save(tmp_path)
    file = tmp_path / "model.safetensors"
    file.write_bytes(file.read_bytes()[:500])
    with pytest.raises(InputError, match=r"model\.safetensors: is damaged, or cut short"):
        inspect(tmp_path)


def test_without_names_there_are_two_classes(tmp_path: Path) -> None:
    save(tmp_path, {0: "LABEL_0", 1: "LABEL_1"})
    assert inspect(tmp_path).outputs == 2
