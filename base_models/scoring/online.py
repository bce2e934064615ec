"""A video straight to frame scores: decoded, its faces found and scored in one go.

Several threads may score videos at once. Each works one video through to its end, so that decoder,
finder and detectors are busy together and memory is bounded by the threads, not by the videos.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.backends.choose import faster_backend
from base_models.compute.place import Precision
from base_models.compute.threads import available_threads
from base_models.detectors.registry import BackendName
from base_models.faces.extract import extract_video
from base_models.faces.settings import FaceSettings
from base_models.faces.store import Faces, Seen
from base_models.faces.views import View, distinct
from base_models.scoring.crops import resize
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.opened import OpenedDetector, TrainedDetector
from base_models.scoring.run_crops import COMPARED, compared_crops
from predictions.errors import InputError
from predictions.progress import Progress, silent

_TIMED_CROPS = 16
#: Where a run's own faces are not there: so many frames of at most so many new videos.
_SPARE_FRAMES, _SPARE_VIDEOS = 4, 12


@dataclass(frozen=True)
class ScoredVideo:
    """What came of one video.

    Attributes:
        frames: long table `frame, face, model, logit`; without a face, only rows of detectors that
            look at whole pictures.
        status, reason: as of `faces.store.Faces`.
        seconds: by stage, `faces` and `score`.
    """

    frames: pd.DataFrame
    status: str
    reason: str
    seconds: dict[str, float]


class VideoScorer:
    """The detectors of a run that look at single faces, open and ready.

    Attributes:
        detectors: by name.
        notes: decisions to show.
    """

    def __init__(self, settings: FaceSettings, detectors: Sequence[OpenedDetector]) -> None:
        self.settings = settings
        self.detectors = {opened.name: opened for opened in detectors}
        self.notes = [note for opened in detectors for note in opened.notes]

    @classmethod
    def open(
        cls,
        run: Path,
        settings: FaceSettings,
        names: Sequence[str],
        *,
        device: str = "auto",
        precision: Precision = "auto",
        backend: BackendName = "auto",
        spare: Sequence[Path] = (),
        progress: Progress = silent,
    ) -> "VideoScorer":
        """Open trained detectors of the run folder `run`, which look at single faces.

        Args:
            spare: videos; faster backends are compared on faces of some of them where the run's
                own faces are not there.
            progress: told of each detector, as "opening detectors", and of the models of one that
                is not open at once, as "2 of 5: NAME".

        Raises:
            InputError: one is not trained, or looks at something else.
        """
        models = chosen_models(run / "models", names)
        detectors = []
        for name in names:
            spec = models[name][0].spec
            if spec.looks_at != "face":
                raise InputError(
                    f"{name} does not look at single faces", file=run, remedy="leave it out"
                )
            place = spec.import_module(spec.devices).choose_device(device, precision)
            faster = faster_backend(spec, backend, place.name)
            detectors.append(
                TrainedDetector(name, spec, models[name], place, faster, backend == "int8")
            )
        settings = replace(settings, views=distinct(one.view for one in detectors))
        compared_on = _compared_on(run, settings, spare)
        progress("opening detectors", 0, len(names))
        with ThreadPoolExecutor(available_threads()) as pool:
            kept = list(pool.map(TrainedDetector.open_kept, detectors))
        opened: list[OpenedDetector] = []
        for detector, there in zip(detectors, kept, strict=True):
            if there is None:
                stage = f"{len(opened) + 1} of {len(names)}: {detector.name}"
                crops = compared_on and compared_on(detector.view, detector.size)
                there = detector.open(crops, partial(_as_stage, progress, stage))
                # Whatever was tried before, all its models are open.
                progress(stage, len(detector.models), len(detector.models))
            opened.append(there)
            progress("opening detectors", len(opened), len(names))
        return cls(settings, opened)

    def frames_of(self, faces: "DecodedFaces", name: str) -> pd.DataFrame:
        """Frame scores `frame, face, model, logit` of a video's faces by one detector."""
        opened = self.detectors[name]
        seen, crops = faces.seen(opened.view)
        logits = opened.logits(resize(crops, opened.size))
        columns = {"frame": seen.frame, "face": seen.track, "model": name, "logit": logits}
        return pd.DataFrame(columns)

    def score(self, path: Path, frames: int, names: Sequence[str]) -> ScoredVideo:
        """The frame scores of one video by some detectors, on at most `frames` frames.

        A video that cannot be read has no rows and a reason; one without a face has a reason, and
        rows of those detectors alone that look at whole pictures.
        """
        began = time.perf_counter()
        views = distinct(self.detectors[name].view for name in names)
        faces = extract_video(path, replace(self.settings, frames=frames, views=views), threads=1)
        scoring_start = time.perf_counter()
        decoded = DecodedFaces(faces)
        tables = [self.frames_of(decoded, name) for name in names]
        return ScoredVideo(
            pd.concat(tables, ignore_index=True),
            faces.status,
            faces.reason,
            {"faces": scoring_start - began, "score": time.perf_counter() - scoring_start},
        )

    def seconds_a_crop(self) -> dict[str, float]:
        """What one crop costs each detector here, measured; in the order of cost."""
        spent = {}
        for name, opened in self.detectors.items():
            images = np.zeros((_TIMED_CROPS, opened.size, opened.size, 3), np.uint8)
            opened.logits(images)  # the first call prepares
            began = time.perf_counter()
            opened.logits(images)
            spent[name] = (time.perf_counter() - began) / _TIMED_CROPS
        return dict(sorted(spent.items(), key=lambda item: item[1]))


class DecodedFaces:
    """The faces of a video, each view of them decoded once for all detectors that ask for it."""

    def __init__(self, faces: Faces) -> None:
        self.faces = faces
        self._decoded: dict[View | None, tuple[Seen, NDArray[np.uint8]]] = {}

    def seen(self, view: View | None) -> tuple[Seen, NDArray[np.uint8]]:
        """What a detector sees that asks for `view`, and it as RGB uint8 (n, size, size, 3).

        Raises:
            InputError: the faces were cut without it.
        """
        if view not in self._decoded:
            seen = self.faces.seen(view)
            self._decoded[view] = seen, seen.decode()
        return self._decoded[view]


def _as_stage(progress: Progress, stage: str, _: str, done: int, total: int) -> None:
    """Tell `progress` under the name `stage`, whatever the work calls itself."""
    progress(stage, done, total)


def _compared_on(
    run: Path, settings: FaceSettings, spare: Sequence[Path]
) -> Callable[[View | None, int], Callable[[], NDArray[np.uint8]]] | None:
    """Of a view and a size: gives crops to compare backends on; None where there are none."""
    if (run / "faces").is_dir():
        return lambda view, size: partial(compared_crops, run, view, size)
    faces = _faces_of_videos(spare, settings)
    return (lambda view, size: partial(_crops_of, faces, view, size)) if faces else None


def _faces_of_videos(paths: Sequence[Path], settings: FaceSettings) -> list[Faces]:
    """Of the first videos that show any face; none of videos that take a second look."""
    quick = replace(settings, frames=_SPARE_FRAMES, ladder=False)
    all_faces: list[Faces] = []
    for path in paths[:_SPARE_VIDEOS]:
        if sum(map(len, all_faces)) >= COMPARED:
            break
        faces = extract_video(path, quick)
        if faces.status == "ok":
            all_faces.append(faces)
    return all_faces


def _crops_of(all_faces: Sequence[Faces], view: View | None, size: int) -> NDArray[np.uint8]:
    """Some of the faces."""
    crops = np.concatenate([faces.seen(view).decode() for faces in all_faces])
    return resize(crops[:COMPARED], size)
