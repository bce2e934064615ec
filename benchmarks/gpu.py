"""On a GPU: crops a second, training images a second and videos an hour, beside eager float32.

    python benchmarks/gpu.py [VIDEO] [--device cuda] [--size 224] [--batch 64] [--repeats 5]

For each of the five detectors (random weights): crops a second as fakeodds scores them (uint8 crops
from the host, channels last, the device's own precision), the same compiled by torch.compile, and
what people run today (eager float32, channels first); and what share of the measured matrix-unit
ceiling that is: the largest bf16 product that this device was seen to make, and the network's
multiplications as torch counts them. Then images a second in training, both ways. With VIDEO, ten
seconds of it at 720p: videos an hour from file to five detectors' scores. Medians of the repeats,
with their range; both sides take turns. Exit code 1 where there is no such device.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from bench_media import DETECTORS, write_resized
from numpy.typing import NDArray
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.flop_counter import FlopCounterMode

from base_models.backends.compiled import CompiledBackend
from base_models.compute.devices import choose_device
from base_models.compute.threads import available_threads
from base_models.detectors import create_detector
from base_models.detectors.timm_detectors import TimmDetector
from base_models.faces.settings import FaceSettings
from base_models.scoring.online import VideoScorer
from base_models.scoring.opened import OpenedDetector
from predictions.errors import InputError

_COPIES = 32


def wait(device: str) -> None:
    """Until the device has done what it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def rates(works: list[Callable[[], object]], amount: int, repeats: int, device: str) -> NDArray:
    """How much a second each of the works does, in turns: (works, repeats); each prepared first."""
    found = np.empty((len(works), repeats))
    for work in works:
        work()
        work()
    for repeat in range(repeats):
        for number, work in enumerate(works):
            wait(device)
            began = time.perf_counter()
            work()
            wait(device)
            found[number, repeat] = amount / (time.perf_counter() - began)
    return found


def ceiling(device: str, side: int, repeats: int) -> float:
    """The most bf16 operations a second that a product of two matrices reached."""
    a = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    return float(rates([lambda: a @ a], 2 * side**3, repeats, device).max())


def detector(name: str, size: int, device: str, precision: str) -> TimmDetector:
    """A detector of random weights."""
    made = create_detector(name, weights="scratch", size=size, seed=0)
    assert isinstance(made, TimmDetector)
    return made.to(choose_device(device, precision))  # type: ignore[arg-type]


def eager(made: TimmDetector) -> TimmDetector:
    """As most people run it: channels first."""
    made.module.to(memory_format=torch.contiguous_format)
    return made


def operations(made: TimmDetector) -> float:
    """Floating-point operations of one crop."""
    counter = FlopCounterMode(display=False)
    with counter:
        made.logits(np.zeros((1, made.size, made.size, 3), np.uint8))
    return float(counter.get_total_flops())


def train_step(made: TimmDetector, images: torch.Tensor) -> Callable[[], None]:
    """One step of training on a batch that is on the device already."""
    optimiser = torch.optim.AdamW(made.module.parameters(), lr=1e-4)
    labels = torch.arange(len(images), device=images.device) % 2

    def step() -> None:
        made.module.train()
        optimiser.zero_grad(set_to_none=True)
        binary_cross_entropy_with_logits(made.forward(images), labels.float()).backward()
        optimiser.step()

    return step


def told(values: NDArray) -> str:
    """Median and range."""
    return f"{np.median(values):8.0f} ({values.min():.0f}-{values.max():.0f})"


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path, nargs="?")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--matrix", type=int, default=8192, help="side of the ceiling's matrices")
    asked = parser.parse_args()
    try:
        device = choose_device(asked.device).name
    except InputError as error:
        sys.exit(str(error))
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    top = ceiling(device, asked.matrix, asked.repeats)
    kind = torch.cuda.get_device_name(device) if device.startswith("cuda") else device
    print(f"{kind}; ceiling measured: {top / 1e12:.1f} bf16 TFLOP/s; batches of {asked.batch}")
    images = np.random.default_rng(0).integers(
        0, 256, (asked.batch, asked.size, asked.size, 3), dtype=np.uint8
    )
    there = torch.from_numpy(images).to(device)
    opened = []
    for name in DETECTORS:
        ours = detector(name, asked.size, device, "auto")
        peer = eager(detector(name, asked.size, device, "fp32"))
        compiled = CompiledBackend(detector(name, asked.size, device, "auto"))
        scored = rates(
            [lambda d=d: d.logits(images) for d in (peer, ours, compiled)],  # type: ignore[misc]
            asked.batch,
            asked.repeats,
            device,
        )
        share = np.median(scored[1]) * operations(ours) / top
        print(f"{name}: crops a second, eager fp32 {told(scored[0])}, ours {told(scored[1])}")
        print(
            f"  ratio {np.median(scored[1] / scored[0]):.2f}, {share:.0%} of the ceiling; "
            f"compiled {told(scored[2])}, ratio {np.median(scored[2] / scored[0]):.2f}"
        )
        steps = [train_step(made, there) for made in (peer, ours)]
        trained = rates(steps, asked.batch, asked.repeats, device)
        print(
            f"  training images a second, eager fp32 {told(trained[0])}, ours {told(trained[1])}, "
            f"ratio {np.median(trained[1] / trained[0]):.2f}"
        )
        opened.append(OpenedDetector(name, asked.size, [ours], []))
    if asked.video is None:
        return
    scorer = VideoScorer(FaceSettings(frames=asked.frames), opened)
    with TemporaryDirectory() as folder:
        path = write_resized(asked.video, Path(folder) / "720.mp4", 720)
        names = list(scorer.detectors)
        scorer.score(path, asked.frames, names)
        began = time.perf_counter()
        with ThreadPoolExecutor(available_threads()) as pool:
            list(pool.map(lambda _: scorer.score(path, asked.frames, names), range(_COPIES)))
        seconds = (time.perf_counter() - began) / _COPIES
    print(f"720p, {asked.frames} frames, five detectors: {3600 / seconds:.0f} videos an hour")


if __name__ == "__main__":
    main()
