"""int8 where it changes little, on trained weights: crops a second, and what it does to answers.

    python benchmarks/int8.py FACES WEIGHTS [--size 64] [--seconds 170] [--detectors NAME ...]

FACES holds `labels.csv` (file, label) and the crops. Weights that are not in the folder WEIGHTS
(NAME.safetensors) are trained first on 700 crops of two methods, so many seconds each: random ones
answer .5 whatever is rounded. Layers are chosen by 32 crops; 200 others are judged. Eager float32
torch, OpenVINO in float32, and in int8 take turns on one thread; rates are crops a CPU second,
which others on the machine disturb less than seconds.
"""

import argparse
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
import safetensors.torch
import torch
from bench_media import DETECTORS, describe_cpu, take_step
from numpy.typing import NDArray

from base_models.backends.agreement import measure_agreement
from base_models.backends.exported import Exported
from base_models.backends.int8 import round_to_int8
from base_models.backends.openvino_backend import OpenVinoBackend
from base_models.backends.openvino_torch import export_timm
from base_models.compute.devices import Device
from base_models.detectors import create_detector, find_detector
from base_models.detectors.timm_detectors import TimmDetector, load_timm

_CPU = Device("cpu", "fp32", 1)
_JUDGED_BY, _HELD_OUT, _TRAINED_ON, _BATCH, _TIMED = 32, 200, 700, 24, 48


def read_crops(faces: Path, size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Shuffled crops of real faces and of two methods that little networks can learn."""
    table = pd.read_csv(faces / "labels.csv")
    table = table[(table["label"] == 0) | table["method"].isin(["Deepfakes", "FaceSwap"])]
    table = table.sample(_JUDGED_BY + _HELD_OUT + _TRAINED_ON, random_state=0)
    images = [
        cv2.resize(cv2.imread(str(faces / name))[..., ::-1], (size, size), None, 0, 0, 3)
        for name in table["file"]
    ]
    return np.stack(images).astype(np.uint8), table["label"].to_numpy(np.float32)


def train(
    name: str, images: NDArray[np.uint8], labels: NDArray[np.float32], path: Path, seconds: float
) -> None:
    """Train a detector from random weights, the learning rate falling with the time left."""
    detector = create_detector(name, weights="scratch", size=images.shape[1], seed=1)
    assert isinstance(detector, TimmDetector)
    detector.to(_CPU)
    optimiser = torch.optim.AdamW(detector.module.parameters(), fused=True)
    rng, end = np.random.default_rng(0), time.monotonic() + seconds
    while (left := (end - time.monotonic()) / seconds) > 0:
        rows = rng.integers(0, len(images), _BATCH)
        batch = np.where(rng.random((_BATCH, 1, 1, 1)) < 0.5, images[rows], images[rows, :, ::-1])
        detector.module.train()
        optimiser.param_groups[0]["lr"] = 1e-3 * max(0.05, left)
        pictures = torch.from_numpy(np.ascontiguousarray(batch))
        take_step(detector, optimiser, pictures, torch.from_numpy(labels[rows]))
    state = detector.module.state_dict()
    safetensors.torch.save_file({k: v.clone().contiguous() for k, v in state.items()}, path)


def opened(detector: TimmDetector, precision: str) -> OpenVinoBackend:
    """The network in OpenVINO, as it is read back from disk."""
    with TemporaryDirectory() as folder:
        export_timm(detector).save(Path(folder))
        return OpenVinoBackend(Exported.load(Path(folder)), detector.size, precision, 1)  # type: ignore[arg-type]


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=170)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.weights.mkdir(parents=True, exist_ok=True)
    images, labels = read_crops(asked.faces, asked.size)
    judging, held_out = images[:_JUDGED_BY], images[_JUDGED_BY : _JUDGED_BY + _HELD_OUT]
    print(describe_cpu())
    spent = []
    for name in asked.detectors:
        path = asked.weights / f"{name}.safetensors"
        if not path.exists():
            train(name, images[-_TRAINED_ON:], labels[-_TRAINED_ON:], path, asked.seconds)
        made = [load_timm(find_detector(name), path, asked.size, _CPU) for _ in range(2)]
        exact = opened(made[0], "fp32")
        began = time.process_time()
        share = round_to_int8(made[1], judging)
        chosen = time.process_time() - began
        rounded = opened(made[1], "int8")
        apart = measure_agreement(rounded, made[0], held_out)
        times = np.empty((asked.repeats, 3))
        for row in times:
            for column, backend in enumerate((made[0], exact, rounded)):
                began = time.process_time()
                backend.logits(held_out[:_TIMED])
                row[column] = time.process_time() - began
        middle = np.median(times, axis=0)
        spent.append(middle)
        rates = _TIMED / middle
        spread = made[0].logits(held_out).std()
        print(
            f"{name:<18} logits' deviation {spread:.2f}; torch {rates[0]:.0f}, "
            f"OpenVINO fp32 {rates[1]:.0f}, int8 {rates[2]:.0f} crops a CPU second; "
            f"{share:.0%} of the work in int8; probabilities of {apart.crops} crops apart by "
            f"{apart.mean:.4f}, at most {apart.largest:.4f}: "
            f"{'holds' if apart.holds else 'REFUSED'}; chosen in {chosen:.0f} s"
        )
    every = np.sum(spent, axis=0)
    print(
        f"all: OpenVINO fp32 {every[0] / every[1]:.1f} times, int8 {every[0] / every[2]:.1f} times"
    )


if __name__ == "__main__":
    main()
