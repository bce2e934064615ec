"""What a cluster costs by itself: 100,000 new videos whose faces and scores take milliseconds.

    python benchmarks/cluster_scale.py [--videos 100000] [--workers 2] [--folder runs/scale]

In place of looking for faces, four ready JPEGs are written for a video; in place of networks, one
of a single small layer scores them. Everything else is `predict --engine`: units of 32 videos,
scheduler, workers, a process a worker, the files of all machines, and the client that joins them.
Printed are seconds a video above the work itself (which is measured without a cluster), the most
memory of client, scheduler and workers, the number of files, and how many pieces a second the
scheduler carries that do nothing. Then, without a cluster: what it costs to list the folder, to
join fifteen million frame scores, and to make video scores of them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pyarrow as pa
from bench_memory import Peak

from base_models.compute.per_video import VideoFile, work_on_videos
from base_models.faces.images import encode_jpeg
from base_models.faces.store import FACES, Faces
from base_models.named_code import allow, import_class
from base_models.scoring import units
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.frame_scores import (
    SCHEMA,
    iter_frame_scores,
    join_frame_scores,
    write_frame_scores,
)
from predictions.engines.cluster import open_cluster
from predictions.frame_rules import rule_table_of
from predictions.parallel import engine_of, side_by_side

CHUNK = 32
FRAMES = 4
NETWORK = """
from torch import nn

class Small(nn.Module):
    size = 32
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 4, 8, 8)
        self.head = nn.Linear(4, 1)
    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
"""


@dataclass(frozen=True)
class Drawn:
    """Writes ready faces, as `Looking` writes those that it finds."""

    root: Path
    out: Path

    def at(self, videos: Sequence[str]) -> Iterator[tuple[str, VideoFile]]:
        """The files of some videos."""
        return work_on_videos(
            FACES, self.out, {video: video for video in videos}, _key, _faces, stage="faces"
        )

    def give_up(self, video: str) -> None:
        """No video kills what looks at it here."""
        raise AssertionError(video)


def _key(video: str) -> str:
    return f"drawn {video}"


def _faces(video: str) -> Faces:
    rng = np.random.default_rng(int(video[:-4]))
    frame, track = np.arange(FRAMES, dtype=np.int32), np.zeros(FRAMES, np.int32)
    box = np.tile(np.float32([10, 10, 60, 60]), (FRAMES, 1))
    small = rng.integers(0, 255, (FRAMES, 4, 4, 3), np.uint8)
    crops = [encode_jpeg(np.kron(one, np.ones((16, 16, 1), np.uint8))) for one in small]
    score = np.ones(FRAMES, np.float32)
    return Faces(frame, track, box, score, crops, "ok", "", FRAMES, 64, "mtcnn")


def trained(folder: Path) -> Path:
    """The models of a run whose one network is `NETWORK`."""
    run = folder / "run"
    code = folder / "small.py"
    code.write_text(NETWORK)
    named = import_class(code, "Small")
    allow(named.name, named)
    if (run / "models").is_dir():
        return run / "models"
    from fakeodds.demo.data import make_demo_set

    clips = make_demo_set(folder / "clips", people=6, test_people=1, seed=0)
    words = ("run", clips.train, "--out", run, "--detectors", f"{code}:Small")
    words = (*words, "--epochs", 1, "--frames", 4, "--folds", 2, "--no-report", "--meta", "mean")
    subprocess.run([sys.executable, "-m", "fakeodds", *map(str, words)], check=True)
    return run / "models"


def names_of(videos: int) -> list[str]:
    """Ids of so many videos."""
    return [f"{number:06d}.mp4" for number in range(videos)]


def work_alone(scoring: Scoring, drawn: Drawn, videos: int) -> float:
    """Seconds a video of the work itself, in one process without a cluster."""
    names = names_of(videos)
    parts = [names[i : i + CHUNK] for i in range(0, videos, CHUNK)]
    units._do(scoring, drawn, 0, parts[0])  # type: ignore[arg-type]  # opens the networks
    began = time.perf_counter()
    for number, part in enumerate(parts[1:], start=1):
        units._do(scoring, drawn, number, part)  # type: ignore[arg-type]
    return (time.perf_counter() - began) / (videos - CHUNK)


def nothing(number: int) -> int:
    """A piece that does nothing."""
    return number


def measured_cluster(folder: Path, models: Path, videos: int, workers: int) -> None:
    """The run of a cluster, and what the scheduler carries."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    python = [sys.executable, "-m"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    words = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)]
    started = [subprocess.Popen([*python, "distributed.cli.dask_scheduler", *words], **quiet)]
    try:
        while not file.exists() or not file.stat().st_size:
            time.sleep(0.1)
        words = ["--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        for _ in range(workers):
            worker = [*python, "distributed.cli.dask_worker", *words, "--host", "127.0.0.1"]
            started.append(subprocess.Popen(worker, **quiet))
        with open_cluster(str(file)) as cluster, engine_of(cluster):
            cluster.client.wait_for_workers(workers)
            list(side_by_side(nothing, ((n,) for n in range(200)), -1))
            began = time.perf_counter()
            pieces = 5000
            list(side_by_side(nothing, ((n,) for n in range(pieces)), -1))
            seconds = time.perf_counter() - began
            print(f"pieces that do nothing: {pieces / seconds:.0f} a second", flush=True)

            scoring = Scoring(
                chosen_models(models), folder / "alone/faces", folder / "alone/scores"
            )
            drawn = Drawn(folder, folder / "alone/faces")
            alone = work_alone(scoring, drawn, min(videos, 3200))
            print(f"the work itself: {1000 * alone:.2f} ms a video", flush=True)

            out = folder / "cluster"
            shutil.rmtree(out, ignore_errors=True)
            (out / "faces").mkdir(parents=True)
            scoring = Scoring(chosen_models(models), out / "faces", out / "scores")
            drawn = Drawn(folder, out / "faces")
            began = time.perf_counter()
            with Peak(os.getpid()) as client, Peak(started[0].pid) as scheduler:
                files, _ = units.score_in_units(
                    scoring,
                    names_of(videos),
                    looking=drawn,  # type: ignore[arg-type]
                    chunk=CHUNK,
                    progress=partial(told, time.perf_counter()),
                )
            seconds = time.perf_counter() - began
            above = seconds * workers / videos - alone
            print(
                f"{videos} videos by {workers} workers: {seconds:.0f} s, "
                f"{videos / seconds:.0f} a second; "
                f"{1000 * above:.2f} ms a video and worker above the work itself"
            )
            print(f"memory: client {client.mb:.0f} MB, scheduler {scheduler.mb:.0f} MB")
            kept = sum(len(names) for _, _, names in os.walk(out))
            print(f"files: {kept} in the end for {len(files)} videos", flush=True)
    finally:
        for process in started:
            process.kill()
            process.wait()


def told(began: float, stage: str, done: int, total: int) -> None:
    """Progress, from time to time."""
    if done % (CHUNK * 500) == 0:
        print(f"  {done} of {total} after {time.perf_counter() - began:.0f} s", flush=True)


def in_a_process(name: str, work: partial) -> None:
    """Call it in a process of its own; print seconds and the most memory."""
    context = get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_timed, args=(work, queue))
    process.start()
    seconds, before, peak = queue.get()
    process.join()
    print(f"{name}: {seconds:.1f} s, {peak:.0f} MB at most ({before:.0f} MB before)", flush=True)


