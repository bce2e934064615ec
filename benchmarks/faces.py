"""Videos per minute from file to faces: ours beside facenet-pytorch on frames from OpenCV.

    python benchmarks/faces.py FOLDER [--videos 24] [--frames 30] [--repeats 3] [--min-face SHARE]
                               [--height 1080] [--misses misses.jpg]

Both work through the same videos with all cores, in turns. The peer as its users run it, one video
after the other in one process: OpenCV decodes evenly spaced frames, and `MTCNN(margin=14,
keep_all=True, post_process=False, thresholds=[.9, .9, .9])` looks at each. Ours as `fakeodds faces`
does it: a process a core, JPEG crops written. Printed: the median of the repeats' videos per minute
with their range, and how many of the peer's faces ours has too (IoU of at least .5), on frames that
both looked at. `--height` enlarges the videos first; `--misses` draws what ours lacks: the peer's
boxes in red, ours in green.
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
from bench_media import describe_cpu, write_resized
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image

from base_models.datasets import list_videos
from base_models.datasets.dataset import Dataset
from base_models.faces.extract import extract_faces
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces
from base_models.faces.tracks import box_iou
from base_models.video.choose import choose_frames
from base_models.video.decode import decode_frames, index_video

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


def count_recalled(peer: Boxes, ours: Boxes, looked_at: set[int]) -> tuple[int, int, list[int]]:
    """How many of the peer's boxes ours has, how many there are, and the frames where one lacks."""
    recalled = total = 0
    lacking = []
    for frame in sorted(looked_at & peer.keys()):
        mine = ours.get(frame, np.empty((0, 4)))
        overlap = box_iou(peer[frame], mine).max(axis=1, initial=0)
        recalled, total = recalled + int((overlap >= 0.5).sum()), total + len(overlap)
        if (overlap < 0.5).any():
            lacking.append(frame)
    return recalled, total, lacking


def draw(path: Path, frame: int, peer: Boxes, ours: Boxes) -> NDArray[np.uint8]:
    """A frame with the peer's boxes in red and ours in green; BGR (360, width, 3)."""
    image = next(iter(decode_frames(index_video(path), [frame]))).image[..., ::-1].copy()
    for boxes, colour in ((peer, (0, 0, 255)), (ours, (0, 255, 0))):
        for x0, y0, x1, y1 in boxes.get(frame, np.empty((0, 4))).round().astype(int).tolist():
            cv2.rectangle(image, (x0, y0), (x1, y1), colour, 2)
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(width * 360 / height), 360))
    label = f"{path.name}, frame {frame}"
    cv2.putText(small, label, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255))
    return np.asarray(small, np.uint8)


def enlarge(folder: Path, names: list[str], height: int, out: Path) -> Path:
    """Ten seconds of each of the videos at another height, in the folder `out`."""
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        write_resized(folder / name, out / name, height)
    return out


def run(
    folder: Path,
    names: list[str],
    frames: int,
    repeats: int,
    settings: FaceSettings,
    misses: Path | None,
) -> None:
    """Time both on the same videos and print the comparison."""
    paths = [folder / name for name in names]
    finder = MTCNN(margin=14, keep_all=True, post_process=False, thresholds=[0.9, 0.9, 0.9])
    dataset = Dataset(folder, pd.DataFrame({"video": pd.array(names, dtype="string")}))
    find_with_peer(finder, paths[0], 2)
    with TemporaryDirectory() as out:
        extract_faces(replace(dataset, videos=dataset.videos[:4]), Path(out), settings, jobs=-1)
    rates: dict[str, list[float]] = {"peer": [], "ours": []}
    boxes = []
    for repeat in range(repeats):
        began = time.perf_counter()
        found = [find_with_peer(finder, path, frames) for path in paths]
        middle = time.perf_counter()
        with TemporaryDirectory() as out:
            extract_faces(dataset, Path(out), settings, jobs=-1)
            end = time.perf_counter()
            if repeat == 0:
                ours = [read_ours(faces_path(Path(out), name)) for name in names]
                boxes = list(zip(paths, found, ours, strict=True))
        rates["peer"].append(60 * len(paths) / (middle - began))
        rates["ours"].append(60 * len(paths) / (end - middle))
    recalled = total = extra = 0
    pictures = []
    for path, peer, mine in boxes:
        looked_at = set(choose_frames(index_video(path).times, frames).tolist())
        hits, there, lacking = count_recalled(peer, mine, looked_at)
        pictures += [draw(path, frame, peer, mine) for frame in lacking if misses]
        recalled, total = recalled + hits, total + there
        extra += sum(map(len, mine.values())) - hits
    if misses and pictures:
        widest = max(picture.shape[1] for picture in pictures)
        padded = [np.pad(p, ((0, 4), (0, widest - p.shape[1]), (0, 0))) for p in pictures]
        cv2.imwrite(str(misses), np.concatenate(padded))
    print(describe_cpu())
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
    parser.add_argument("--height", type=int, help="enlarge the videos to this height first")
    parser.add_argument("--misses", type=Path, help="write a picture of the faces that ours lacks")
    options = parser.parse_args()
    settings = FaceSettings(frames=options.frames, min_face=options.min_face)
    names = list_videos(options.folder)
    names = names[:: max(1, len(names) // options.videos)][: options.videos]
    with TemporaryDirectory() as made:
        folder = options.folder
        if options.height:
            folder = enlarge(folder, names, options.height, Path(made))
        run(folder, names, options.frames, options.repeats, settings, options.misses)


if __name__ == "__main__":
    main()
