"""A video straight to frame scores: decoded, its faces found and scored in one go.

Several threads may score videos at once. Each works one video through to its end, so that decoder,
finder and detectors are busy together and memory is bounded by the threads, not by the videos.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.backends.choose import faster_backend
from base_models.compute.place import Precision
from base_models.detectors.registry import BackendName
from base_models.faces.extract import extract_video
from base_models.faces.settings import FaceSettings
from base_models.faces.store import Faces, faces_path, load_faces
from base_models.scoring.crops import resize
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.opened import COMPARED, OpenedDetector, open_detector
from predictions.errors import InputError
from predictions.progress import Progress, silent

_TIMED_CROPS = 16
#: Where a run's own faces are not there: so many frames of at most so many new videos.
_SPARE_FRAMES, _SPARE_VIDEOS = 4, 12


@dataclass(frozen=True)
class ScoredVideo:
    """What came of one video.

    Attributes:
        frames: long table `frame, face, model, logit`; no rows without a face.
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
            progress: told of each detector, as "opening detectors", and of the models of the one
                at work, as "2 of 5: NAME".

        Raises:
            InputError: one is not trained, or looks at something else.
        """
        found = chosen_models(run / "models", names)
        opened = []
        compared_on = _compared_on(run, settings, spare)
        for number, name in enumerate(names, start=1):
            progress("opening detectors", number - 1, len(names))
            stage = f"{number} of {len(names)}: {name}"
            spec = found[name][0].spec
            if spec.looks_at != "face":
                raise InputError(
                    f"{name} does not look at single faces", file=run, remedy="leave it out"
                )
            place = spec.import_module(spec.devices).choose_device(device, precision)
            opened.append(
                open_detector(
                    name,
                    spec,
                    found[name],
                    place,
                    faster=faster_backend(spec, backend, place.name),
                    compared_on=compared_on
                    and partial(compared_on, int(found[name][0].record["size"])),
                    progress=partial(_as_stage, progress, stage),
                )
            )
            # Whatever was tried before, all its models are open.
            progress(stage, len(found[name]), len(found[name]))
        progress("opening detectors", len(names), len(names))
        return cls(settings, opened)

    def frames_of(self, faces: Faces, crops: NDArray[np.uint8], name: str) -> pd.DataFrame:
        """Frame scores `frame, face, model, logit` of a video's faces by one detector.

        `crops`: of `faces.decode()`, which several detectors share.
        """
        opened = self.detectors[name]
        logits = opened.logits(resize(crops, opened.size))
        columns = {"frame": faces.frame, "face": faces.track, "model": name, "logit": logits}
        return pd.DataFrame(columns)

    def score(self, path: Path, frames: int, names: Sequence[str]) -> ScoredVideo:
        """The frame scores of one video by some detectors, on at most `frames` frames.

        A video that cannot be read, or has no face, has no rows and a reason.
        """
        began = time.perf_counter()
        faces = extract_video(path, replace(self.settings, frames=frames), threads=1)
        found = time.perf_counter()
        crops = faces.decode()
        tables = [self.frames_of(faces, crops, name) for name in names]
        return ScoredVideo(
            pd.concat(tables, ignore_index=True),
            faces.status,
            faces.reason,
            {"faces": found - began, "score": time.perf_counter() - found},
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


def _as_stage(progress: Progress, stage: str, _: str, done: int, total: int) -> None:
    """Tell `progress` under the name `stage`, whatever the work calls itself."""
    progress(stage, done, total)


def _compared_on(
    run: Path, settings: FaceSettings, spare: Sequence[Path]
) -> Callable[[int], NDArray[np.uint8]] | None:
    """Gives crops of a size to compare backends on; None where there are none."""
    if (run / "faces").is_dir():
        return partial(_crops_of_run, run)
    crops = _crops_of_videos(spare, settings)
    return partial(resize, crops) if len(crops) else None


def _crops_of_videos(paths: Sequence[Path], settings: FaceSettings) -> NDArray[np.uint8]:
    """Some faces of the first videos that show any; none of videos that take a second look."""
    quick = replace(settings, frames=_SPARE_FRAMES, ladder=False)
    found: list[NDArray[np.uint8]] = []
    for path in paths[:_SPARE_VIDEOS]:
        if sum(map(len, found)) >= COMPARED:
            break
        faces = extract_video(path, quick)
        if faces.status == "ok":
            found.append(faces.decode())
    return np.concatenate(found)[:COMPARED] if found else np.empty((0, 1, 1, 3), np.uint8)


def _crops_of_run(run: Path, size: int) -> np.ndarray:
    """Some of the crops that a run's detectors were trained on."""
    videos = pd.read_parquet(run / "videos.parquet")
    names = videos.loc[videos["status"] == "ok", "video"].astype(str)
    some = names.iloc[np.unique(np.linspace(0, len(names) - 1, COMPARED).astype(int))]
    crops = [load_faces(faces_path(run / "faces", video)).decode([0]) for video in some]
    return resize(np.concatenate(crops), size)
