"""From file to faces: ours beside facenet-pytorch and what people choose for speed.

    python benchmarks/faces.py FOLDER [--videos 24] [--frames 30] [--repeats 3] [--min-face SHARE]
                               [--height 1080] [--yunet FILE] [--truth-every 6]
                               [--misses misses.jpg]

All work through the same videos with all cores, in turns. Peers as their users run them, one video
after the other in one process, on frames that OpenCV decodes (`face_peers.py`); those that are not
installed are named and left out. Ours as `fakeodds faces` does it: a process a core, JPEG crops
written. Printed for each: the median of the repeats' videos per minute with their range, the median
ratio of ours to it, CPU seconds a video, its faces among those that an exhaustive search finds in
every sixth of the frames (IoU of at least .3, as networks draw boxes differently); then how many of
facenet-pytorch's faces ours has (IoU of at least .5), and the share of our stages. `--height`
enlarges the videos first; `--misses` draws what ours lacks of facenet-pytorch's: its boxes in red,
ours in green.
"""

import argparse
import sys
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pandas as pd
from bench_media import describe_cpu, write_resized
from face_peers import Boxes, Exhaustive, as_mtcnn, decoded, look, peers, recalled
from face_stages import stage_seconds
from numpy.typing import NDArray

from base_models.datasets import list_videos
from base_models.datasets.dataset import Dataset
from base_models.faces.extract import extract_faces
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, load_faces
from base_models.video.decode import decode_frames, index_video

OURS, FIRST = "fakeodds", "facenet-pytorch"
#: A true face is found if a box shares this IoU with it; one of facenet-pytorch's if this.
TRUE_IOU, SAME_IOU = 0.3, 0.5


def read_ours(path: Path) -> Boxes:
    """Boxes (n, 4) by frame number, as `fakeodds faces` stored them."""
    faces = load_faces(path)
    boxes: Boxes = defaultdict(lambda: np.empty((0, 4)))
    for frame in np.unique(faces.frame):
        boxes[int(frame)] = faces.box[faces.frame == frame].astype(float)
    return boxes


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


def search_truth(paths: list[Path], options: argparse.Namespace) -> list[Boxes]:
    """What the exhaustive search finds in some of the frames of each video."""
    search = Exhaustive(options.yunet)
    truth = []
    for path in paths:
        some = list(decoded(path, options.frames))[:: options.truth_every]
        least = options.min_face * min(some[0][1].shape[:2])
        truth.append({number: search(picture, least) for number, picture in some})
    return truth


def run(folder: Path, names: list[str], options: argparse.Namespace) -> None:
    """Time all on the same videos and print the comparison."""
    settings = FaceSettings(frames=options.frames, min_face=options.min_face)
    paths = [folder / name for name in names]
    others, left_out = peers(options.yunet)
    dataset = Dataset(folder, pd.DataFrame({"video": pd.array(names, dtype="string")}))
    with TemporaryDirectory() as out:
        extract_faces(replace(dataset, videos=dataset.videos[:4]), Path(out), settings, jobs=-1)
    seconds: dict[str, list[float]] = defaultdict(list)
    cpu: dict[str, float] = {}
    found: dict[str, list[Boxes]] = {}
    for _ in range(options.repeats):
        for name, peer in others.items():
            began, used = time.perf_counter(), time.process_time()
            found[name] = [as_mtcnn(name, look(peer, path, options.frames)) for path in paths]
            seconds[name].append(time.perf_counter() - began)
            cpu[name] = (time.process_time() - used) / len(paths)
            print(f"{name}: {seconds[name][-1]:.1f} s", file=sys.stderr)
        with TemporaryDirectory() as out:
            began = time.perf_counter()
            extract_faces(dataset, Path(out), settings, jobs=-1)
            seconds[OURS].append(time.perf_counter() - began)
            found[OURS] = [read_ours(faces_path(Path(out), name)) for name in names]
    stages = stage_seconds(paths, settings)
    cpu[OURS] = sum(stages.values())
    truth = search_truth(paths, options)
    print(describe_cpu())
    print(f"{folder}: {len(paths)} videos, {options.frames} frames each, {options.repeats} repeats")
    for name, reason in left_out.items():
        print(f"{name:<24} left out: {reason}")
    for name in (*others, OURS):
        low, middle, high = np.quantile(60 * len(paths) / np.array(seconds[name]), [0, 0.5, 1])
        ratio = np.median(np.array(seconds[name]) / np.array(seconds[OURS]))
        hits, total = totals(truth, found[name], TRUE_IOU)
        print(
            f"{name:<24}{middle:8.1f} videos/min ({low:.1f} to {high:.1f})  ours {ratio:6.2f} times"
            f"  CPU {cpu[name]:6.3f} s a video  ours {cpu[name] / cpu[OURS]:6.2f} times"
            f"  true faces {hits} of {total}"
        )
    if FIRST in others:
        hits, total = totals(found[FIRST], found[OURS], SAME_IOU)
        print(f"{FIRST}'s faces that ours has: {hits} of {total} ({hits / max(total, 1):.2%})")
    shares = ", ".join(f"{name} {s / cpu[OURS]:.1%}" for name, s in stages.items())
    print(f"our CPU time: {shares}")
    if options.misses and FIRST in others:
        draw_misses(options.misses, paths, found[FIRST], found[OURS])


def totals(truth: list[Boxes], found: list[Boxes], overlap: float) -> tuple[int, int]:
    """`recalled` of all videos."""
    counted = [recalled(*pair, overlap)[:2] for pair in zip(truth, found, strict=True)]
    hits, total = np.array(counted).sum(axis=0)
    return int(hits), int(total)


def draw_misses(file: Path, paths: list[Path], peer: list[Boxes], ours: list[Boxes]) -> None:
    """One picture of all frames in which ours lacks a face of the peer's; none without any."""
    pictures = [
        draw(path, frame, theirs, mine)
        for path, theirs, mine in zip(paths, peer, ours, strict=True)
        for frame in recalled(theirs, mine, SAME_IOU)[2]
    ]
    if pictures:
        widest = max(picture.shape[1] for picture in pictures)
        padded = [np.pad(p, ((0, 4), (0, widest - p.shape[1]), (0, 0))) for p in pictures]
        cv2.imwrite(str(file), np.concatenate(padded))


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--videos", type=int, default=24)
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--min-face", type=float, default=FaceSettings().min_face)
    parser.add_argument("--height", type=int, help="enlarge the videos to this height first")
    parser.add_argument("--yunet", type=Path, help="an ONNX file of YuNet for one size")
    parser.add_argument("--truth-every", type=int, default=6, help="judged: every so many frames")
    parser.add_argument("--misses", type=Path, help="write a picture of the faces that ours lacks")
    options = parser.parse_args()
    names = list_videos(options.folder)
    names = names[:: max(1, len(names) // options.videos)][: options.videos]
    with TemporaryDirectory() as made:
        folder = options.folder
        if options.height:
            folder = enlarge(folder, names, options.height, Path(made))
        run(folder, names, options)


if __name__ == "__main__":
    main()
