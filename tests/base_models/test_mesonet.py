"""MesoNet against a second implementation, and its published weights on real faces."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

# Not tensorflow itself, which must not be imported before what torch brings (see there).
pytest.importorskip("base_models.detectors.keras_runtime")
pytest.importorskip("torch")

import h5py
import torch
from torch.nn import functional

from base_models.detectors import create_detector, find_detector
from base_models.detectors.keras_detectors import load_keras
from base_models.detectors.keras_devices import choose_device
from predictions.errors import InputError

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"

MESO4 = [(3, 3, 8), (5, 8, 8), (5, 8, 16), (5, 16, 16)]
INCEPTION = [
    *[(1, 3, 1), (1, 3, 4), (3, 4, 4), (1, 3, 4), (3, 4, 4), (1, 3, 2), (3, 2, 2)],
    *[(1, 11, 2), (1, 11, 4), (3, 4, 4), (1, 11, 4), (3, 4, 4), (1, 11, 2), (3, 2, 2)],
    *[(5, 12, 16), (5, 16, 16)],
]


def write_published(path: Path, convolutions: list, norms: list[int], first: int) -> dict:
    """A file as the authors' Keras 2.1.5 wrote it, with random weights; its arrays by layer."""
    rng = np.random.default_rng(first)
    layers: dict[str, dict[str, np.ndarray]] = {}

    def draw(*shape: int) -> np.ndarray:
        return rng.normal(0, 2 / np.sqrt(np.prod(shape[:-1])), shape).astype(np.float32)

    for i, (side, before, after) in enumerate(convolutions):
        kernel = draw(side, side, before, after)
        layers[f"conv2d_{first + i}"] = {"kernel": kernel, "bias": draw(after)}
    for i, n in enumerate(norms):
        layers[f"batch_normalization_{first + i}"] = {
            "gamma": rng.uniform(0.5, 2, n).astype(np.float32),
            "beta": draw(n),
            "moving_mean": draw(n),
            "moving_variance": rng.uniform(0.5, 2, n).astype(np.float32),
        }
    layers[f"dense_{first}"] = {"kernel": draw(1024, 16), "bias": draw(16)}
    layers[f"dense_{first + 1}"] = {"kernel": draw(16, 1), "bias": draw(1)}
    with h5py.File(path, "w") as file:
        # Neither in the order they were made nor in that of their numbers, as in the real files.
        file.attrs["layer_names"] = [b"input_1", *(name.encode() for name in reversed(layers))]
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for name, arrays in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{part}:0".encode() for part in arrays]
            for part, array in arrays.items():
                group[f"{name}/{part}:0"] = array
    return layers


def logit_of_real(layers: dict, images: np.ndarray, first: int) -> np.ndarray:
    """The paper's networks in torch: (n, 256, 256, 3) uint8 -> (n,)."""

    def convolved(x: Any, number: int, reach: int = 1) -> Any:
        layer = layers[f"conv2d_{first + number}"]
        kernel = torch.from_numpy(layer["kernel"]).permute(3, 2, 0, 1)
        bias = torch.from_numpy(layer["bias"])
        return functional.conv2d(x, kernel, bias, padding="same", dilation=reach).relu()

    def pooled(x: Any, number: int, side: int) -> Any:
        names = ("moving_mean", "moving_variance", "gamma", "beta")
        layer = layers[f"batch_normalization_{first + number}"]
        numbers = [torch.from_numpy(layer[name]) for name in names]
        return functional.max_pool2d(functional.batch_norm(x, *numbers, eps=1e-3), side)

    def inception(x: Any, at: int) -> Any:
        branches = [convolved(x, at)]
        for i in (1, 2, 3):
            branches.append(convolved(convolved(x, at + 2 * i - 1), at + 2 * i, reach=i))
        return torch.cat(branches, 1)

    x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    if f"conv2d_{first + 4}" not in layers:
        for number, side in enumerate((2, 2, 2, 4)):
            x = pooled(convolved(x, number), number, side)
    else:
        x = pooled(inception(x, 0), 0, 2)
        x = pooled(inception(x, 7), 1, 2)
        x = pooled(convolved(x, 14), 2, 2)
        x = pooled(convolved(x, 15), 3, 4)
    hidden, last = (
        {part: torch.from_numpy(array) for part, array in layers[f"dense_{first + i}"].items()}
        for i in (0, 1)
    )
    x = x.permute(0, 2, 3, 1).flatten(1) @ hidden["kernel"] + hidden["bias"]
    x = functional.leaky_relu(x, 0.1) @ last["kernel"] + last["bias"]
    return x[:, 0].numpy()


