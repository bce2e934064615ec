"""Videos per minute from file to faces: ours beside facenet-pytorch on frames from OpenCV.

    python benchmarks/faces.py FOLDER [--videos 24] [--frames 30] [--repeats 3] [--min-face SHARE]

Both work through the same videos with all cores, in turns. The peer as its users run it, one video
after the other in one process: OpenCV decodes evenly spaced frames, and `MTCNN(margin=14,
keep_all=True, post_process=False, thresholds=[.9, .9, .9])` looks at each. Ours as `fakeodds faces`
does it: a process a core, JPEG crops written. Printed: the median of the repeats' videos per minute
with their range, and how many of the peer's faces ours has too (IoU of at least .5), on frames that
both looked at.
"""

import argparse
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image

from base_models.datasets import list_videos
from base_models.datasets.dataset import Dataset
from base_models.faces import FaceSettings
from base_models.faces.extract import extract_faces
from base_models.faces.store import faces_path, load_faces
from base_models.faces.tracks import box_iou
from base_models.video import choose_frames, index_video

Boxes = dict[int, NDArray[np.float64]]


def find_with_peer(finder: MTCNN, path: Path, frames: int) -> Boxes:
    """Boxes (n, 4) by frame number: what the peer's users run."""
    capture = cv2.VideoCapture(str(path))
    count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
    # The frames that ours takes, so that the boxes can be compared.
    wanted = set(choose_frames(np.arange(count, dtype=np.float64), frames).tolist())
    boxes: Boxes = {}
    for number in range(count):
        if not capture.grab():
            break
        if number in wanted:
            image = cv2.cvtColor(capture.retrieve()[1], cv2.COLOR_BGR2RGB)
            picture = Image.fromarray(image)
            found, _ = finder.detect(picture)
            boxes[number] = np.empty((0, 4)) if found is None else np.asarray(found, float)
            if found is not None:
                finder.extract(picture, found, None)  # its crops, as ours cuts and stores ours
    capture.release()
    return boxes


def read_ours(path: Path) -> Boxes:
    """Boxes (n, 4) by frame number, as `fakeodds faces` stored them."""
    faces = load_faces(path)
    boxes: Boxes = defaultdict(lambda: np.empty((0, 4)))
    for frame in np.unique(faces.frame):
        boxes[int(frame)] = faces.box[faces.frame == frame].astype(float)
    return boxes


def count_recalled(peer: Boxes, ours: Boxes, looked_at: set[int]) -> tuple[int, int]:
    """How many of the peer's boxes ours has, and how many there are."""
    recalled = total = 0
    for frame in looked_at & peer.keys():
        if len(peer[frame]):
            total += len(peer[frame])
            mine = ours.get(frame, np.empty((0, 4)))
            if len(mine):
                recalled += int((box_iou(peer[frame], mine).max(axis=1) >= 0.5).sum())
    return recalled, total


def run(folder: Path, n_videos: int, frames: int, repeats: int, settings: FaceSettings) -> None:
    """Time both on the same videos and print the comparison."""
    names = list_videos(folder)
    names = names[:: max(1, len(names) // n_videos)][:n_videos]
    paths = [folder / name for name in names]
    finder = MTCNN(margin=14, keep_all=True, post_process=False, thresholds=[0.9, 0.9, 0.9])
    dataset = Dataset(folder, pd.DataFrame({"video": pd.array(names, dtype="string")}))
    find_with_peer(finder, paths[0], 2)
    with TemporaryDirectory() as out:
        extract_faces(replace(dataset, videos=dataset.videos[:2]), Path(out), settings)
    rates: dict[str, list[float]] = {"peer": [], "ours": []}
    boxes = []
    for repeat in range(repeats):
        began = time.perf_counter()
        found = [find_with_peer(finder, path, frames) for path in paths]
        middle = time.perf_counter()
        with TemporaryDirectory() as out:
            extract_faces(dataset, Path(out), settings)
            end = time.perf_counter()
            if repeat == 0:
                ours = [read_ours(faces_path(Path(out), name)) for name in names]
                boxes = list(zip(paths, found, ours, strict=True))
        rates["peer"].append(60 * len(paths) / (middle - began))
        rates["ours"].append(60 * len(paths) / (end - middle))
    recalled = total = extra = 0
    for path, peer, mine in boxes:
        looked_at = set(choose_frames(index_video(path).times, frames).tolist())
        hits, there = count_recalled(peer, mine, looked_at)
        recalled, total = recalled + hits, total + there
        extra += sum(map(len, mine.values())) - hits
    print(f"{folder}: {len(paths)} videos, {frames} frames each, {repeats} repeats")
    for name, label in (("peer", "facenet-pytorch + OpenCV"), ("ours", "fakeodds")):
        low, middle_rate, high = np.quantile(rates[name], [0, 0.5, 1])
        print(f"{label:<26}{middle_rate:8.1f} videos/min   ({low:.1f} to {high:.1f})")
    ratio = np.median(np.array(rates["ours"]) / np.array(rates["peer"]))
    print(f"ratio {ratio:.2f}; the peer's faces that ours has: {recalled} of {total}", end="")
    print(f" ({recalled / total:.2%})" if total else "", end="")
    print(f"; ours beyond those: {extra}")


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--min-face", type=float, default=FaceSettings().min_face)
    options = parser.parse_args()
    settings = FaceSettings(frames=options.frames, min_face=options.min_face)
    run(options.folder, options.videos, options.frames, options.repeats, settings)


if __name__ == "__main__":
    main()
