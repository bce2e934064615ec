"""One video, or one pair, looked at: what is measured and drawn of its frames.

Both functions return JSON values and never raise for a file that cannot be used: its `status` is
`unreadable` then, with a reason.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from base_models.explore.duplicates import hash_picture
from base_models.explore.finding import eyes_and_smile, find_faces
from base_models.explore.quality import measure_quality
from base_models.explore.settings import ExploreSettings
from base_models.explore.sheet import (
    as_data_uri,
    difference_map,
    draw_boxes,
    side_by_side_pictures,
    thumbnail,
)
from base_models.explore.similarity import (
    Matched,
    face_regions,
    frame_similarity,
    matched_frames,
    structural,
)
from base_models.video.choose import choose_frames
from base_models.video.decode import decode_frames, describe_loss, index_video
from base_models.video.stills import read_picture
from base_models.video.unreadable import UnreadableVideo, as_unreadable
from predictions.words import name_some

Result = dict[str, Any]

#: Frames of a video on the contact sheet.
_DRAWN = 3
#: The smallest face that further finders look for there, as a share of the frame's shorter side.
_DRAWN_FACE = 0.1
_PAIR_HEIGHT = 152


def look_at_video(
    files: tuple[Path, ...], settings: ExploreSettings, *, pictures: bool, draw: bool
) -> Result:
    """Quality, hashes, faces and a thumbnail of one video; with `draw` also a strip of frames.

    files: the video, or (`pictures`) its face crops.

    Returns:
        `status`, `reason`, `frames` (looked at), `brightness`, `contrast`, `sharpness` (means over
        frames), `hashes`, `faces` (of the first finder, in each frame), `drawn` (finder -> faces
        in each frame that is drawn), `face_side` (median longer side
        of the first finder's faces as a share of the frame's shorter side, or None), `face_pixels`
        (the same in pixels), `face_sharpness`, `thumbnail`, `strip` (data URIs).
    """
    return _kept_from_failing(_look_at_video, files, settings, pictures, draw)


def look_at_pair(real: Path, fake: Path, settings: ExploreSettings) -> Result:
    """Frame similarity of a fake and its original.

    Returns:
        `status`, `reason`, `remark`, `frames`, `whole` (mean SSIM of whole frames), `face` (of the
        face alone; None where the first finder sees none in the original), `picture` (data URI:
        the original's face, the fake's, and where they differ).
    """
    return _kept_from_failing(_look_at_pair, real, fake, settings)


def _kept_from_failing(work: Callable[..., Result], *arguments: Any) -> Result:
    # Videos go side by side over processes already.
    cv2.setNumThreads(1)
    try:
        with as_unreadable():
            return work(*arguments)
    except UnreadableVideo as error:
        return {"status": "unreadable", "reason": error.sentence}


def _look_at_video(
    files: tuple[Path, ...], settings: ExploreSettings, pictures: bool, draw: bool
) -> Result:
    reason = ""
    if pictures:
        images, lost = _pictures(files, settings.frames)
        reason = f"Left out: {name_some(lost)}." if lost else ""
    else:
        index = index_video(files[0])
        chosen = choose_frames(index.times, settings.frames)
        images = [frame.image for frame in decode_frames(index, chosen, threads=1)]
        reason, _ = describe_loss(index, len(chosen), len(images))
    if not images:
        raise UnreadableVideo("no frame of the file can be decoded", "no_frame")
    quality = [measure_quality(image) for image in images]
    first, *others = settings.finders
    boxes = [{first: find_faces(image, first, settings.min_face)} for image in images]
    seen = [
        (image, box)
        for image, by_finder in zip(images, boxes, strict=True)
        for box in by_finder[first]
    ]
    # Cascades take several times as long as MTCNN: they see the frames that are drawn, at a size
    # at which faces too small to be seen there are lost.
    least = max(settings.min_face, _DRAWN_FACE)
    drawn = _evenly(len(images), _DRAWN) if draw else []
    for i in drawn:
        boxes[i] |= {name: find_faces(images[i], name, least) for name in others}
    sides = [float(max(box[2] - box[0], box[3] - box[1])) for _, box in seen]
    shares = [side / min(image.shape[:2]) for side, (image, _) in zip(sides, seen, strict=True)]
    blur = [measure_quality(cut).sharpness for cut in (_inside(*one) for one in seen) if cut.size]
    return {
        "status": "ok",
        "reason": reason,
        "frames": len(images),
        "brightness": round(float(np.mean([one.brightness for one in quality])), 2),
        "contrast": round(float(np.mean([one.contrast for one in quality])), 2),
        "sharpness": round(float(np.mean([one.sharpness for one in quality])), 2),
        "hashes": [hash_picture(image) for image in images],
        "faces": [len(by_finder[first]) for by_finder in boxes],
        "drawn": {name: [len(boxes[i][name]) for i in drawn] for name in settings.finders},
        "face_side": round(float(np.median(shares)), 4) if shares else None,
        "face_pixels": round(float(np.median(sides)), 1) if sides else None,
        "face_sharpness": round(float(np.mean(blur)), 2) if blur else None,
        "thumbnail": thumbnail(images[len(images) // 2]),
        "strip": _strip([(images[i], boxes[i]) for i in drawn], first) if draw else None,
    }


def _pictures(files: tuple[Path, ...], n: int) -> tuple[list[NDArray[np.uint8]], list[str]]:
    """Up to `n` evenly spaced pictures of a video's face crops, RGB, and which cannot be read."""
    images, lost = [], []
    for number in _evenly(len(files), n):
        try:
            images.append(read_picture(files[number])[0])
        except UnreadableVideo as error:
            lost.append(f"{files[number].name} ({error})")
    if not images:
        raise UnreadableVideo(f"no picture can be read: {name_some(lost)}", "no_picture")
    return images, lost