@pytest.mark.parametrize(
    ("name", "file", "convolutions", "norms"),
    [
        ("meso4", "Meso4_DF.h5", MESO4, [8, 8, 16, 16]),
        ("mesoinception4", "MesoInception_F2F.h5", INCEPTION, [11, 12, 16, 16]),
    ],
)
def test_published_files_give_the_logit_of_real_turned_round(
    name: str, file: str, convolutions: list, norms: list[int], tmp_path: Path
) -> None:
    # From 5, so that the numbers go past 9 and the order of the names is not that of the numbers.
    layers = write_published(tmp_path / file, convolutions, norms, first=5)
    # Smooth pictures of different brightness, since noise looks the same everywhere.
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (3, 8, 8, 3)) * np.array([0.3, 0.7, 1]).reshape(3, 1, 1, 1)
    images = np.kron(coarse, np.ones((1, 32, 32, 1))).astype(np.uint8)
    real = logit_of_real(layers, images, first=5)
    assert np.diff(np.sort(real)).min() > 0.1
    detector = create_detector(name, weights=tmp_path)
    assert detector.start == "local"
    np.testing.assert_allclose(detector.logits(images), -real, rtol=1e-3)
    with pytest.raises(InputError, match="need crops of 256 pixels, not 128; use --size 256"):
        create_detector(name, weights=tmp_path, size=128)


def test_public_weights_come_from_the_cache_of_keras(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    os.mkdir(tmp_path / "models")
    layers = write_published(tmp_path / "models/Meso4_DF.h5", MESO4, [8, 8, 16, 16], first=1)
    for weights in ("auto", "pretrained"):
        detector = create_detector("meso4", weights=weights)
        assert detector.start == "pretrained"
        kernel = detector.network.get_layer("conv_2").kernel.numpy()  # type: ignore[attr-defined]
        np.testing.assert_array_equal(kernel, layers["conv2d_2"]["kernel"])


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "method"),
    [
        ("Meso4_DF", "Deepfakes"),
        ("MesoInception_DF", "Deepfakes"),
        ("Meso4_F2F", "Face2Face"),
        ("MesoInception_F2F", "Face2Face"),
    ],
)
def test_published_weights_know_the_forgery_they_were_trained_on(file: str, method: str) -> None:
    import cv2

    from base_models.scoring.crops import resize

    if not (SHARED / "weights").is_dir() or not (SHARED / "faces").is_dir():
        pytest.skip("../shared/data is not here")
    table = pd.read_csv(SHARED / "faces" / "labels.csv")
    parts = [table[table["label"] == 0], table[table["method"] == method]]
    some = pd.concat([part.sample(100, random_state=0) for part in parts])
    pictures = [cv2.imread(str(SHARED / "faces" / name)) for name in some["file"]]
    images = np.stack(
        [cv2.cvtColor(np.asarray(picture), cv2.COLOR_BGR2RGB) for picture in pictures]
    )
    spec = find_detector("meso4" if file.startswith("Meso4") else "mesoinception4")
    detector = load_keras(spec, SHARED / "weights" / f"{file}.h5", 256, choose_device("cpu"))
    logits = detector.logits(resize(images, 256))
    pairs = np.subtract.outer(logits[100:], logits[:100])
    assert (pairs > 0).mean() > 0.65  # AUC; on all crops it is between .75 and .80
