"""Where the time from file to faces goes: CPU seconds of each stage, in one process and thread."""

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import torch

from base_models.faces import extract
from base_models.faces.following import Follower
from base_models.faces.settings import FaceSettings
from base_models.video import decode

#: Whose calls are counted, as which stage. A call within another one counts for itself alone.
_STAGES = (
    (extract, "index_video", "index"),
    (decode, "_decoded", "decode"),
    (decode, "_upright", "RGB"),
    (Follower, "_search", "search"),
    (Follower, "_followed", "follow"),
    (extract, "_cut", "crop"),
    (extract, "encode_jpeg", "JPEG"),
)
OTHER = "other"


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._within = [0.0]

    def timed(self, function: Any, stage: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            began = time.process_time()
            self._within.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                took = time.process_time() - began
                self.seconds[stage] += took - self._within.pop()
                self._within[-1] += took

        return call


def stage_seconds(paths: Sequence[Path], settings: FaceSettings) -> dict[str, float]:
    """CPU seconds a video by stage, the largest first; torch and OpenCV keep one thread after."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    extract.extract_video(paths[0], settings, threads=1)  # networks are made now
    clock = _Clock()
    whole = clock.timed(extract.extract_video, OTHER)
    patches = [
        patch.object(owner, name, clock.timed(getattr(owner, name), stage))
        for owner, name, stage in _STAGES
    ]
    for one in patches:
        one.start()
    try:
        for path in paths:
            whole(path, settings, threads=1)
    finally:
        for one in patches:
            one.stop()
    shares = sorted(clock.seconds.items(), key=lambda pair: -pair[1])
    return {stage: seconds / len(paths) for stage, seconds in shares}
