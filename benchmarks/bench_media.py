"""What the benchmarks of videos share: detectors with random weights, videos of a given size."""

import resource
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import av
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from base_models.backends.exported import Exported
from base_models.backends.openvino_backend import OpenVinoBackend
from base_models.backends.openvino_torch import export_timm
from base_models.compute.devices import Device, choose_device
from base_models.compute.threads import available_threads
from base_models.detectors import create_detector
from base_models.detectors.timm_detectors import TimmDetector
from base_models.scoring.opened import OpenedDetector
from base_models.training.loop import CLIP_NORM
from base_models.training.settings import DETECTORS
from base_models.video.decode import decode_frames, index_video

__all__ = [
    "DETECTORS",
    "describe_cpu",
    "fast_precision",
    "open_scratch",
    "peak_mb",
    "take_step",
    "write_resized",
]


def open_scratch(names: Sequence[str], size: int, backend: str) -> list[OpenedDetector]:
    """Detectors with random weights: speed does not depend on them. `backend`: openvino, torch."""
    threads = available_threads()
    opened = []
    for seed, name in enumerate(names):
        detector = create_detector(name, weights="scratch", size=size, seed=seed)
        if backend == "torch":
            torch.set_num_threads(threads)
            detector.to(Device("cpu", "fp32", threads))
            opened.append(OpenedDetector(f"{name}:{seed}", size, [detector], []))
            continue
        with TemporaryDirectory() as folder:
            export_timm(detector).save(Path(folder))
            exported = Exported.load(Path(folder))
            fast = OpenVinoBackend(exported, size, fast_precision(), threads)
        opened.append(OpenedDetector(f"{name}:{seed}", size, [fast], []))
    return opened


def take_step(
    detector: TimmDetector, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> None:
    """One step of training on images uint8 (n, size, size, 3) and labels (n,), as folds take it."""
    binary_cross_entropy_with_logits(detector.forward(images), labels.float()).backward()
    torch.nn.utils.clip_grad_norm_(detector.module.parameters(), CLIP_NORM)
    optimiser.step()
    optimiser.zero_grad()


def fast_precision() -> Literal["bf16", "fp32"]:
    """What OpenVINO multiplies in here without judging by crops, as `predict` settles it."""
    return "bf16" if choose_device("cpu").precision == "bf16" else "fp32"


def describe_cpu() -> str:
    """Cores, name and matrix units of the CPU, which ratios depend on (Linux; else the cores)."""
    told = f"{available_threads()} CPU cores"
    try:
        pairs = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    except OSError:
        return told
    about = {key.strip(): value.strip() for key, _, value in pairs}
    known = about.get("flags", "").split()
    telling = ("amx_bf16", "avx512_bf16", "avx512_vnni", "avx512f", "avx2")
    units = [unit for unit in telling if unit in known]
    return f"{told}, {about.get('model name', 'name unknown')}, {' '.join(units)}"


def peak_mb() -> float:
    """The most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_resized(source: Path, target: Path, height: int, seconds: float = 10.0) -> Path:
    """The first seconds of a video at another height, as H.264; repeated where it is shorter."""
    index = index_video(source)
    rate = Fraction(round(1 / float(np.median(np.diff(index.times)))), 1)
    wanted = round(seconds * rate)
    with av.open(str(target), "w") as container:
        stream = None
        for number in range(0, wanted, len(index)):
            for frame in decode_frames(index, range(min(len(index), wanted - number))):
                old_height, old_width = frame.image.shape[:2]
                width = round(old_width * height / old_height / 2) * 2
                if stream is None:
                    stream = container.add_stream("libx264", rate=rate)
                    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                    stream.options = {"preset": "veryfast", "crf": "23"}
                image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_CUBIC)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        assert stream is not None
        container.mux(stream.encode(None))
    return target
