"""Crops a second of the five detectors: OpenVINO beside eager float32 torch; whether both agree.

    python benchmarks/scoring.py [--size 224] [--crops 64] [--repeats 5] [--run RUN]

Both get the same crops in the same process, in turns, with all cores; printed are medians and
ranges of crops a second, and the ratio of the seconds for all five. Speed does not depend on the
weights in float32 and bf16, so they are random. With RUN, a finished run of `fakeodds run`, its
trained detectors score the faces of some of its videos both ways, by whatever agrees here, int8
among it: how far probabilities and log loss are apart, and how much faster it is.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from bench_media import DETECTORS, describe_cpu, fast_precision, open_scratch

from base_models.detectors import find_detector
from base_models.faces.store import faces_path, load_faces
from base_models.scoring.crops import resize
from base_models.scoring.fold_models import find_models
from base_models.scoring.opened import TrainedDetector
from calibration import log_loss
from predictions.logits import to_probability


def time_both(size: int, crops: int, repeats: int) -> None:
    """Print crops a second."""
    images = np.random.default_rng(0).integers(0, 256, (crops, size, size, 3), dtype=np.uint8)
    ours = open_scratch(DETECTORS, size, "openvino")
    peers = open_scratch(DETECTORS, size, "torch")
    spent: dict[str, list[tuple[float, float]]] = {}
    for mine, peer in zip(ours, peers, strict=True):
        mine.logits(images)
        peer.logits(images[:8])
        for _ in range(repeats):
            began = time.perf_counter()
            peer.logits(images)
            middle = time.perf_counter()
            mine.logits(images)
            end = time.perf_counter()
            spent.setdefault(mine.name, []).append((middle - began, end - middle))
    print(describe_cpu())
    precision = fast_precision()
    print(f"{crops} crops of {size} px, {repeats} repeats; crops a second, median (range)")
    for name, pairs in spent.items():
        peer, mine = (crops / np.array(side) for side in zip(*pairs, strict=True))
        print(
            f"{name.partition(':')[0]:<20} torch fp32 {np.median(peer):7.1f} "
            f"({peer.min():.1f}-{peer.max():.1f})   openvino {precision} {np.median(mine):7.1f} "
            f"({mine.min():.1f}-{mine.max():.1f})   ratio {np.median(mine / peer):.1f}"
        )
    totals = np.array(list(spent.values())).sum(axis=0)
    ratios = totals[:, 0] / totals[:, 1]
    print(f"all five: ratio {np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})")


def compare_on_run(run: Path, videos: int) -> None:
    """Print how far apart the two are on trained weights."""
    table = pd.read_parquet(run / "videos.parquet")
    table = table[(table["status"] == "ok") & table["label"].notna()]
    table = table.iloc[np.unique(np.linspace(0, len(table) - 1, videos).astype(int))]
    crops = [load_faces(faces_path(run / "faces", str(v))).decode() for v in table["video"]]
    owner = np.repeat(np.arange(len(crops)), [len(c) for c in crops])
    label = table["label"].to_numpy(float)
    print(f"{len(crops)} videos of {run}, {len(owner)} crops")
    for name, models in find_models(run / "models").items():
        spec = find_detector(models[0].record["detector"])
        if spec.looks_at != "face":
            continue
        size = int(models[0].record["size"])
        images = np.concatenate([resize(c, size) for c in crops])
        found, seconds, notes = [], [], []
        for faster, precision in (("openvino", "auto"), (None, "fp32")):
            place = spec.import_module(spec.devices).choose_device("cpu", precision)
            trained = TrainedDetector(name, spec, models, place, faster, precision == "auto")
            opened = trained.open(lambda images=images: images[:24])
            notes += opened.notes
            opened.logits(images[:8])
            began = time.process_time()
            logits = np.concatenate(
                [opened.logits(images[i : i + 64]) for i in range(0, len(images), 64)]
            )
            seconds.append(time.process_time() - began)
            mean = np.bincount(owner, logits) / np.bincount(owner)
            found.append(to_probability(mean))
        apart = np.abs(found[0] - found[1])
        losses = [log_loss(label, p) for p in found]
        print(
            f"{name:<20} videos' probabilities apart by {apart.max():.4f} at most, "
            f"{apart.mean():.4f} on average; log loss {losses[0]:.5f} and {losses[1]:.5f}; "
            f"{seconds[1] / seconds[0]:.1f} times as fast by CPU seconds"
        )
        for note in notes:
            print(f"  {note}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--crops", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--videos", type=int, default=200)
    asked = parser.parse_args()
    time_both(asked.size, asked.crops, asked.repeats)
    if asked.run is not None:
        compare_on_run(asked.run, asked.videos)


if __name__ == "__main__":
    main()