def _timed(work: partial, queue: object) -> None:
    def held() -> float:  # getrusage would count what the parent held
        status = Path("/proc/self/status").read_text()
        return float(status.partition("VmHWM:")[2].split()[0]) / 1024

    before, began = held(), time.perf_counter()
    work()
    queue.put((time.perf_counter() - began, before, held()))  # type: ignore[attr-defined]


def write_pieces(folder: Path, videos: int, frames: int) -> list[Path]:
    """Frame scores as units leave them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, names, pieces = np.random.default_rng(0), names_of(videos), []
    for start in range(0, videos, CHUNK):
        part = names[start : start + CHUNK]
        columns = [
            pa.array(np.repeat(part, frames)),
            pa.array(np.tile(np.arange(frames, dtype=np.int32), len(part))),
            pa.array(np.zeros(frames * len(part), np.int32)),
            pa.array(["small"] * (frames * len(part))),
            pa.array(rng.normal(size=frames * len(part)).astype(np.float32)),
        ]
        pieces.append(folder / f"{start:06}.parquet")
        write_frame_scores(pa.Table.from_arrays(columns, schema=SCHEMA), pieces[-1])
    return pieces


def video_scores(path: Path) -> None:
    """What `predict` makes of the frame scores of one detector."""
    rule_table_of(iter_frame_scores(path), "median", "max")


def list_folder(folder: Path) -> None:
    """What `predict` reads of the videos before it looks at any of them."""
    from base_models.datasets.several import read_new
    from base_models.faces.settings import FaceSettings
    from fakeodds.workflows.media import faces_inputs

    faces_inputs(read_new([folder]), FaceSettings(), {})


def main() -> None:
    """Measure one after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--frames", type=int, default=150, help="of a video, where they are joined")
    parser.add_argument("--folder", type=Path, help="where; a temporary one, which goes, if not")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="fakeodds-scale-"))
    try:
        folder.mkdir(exist_ok=True, parents=True)
        models = trained(folder)
        measured_cluster(folder, models, options.videos, options.workers)
        pieces = write_pieces(folder / "pieces", options.videos, options.frames)
        joined = folder / "joined.parquet"
        rows = options.videos * options.frames
        in_a_process(f"join {rows} frame scores", partial(join_frame_scores, pieces, joined))
        in_a_process(f"video scores of {rows} frame scores", partial(video_scores, joined))
        files = folder / "files"
        files.mkdir(exist_ok=True)
        for number in range(options.videos):
            (files / f"{number:06d}.mp4").write_bytes(number.to_bytes(4, "big") * 25_000)
        in_a_process(
            f"list and hash the ends of {options.videos} files of 100 kB",
            partial(list_folder, files),
        )
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
