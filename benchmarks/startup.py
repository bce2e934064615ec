"""How long a fresh process takes until a run's stack and detectors are open, against torch alone.

    python benchmarks/startup.py [--run RUN] [--folds 1] [--repeats 5]

RUN has trained detectors that looked at new videos before, so that their exports are there; without
it one is made: the mission's five, random weights, 224 pixels, two folds. `--folds`: so many models
of each detector are opened. The other side imports torch and timm and loads the same weights into
networks of theirs. In turns; medians, with where our seconds go.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench_media import DETECTORS, describe_cpu
from bench_memory import measure_command

from fakeodds.demo.data import make_demo_set

OURS = """
import json, sys, time
from importlib import import_module
from pathlib import Path
run, folds, stages = Path(sys.argv[1]), int(sys.argv[2]), {}
def lap(stage, began):
    stages[stage] = time.perf_counter() - began
    return time.perf_counter()
at = time.perf_counter()
import_module("fakeodds.commands.predict")
for name in ("new_videos", "submission", "report"):
    import_module(f"fakeodds.workflows.{name}")
at = lap("imports", at)
import_module("stacking").load_stack(run / "stack")
at = lap("stack", at)
from concurrent.futures import ThreadPoolExecutor
from base_models.compute.threads import available_threads
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.opened import TrainedDetector
detectors = []
for name, models in chosen_models(run / "models").items():
    spec = models[0].spec
    place = spec.import_module(spec.devices).choose_device("cpu")
    detectors.append(TrainedDetector(name, spec, models[:folds], place, "openvino"))
with ThreadPoolExecutor(available_threads()) as pool:
    opened = list(pool.map(TrainedDetector.open_kept, detectors))
assert all("OpenVino" in type(one.backends[0]).__name__ for one in opened)
lap("networks", at)
assert "torch" not in sys.modules
print(json.dumps(stages), flush=True)
"""
THEIRS = """
import sys
from pathlib import Path
import safetensors.torch, timm, torch
from base_models.detectors import find_detector
from base_models.scoring.fold_models import chosen_models
for name, models in chosen_models(Path(sys.argv[1]) / "models").items():
    for model in models[: int(sys.argv[2])]:
        network = timm.create_model(find_detector(name).architecture, num_classes=1).eval()
        network.load_state_dict(safetensors.torch.load_file(model.weights))
print("{}", flush=True)
"""


def make_run(folder: Path) -> Path:
    """The five on made-up clips, with their exports."""
    made, run = make_demo_set(folder / "clips", people=4, test_people=1), folder / "run"
    words = [
        *("run", made.train, "--out", run, "--detectors", ",".join(DETECTORS)),
        *("--test", made.test, "--weights", "scratch", "--size", "224", "--folds", "2"),
        *("--epochs", "1", "--frames", "2", "--frames-per-video", "1", "--no-report"),
    ]
    measure_command(*words)
    return run


def seconds_of(code: str, run: Path, folds: int) -> tuple[float, str]:
    """Of a fresh process until it says that all is open, and what it says."""
    began = time.perf_counter()
    command = [sys.executable, "-c", code, str(run), str(folds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline()
        seconds = time.perf_counter() - began
    if process.returncode:
        sys.exit(f"a process ended with {process.returncode}")
    return seconds, told


def main() -> None:
    """Measure in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", type=Path)
    parser.add_argument("--folds", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(describe_cpu())
    with TemporaryDirectory() as made:
        run = asked.run or make_run(Path(made))
        ours, theirs, stages = [], [], []
        for _ in range(asked.repeats):
            theirs.append(seconds_of(THEIRS, run, asked.folds)[0])
            seconds, told = seconds_of(OURS, run, asked.folds)
            ours.append(seconds)
            stages.append(json.loads(told))
    shares = ", ".join(f"{name} {median(one[name] for one in stages):.2f}" for name in stages[0])
    for name, seconds in (("fakeodds", ours), ("torch and timm", theirs)):
        print(f"{name:15} {median(seconds):5.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"fakeodds: {shares} s; {median(theirs) / median(ours):.1f} times as fast")


if __name__ == "__main__":
    main()
