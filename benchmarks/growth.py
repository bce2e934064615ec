"""How seconds and memory grow with videos, frames, detectors, rows and columns.

    python benchmarks/growth.py VIDEO [--rows 1000000] [--videos 10000] [--only rows columns ...]

Videos: `fakeodds predict` on so many links to VIDEO at 360p, by a run that is made for it. Frames
and detectors: its path from file to scores in this process, on copies of VIDEO at 720p, by
detectors of random weights, one model each. Rows and columns: `fakeodds stack --no-report` on drawn
scores. Memory of a command is that of its process and all it starts. Each line is one measurement.
Writes growth.svg and the section "How it grows" of benchmarks/README.md, anew after each line; what
is not among `--only` stays as it is there.
"""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench_media import DETECTORS, describe_cpu, open_scratch, write_resized
from bench_memory import Peak, measure_command
from end_to_end import time_videos
from large_run import draw_scores
from matplotlib.figure import Figure

from base_models.faces.settings import FaceSettings
from base_models.scoring.online import VideoScorer
from fakeodds.demo.data import make_demo_set

HERE = Path(__file__).resolve().parent
_BEGIN, _END = "<!-- growth: begin -->", "<!-- growth: end -->"
#: What grows, the seconds in all and the most memory in MB.
Point = tuple[int, float, float]

#: What grows -> its unit, and what stays as it is meanwhile.
SERIES = {
    "videos": "videos (8 frames, one detector)",
    "frames": "frames of each of 4 videos (five detectors)",
    "detectors": "detectors (4 videos, 16 frames)",
    "columns": "columns (1,000 rows)",
    "rows": "rows (16 columns)",
}
_DETECTORS = (1, 2, 4, 8, 16)
_FRAMES = (1, 2, 4, 8, 16, 32, 64)
_COLUMNS = (2, 5, 10, 20, 50, 100, 200)

#: What answers for the videos: one detector of random weights, two folds.
_RUN = (
    *("--detectors", "mobilenetv3_large", "--weights", "scratch", "--epochs", "1", "--folds", "2"),
    *("--frames", "8", "--frames-per-video", "2", "--no-report", "--quiet"),
)


def up_to(most: int, first: int) -> Iterator[int]:
    """Powers of ten times `first`, and `most`."""
    while first < most:
        yield first
        first *= 10
    yield most


def measure_videos(video: Path, most: int, folder: Path) -> Iterator[Point]:
    """Points of `videos`."""
    made, run = make_demo_set(folder / "demo", people=6, test_people=1), folder / "run"
    measure_command("run", made.train, "--out", run, *_RUN)
    measure_command("predict", run, made.test, "--quiet")  # the first call exports
    path = write_resized(video, folder / "video.mp4", 360)
    for size in up_to(most, 1):
        links = folder / f"videos-{size}"
        links.mkdir()
        for number in range(size):
            (links / f"{number:06d}.mp4").symlink_to(path)
        seconds, mb = measure_command("predict", run, links, "--quiet")
        yield size, seconds, mb


def measure_media(name: str, video: Path, folder: Path) -> Iterator[Point]:
    """Points of `frames` or `detectors`."""
    names = [DETECTORS[i % len(DETECTORS)] for i in range(16 if name == "detectors" else 5)]
    opened = open_scratch(names, 224, "openvino")
    scorer = VideoScorer(FaceSettings(frames=64), opened)
    every = list(scorer.detectors)
    path = write_resized(video, folder / "video.mp4", 720)
    scorer.score(path, 2, every)  # the first call prepares
    for size in _FRAMES if name == "frames" else _DETECTORS:
        frames, taken = (size, every[:5]) if name == "frames" else (16, every[:size])
        with Peak(os.getpid()) as peak:
            seconds, _ = time_videos(scorer, [path] * 4, frames, taken)
        yield size, seconds, peak.mb


def measure_tables(name: str, most: int, folder: Path) -> Iterator[Point]:
    """Points of `rows` or `columns`."""
    sizes = [(n, 16) for n in up_to(most, 1000)]
    if name == "columns":
        sizes = [(1000, columns) for columns in _COLUMNS]
    for rows, columns in sizes:
        table, out = folder / "scores.csv", folder / f"run-{rows}-{columns}"
        draw_scores(rows, columns, table)
        words = ["stack", table, "--group", "group", "--no-report", "--quiet", "--out", out]
        seconds, mb = measure_command(*words)
        yield columns if name == "columns" else rows, seconds, mb


def as_table(name: str, points: list[Point]) -> str:
    """The points as a Markdown table."""
    lines = [
        f"| {SERIES[name]} | seconds | seconds each | peak memory |",
        "| --: | --: | --: | --: |",
        *(f"| {n:,} | {s:.1f} | {s / n:.3g} | {mb:,.0f} MB |" for n, s, mb in points),
    ]
    return "\n".join(lines)


def plot(measured: dict[str, list[Point]]) -> Figure:
    """Seconds against what grows, a panel each, both on a scale of powers."""
    figure = Figure(figsize=(3 * len(measured), 3), layout="constrained")
    panels = figure.subplots(1, len(measured), squeeze=False)[0]
    for axes, (name, points) in zip(panels, measured.items(), strict=True):
        axes.loglog([n for n, _, _ in points], [s for _, s, _ in points], marker="o")
        axes.set(xlabel=SERIES[name], ylabel="seconds")
        axes.grid(color="#e6eaee", linewidth=0.6, which="both")
    return figure


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--videos", type=int, default=10_000)
    parser.add_argument("--only", nargs="+", choices=list(SERIES), default=list(SERIES))
    asked = parser.parse_args()
    measured = read_page()
    for name in asked.only:
        measured[name] = []
        with TemporaryDirectory() as made:
            if name in ("rows", "columns"):
                points = measure_tables(name, asked.rows, Path(made))
            elif name == "videos":
                points = measure_videos(asked.video, asked.videos, Path(made))
            else:
                points = measure_media(name, asked.video, Path(made))
            for point in points:
                measured[name].append(point)
                print(f"{name} {point[0]:,}: {point[1]:.1f} s, {point[2]:,.0f} MB", flush=True)
                write_page(measured)


def read_page() -> dict[str, list[Point]]:
    """What the page says was measured."""
    page = (HERE / "README.md").read_text(encoding="utf-8").split(_BEGIN)[1].split(_END)[0]
    measured: dict[str, list[Point]] = {name: [] for name in SERIES}
    for name, unit in SERIES.items():
        _, _, rest = page.partition(f"| {unit} |")
        for line in rest.split("\n\n")[0].splitlines()[2:]:
            cells = line.replace(",", "").removesuffix(" MB |").strip("| ").split(" | ")
            n, seconds, each, mb = map(float, cells)
            # Of few the seconds each have more digits.
            finer = n * each if abs(n * each - seconds) <= 0.05 else seconds
            measured[name].append((int(n), finer, mb))
    return {name: points for name, points in measured.items() if points}


def write_page(measured: dict[str, list[Point]]) -> None:
    """Write what is measured so far: the last points take longest."""
    section = [
        f"Measured by `growth.py` on: {describe_cpu()}.",
        "![seconds against what grows](growth.svg)",
        *(as_table(name, points) for name, points in measured.items()),
    ]
    plot(measured).savefig(HERE / "growth.svg", metadata={"Date": None})
    page = HERE / "README.md"
    before, rest = page.read_text(encoding="utf-8").split(_BEGIN)
    after = rest.split(_END)[1]
    body = "\n\n".join(section)
    page.write_text(f"{before}{_BEGIN}\n{body}\n{_END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