def _evenly(length: int, n: int) -> list[int]:
    """Up to `n` positions of a list of `length`, its ends among them."""
    if n == 1:
        return [length // 2]
    chosen = np.linspace(0, length - 1, min(n, length)).round().astype(int)
    return [int(i) for i in np.unique(chosen)]


def _inside(image: NDArray[np.uint8], box: NDArray[np.floating]) -> NDArray[np.uint8]:
    x0, y0 = (int(max(v, 0)) for v in box[:2])
    return image[y0 : max(y0, int(box[3])), x0 : max(x0, int(box[2]))]


def _strip(frames: list[tuple[NDArray[np.uint8], dict[str, NDArray]]], first: str) -> str:
    """A few frames in a row with what the finders see; eyes and smile in the first one's faces."""
    drawn = []
    for image, by_finder in frames:
        marks = {name.partition(":")[0]: box for name, box in by_finder.items()}
        for box in by_finder[first]:
            for name, part in eyes_and_smile(image, box).items():
                marks[name] = np.concatenate([marks.get(name, np.empty((0, 4))), part])
        drawn.append(draw_boxes(image, marks))
    return as_data_uri(side_by_side_pictures(drawn))


def _look_at_pair(real: Path, fake: Path, settings: ExploreSettings) -> Result:
    pairs, remark = matched_frames(real, fake, settings.pair_frames)
    whole = [frame_similarity(pair) for pair in pairs]
    face: list[float] = []
    picture: str | None = None
    for pair in pairs:
        boxes = find_faces(pair.real, settings.finders[0], settings.min_face)
        if not len(boxes):
            continue
        one, two = face_regions(pair, boxes[int(np.argmax(_areas(boxes)))])
        try:
            value, local = structural(one, two)
        except ValueError:  # a face of fewer pixels than the window
            continue
        face.append(value)
        if picture is None:
            picture = _pair_picture(Matched(pair.number, one, two), local)
    return {
        "status": "ok",
        "reason": "",
        "remark": remark,
        "frames": len(pairs),
        "whole": round(float(np.mean(whole)), 4),
        "face": round(float(np.mean(face)), 4) if face else None,
        "picture": picture,
    }


def _areas(box: NDArray[np.floating]) -> NDArray[np.floating]:
    return (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1])


def _pair_picture(faces: Matched, local: NDArray) -> str:
    row = [draw_boxes(image, {}, _PAIR_HEIGHT) for image in (faces.real, faces.fake)]
    row.append(difference_map(local, *row[0].shape[:2]))
    return as_data_uri(side_by_side_pictures(row))
