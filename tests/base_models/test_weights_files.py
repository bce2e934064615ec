"""Weights files of others: under whatever wrappers, never larger than they weigh, always finite."""

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch

from base_models.detectors import create_detector
from base_models.detectors.weights import read_state
from base_models.training.out_of_fold import check_files
from base_models.training.settings import TrainSettings
from predictions.errors import InputError

State = dict[str, torch.Tensor]
NAME = "timm-resnet10t"


@pytest.fixture(scope="module")
def state() -> State:
    """Of a small network, whose first weight tells it."""
    made: Any = create_detector("timm:resnet10t", weights="scratch", size=64, seed=3)
    return {name: value.contiguous() for name, value in made.module.state_dict().items()}


def test_a_finished_detector_of_two_classes_is_no_start(state: State, tmp_path: Path) -> None:
    # Without its last layer it is one, and so is a network of other classes.
    two = {**state, "fc.weight": torch.zeros(2, 512), "fc.bias": torch.zeros(2)}
    path = tmp_path / f"{NAME}.pth"
    settings = TrainSettings(detectors=("timm:resnet10t",), weights=tmp_path, size=64)
    torch.save(two, path)
    with pytest.raises(InputError, match="finished detector") as refused:
        check_files(settings)
    assert f"fakeodds models add {path}" in str(refused.value)
    torch.save({name: v for name, v in two.items() if not name.startswith("fc.")}, path)
    check_files(settings)
    torch.save({**two, "fc.weight": torch.zeros(7, 512), "fc.bias": torch.zeros(7)}, path)
    check_files(settings)


def prefixed(prefix: str) -> Callable[[State], State]:
    return lambda state: {prefix + name: value for name, value in state.items()}


@pytest.mark.parametrize(
    "wrapped",
    [
        prefixed("module."),
        prefixed("_orig_mod."),
        prefixed("_orig_mod.module."),
        prefixed("module._orig_mod.model."),
        prefixed("net."),
        prefixed("backbone.encoder."),
        lambda s: {name.replace("layer1.", "layer1._orig_mod."): v for name, v in s.items()},
        lambda s: {"n_averaged": torch.tensor(3), **prefixed("module.")(s)},
        lambda s: {"state_dict": prefixed("net.")(s), "epoch": 3},
        lambda s: {"ema": {"module": s, "updates": 3}},
        lambda s: {"state_dict": {"model": prefixed("model._orig_mod.")(s)}},
    ],
)
def test_wrappers_and_prefixes_are_taken_off(
    wrapped: Callable[[State], Any], state: State, tmp_path: Path
) -> None:
    content = wrapped(state)
    files = {".pth": lambda path: torch.save(content, path)}
    if all(isinstance(value, torch.Tensor) for value in content.values()):
        files[".safetensors"] = lambda path: safetensors.torch.save_file(content, path)
    for ending, save in files.items():
        save(tmp_path / f"{NAME}{ending}")
        read: Any = create_detector("timm:resnet10t", weights=tmp_path, size=64)
        for name, value in read.module.state_dict().items():
            assert torch.equal(value, state[name]), (ending, name)
        (tmp_path / f"{NAME}{ending}").unlink()


def _spoilt(state: State, number: float) -> State:
    spoilt = {name: value.clone() for name, value in state.items()}
    spoilt["layer1.0.conv1.weight"].view(-1)[[1, 5]] = number
    return spoilt


@pytest.mark.parametrize(("number", "what"), [(np.nan, "NaN"), (np.inf, "infinite numbers")])
def test_numbers_that_are_none_are_told_with_their_tensor(
    number: float, what: str, state: State, tmp_path: Path
) -> None:
    path = tmp_path / f"{NAME}.pth"
    torch.save(_spoilt(state, number), path)
    with pytest.raises(InputError, match=rf"layer1\.0\.conv1\.weight holds {what} \(2 of"):
        create_detector("timm:resnet10t", weights=tmp_path, size=64)


def test_what_was_given_is_opened_before_the_work(state: State, tmp_path: Path) -> None:
    settings = TrainSettings(detectors=("timm:resnet10t",), weights=tmp_path, size=64)
    path = tmp_path / f"{NAME}.pth"
    torch.save(state, path)
    check_files(settings)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(InputError, match=f"{NAME}.pth"):
        check_files(settings)


def test_files_that_hold_more_than_they_weigh_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    torch.save({"a": torch.zeros(1).expand(10**12)}, path)
    with pytest.raises(InputError, match="a is larger than the file"):
        read_state(path)
    torch.save({"a": torch.zeros(10**6)}, path)
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(path) as plain, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as out:
        for name in plain.namelist():
            out.writestr(name, plain.read(name))
    with pytest.raises(InputError, match=r"torch\.save does not write"):
        read_state(packed)


@pytest.mark.parametrize("seed", range(5))
def test_damaged_bytes_are_one_sentence(seed: int, state: State, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / "a.pth"
    torch.save({name: state[name] for name in list(state)[:6]}, path)
    whole = path.read_bytes()
    for _ in range(20):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 30):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged[: rng.integers(1, len(whole))] if rng.random() < 0.3 else damaged)
        # A flipped bit of a number is not seen; nothing but our own error is raised.
        with suppress(InputError):
            read_state(path)
