"""Which faces are found: ours beside its peers, over whole folders of clips.

    python benchmarks/face_recall.py FOLDER [FOLDER ...] [--frames 30] [--every 10]
                                     [--yunet FILE] [--seen seen.json] [--misses misses.jpg]

In every tenth of the evenly spaced frames of every clip, at its own size, an exhaustive search
tells which faces there are (`face_peers.Exhaustive`), and each peer is asked. That is slow and does
not change with our code: `--seen` names a file that keeps it, clip by clip. Then ours looks at the
clips as `fakeodds faces` does. Printed for each finder: how many of the faces of at least
`FaceSettings.min_face` it has (IoU of at least .3, as networks draw boxes differently), and how
many of its boxes are false: of that size too, and on none of the faces of any size; then how many
of facenet-pytorch's faces ours has (IoU of at least .5), and of those that are true.
`--misses` draws the true faces that ours lacks, in red, and ours in green.
"""

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import torch
from bench_media import describe_cpu
from face_peers import Boxes, Exhaustive, as_mtcnn, decoded, peers, recalled, yunet
from faces import FIRST, OURS, SAME_IOU, TRUE_IOU, draw, read_ours
from numpy.typing import NDArray

from base_models.datasets import list_videos
from base_models.faces.extract import extract_video
from base_models.faces.settings import FaceSettings
from base_models.faces.store import faces_path, write_faces
from base_models.faces.tracks import box_iou

#: Scores of YuNet that are asked for too; the last is OpenCV's own.
STRICT = (0.8, 0.9)
#: What the exhaustive search sees is kept under this name.
TRUTH = "exhaustive"


class Seen:
    """What the exhaustive search and the peers see in some frames of each clip.

    Args:
        file: where it is kept; None: nowhere.
        yunet: a file of YuNet.
        frames, every: every so many of so many evenly spaced frames are looked at.
    """

    def __init__(self, file: Path | None, yunet: Path | None, frames: int, every: int) -> None:
        self._file, self._yunet, self._frames, self._every = file, yunet, frames, every
        self._known: dict[str, Any] = {}
        self._finders: dict[str, Any] = {}
        if file is not None and file.exists():
            self._known = json.loads(file.read_text())

    def of(self, path: Path) -> dict[str, Any]:
        """`size` (height, width), and boxes by finder and frame number; looked for if not known."""
        key = f"{path.parent.name}/{path.name} {self._frames} {self._every}"
        if key not in self._known:
            self._known[key] = self._look(path)
            if self._file is not None:
                whole = self._file.with_suffix(".part")
                whole.write_text(json.dumps(self._known))
                whole.replace(self._file)
        seen = self._known[key]
        return {"size": seen["size"], **{n: _as_boxes(b) for n, b in seen["boxes"].items()}}

    def _look(self, path: Path) -> dict[str, Any]:
        if not self._finders:
            exhaustive = Exhaustive(self._yunet)
            others, left_out = peers(self._yunet)
            if self._yunet is not None:  # the more it has, the more are false
                others |= {f"YuNet from {score} on": yunet(self._yunet, score) for score in STRICT}
            for name, reason in left_out.items():
                print(f"{name:<24} left out: {reason}", file=sys.stderr)
            self._finders = {TRUTH: lambda picture: exhaustive(picture, 0), **others}
        some = list(decoded(path, self._frames))[self._every // 2 :: self._every]
        boxes = {
            name: {number: np.round(find(picture), 2).tolist() for number, picture in some}
            for name, find in self._finders.items()
        }
        return {"size": some[0][1].shape[:2] if some else (0, 0), "boxes": boxes}


def _as_boxes(kept: dict[str, list[list[float]]]) -> Boxes:
    return {int(n): np.array(boxes, float).reshape(-1, 4) for n, boxes in kept.items()}


def large(boxes: Boxes, least: float) -> Boxes:
    """Those whose longer side has at least so many pixels."""
    return {n: b[(b[:, 2:] - b[:, :2]).max(axis=1, initial=0) >= least] for n, b in boxes.items()}


def false_ones(found: Boxes, truth: Boxes) -> int:
    """How many boxes lie on no true face."""
    return sum(
        int((box_iou(boxes, truth[number]).max(axis=1, initial=0) < TRUE_IOU).sum())
        for number, boxes in found.items()
        if number in truth
    )


def look(path: Path, settings: FaceSettings, at: Path) -> Boxes:
    """Our boxes, as they are stored."""
    write_faces(extract_video(path, settings, threads=1), at, "recall")
    return read_ours(at)


def run(paths: list[Path], options: argparse.Namespace) -> None:
    """Count and print."""
    settings = FaceSettings(frames=options.frames)
    seen = Seen(options.seen, options.yunet, options.frames, options.every)
    counts: dict[str, NDArray[np.int64]] = {}
    agreed = np.zeros(4, np.int64)
    pictures = []
    for at, path in enumerate(paths):
        here = seen.of(path)
        least = settings.min_face * min(here.pop("size"))
        truth = here.pop(TRUTH)
        if not truth:
            continue
        found = {name: as_mtcnn(name, boxes) for name, boxes in here.items()}
        ours = look(path, settings, faces_path(options.out, path.name))
        found[OURS] = {number: ours[number] for number in truth}
        wanted = large(truth, least)
        for name, boxes in found.items():
            hits, total, lacking = recalled(wanted, boxes, TRUE_IOU)
            false = false_ones(large(boxes, least), truth)
            counts.setdefault(name, np.zeros(3, np.int64))[:] += (hits, total, false)
        if FIRST in found:
            theirs = large(found[FIRST], least)
            both = {n: b[_on(b, truth[n])] for n, b in theirs.items()}
            agreed += [*recalled(theirs, ours, SAME_IOU)[:2], *recalled(both, ours, SAME_IOU)[:2]]
        if options.misses:
            pictures += [draw(path, frame, wanted, ours) for frame in lacking]
        if at % 25 == 24:
            print(f"{at + 1} of {len(paths)} clips", file=sys.stderr)
    print(describe_cpu())
    print(f"{len(paths)} clips, {options.frames} frames each, every {options.every}th judged")
    for name, (hits, total, false) in counts.items():
        print(f"{name:<24}{hits:5d} of {total} faces ({hits / total:.2%}), {false:4d} false")
    if FIRST in counts:
        hits, total, true_hits, true_total = agreed.tolist()
        print(
            f"{FIRST}'s faces that ours has: {hits} of {total} ({hits / total:.2%}); "
            f"of the true ones {true_hits} of {true_total} ({true_hits / true_total:.2%})"
        )
    if pictures:
        widest = max(picture.shape[1] for picture in pictures)
        padded = [np.pad(p, ((0, 4), (0, widest - p.shape[1]), (0, 0))) for p in pictures]
        cv2.imwrite(str(options.misses), np.concatenate(padded))


def _on(boxes: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(box_iou(boxes, truth).max(axis=1, initial=0) >= TRUE_IOU)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--frames", type=int, default=30)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--step", type=int, default=1, help="every so many of the clips")
    parser.add_argument("--yunet", type=Path, help="an ONNX file of YuNet for one size")
    parser.add_argument("--seen", type=Path, help="where what does not change is kept")
    parser.add_argument("--misses", type=Path, help="write a picture of the faces that ours lacks")
    options = parser.parse_args()
    paths = [folder / name for folder in options.folders for name in list_videos(folder)]
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with TemporaryDirectory() as out:
        options.out = Path(out)
        run(paths[:: options.step], options)


if __name__ == "__main__":
    main()
