"""Images a second in training on one CPU core: the network's step, and what feeds it, apart.

    python benchmarks/training.py FACES [--size 96] [--batch 16] [--repeats 3] [--compile]

FACES holds JPEG crops in folders. For each of the five detectors: the training step as it is
(channels last, fused AdamW, float32), the same in bf16 (taken where the CPU multiplies in it), with
frozen batch norms, with channels first, with AdamW that is not fused, and, if asked for, compiled
by torch.compile, whose first step is told apart. Then reading (decoded and resized) and each
augmentation. Rates are images a CPU second, in turns: others on the machine disturb them less than
seconds.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from bench_media import DETECTORS, describe_cpu, take_step

from base_models.augment.augmenter import Augmenter
from base_models.augment.registry import parse_augment
from base_models.compute.devices import Device, reproducible
from base_models.detectors import create_detector
from base_models.detectors.timm_detectors import TimmDetector
from base_models.scoring.crops import generator, resize

_CPU = Device("cpu", "fp32", 1)
_READ = 256


def step_of(name: str, size: int, batch: int, way: str) -> Callable[[], None]:
    """One step of training; `way`: today, bf16, frozen, first, unfused or compiled."""
    detector = create_detector(name, weights="scratch", size=size, seed=0)
    assert isinstance(detector, TimmDetector)
    detector.to(replace(_CPU, precision="bf16") if way == "bf16" else _CPU)
    module = detector.module.train()
    if way == "first":
        module.to(memory_format=torch.contiguous_format)
    if way == "frozen":
        for layer in module.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.eval().requires_grad_(False)
    if way == "compiled":
        module.forward_features = torch.compile(module.forward_features, dynamic=False)  # type: ignore[operator, assignment]
    optimiser = torch.optim.AdamW(
        [p for p in module.parameters() if p.requires_grad], lr=1e-4, fused=way != "unfused"
    )
    images = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)
    )
    labels = torch.arange(batch) % 2

    def step() -> None:
        take_step(detector, optimiser, images, labels)

    return step


def cpu_seconds(work: Callable[[], object]) -> float:
    """Of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def time_steps(name: str, size: int, batch: int, ways: list[str], repeats: int) -> str:
    """What each way does a CPU second, beside the first."""
    steps = {way: step_of(name, size, batch, way) for way in ways}
    first = {way: cpu_seconds(step) for way, step in steps.items()}
    rates = np.array(
        [[batch / cpu_seconds(step) for step in steps.values()] for _ in range(repeats)]
    )
    ratios = np.median(rates / rates[:, :1], axis=0)
    told = [f"{ways[0]} {np.median(rates[:, 0]):.1f}"]
    told += [f"{way} x{ratio:.2f}" for way, ratio in zip(ways[1:], ratios[1:], strict=True)]
    late = (
        f" (compiled at the first step, {first['compiled']:.0f} s)" if "compiled" in first else ""
    )
    return f"{name:<18} {', '.join(told)}{late}"


def time_feeding(faces: Path, size: int) -> None:
    """Print what reading and augmenting do a CPU second."""
    paths = sorted(faces.rglob("*.jp*g"))[:_READ]
    jpegs = [np.frombuffer(path.read_bytes(), np.uint8) for path in paths]

    def read() -> list[np.ndarray]:
        pictures = [cv2.cvtColor(cv2.imdecode(j, 1), cv2.COLOR_BGR2RGB) for j in jpegs]
        return [resize(picture[None], size)[0] for picture in pictures]

    crops, points = read(), np.full((5, 2), np.nan)
    print(f"reading {len(jpegs) / cpu_seconds(read):.0f}")
    for name in ("flip", "light", "strong"):
        augmenter = Augmenter(parse_augment(name))

        def vary(augmenter: Augmenter = augmenter) -> None:
            for number, crop in enumerate(crops):
                augmenter.apply(crop, generator(0, 0, 0, number), points)

        print(f"augmenting, {name}: {len(crops) / cpu_seconds(vary):.0f}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("faces", type=Path)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS))
    asked = parser.parse_args()
    ways = ["today", "bf16", "frozen", "first", "unfused", *(["compiled"] if asked.compile else [])]
    print(f"{describe_cpu()}; images a CPU second, {asked.size} px, batches of {asked.batch}")
    time_feeding(asked.faces, asked.size)
    with reproducible(_CPU):
        for name in asked.detectors:
            print(time_steps(name, asked.size, asked.batch, ways, asked.repeats), flush=True)


if __name__ == "__main__":
    main()
