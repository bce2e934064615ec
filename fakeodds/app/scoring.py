"""One video file to frame scores, with the faces and the seconds kept to show them."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.datasets import Dataset
from base_models.detectors.registry import BackendName
from base_models.faces.extract import extract_video
from base_models.faces.settings import FaceSettings
from base_models.faces.store import Faces, faces_path, write_faces
from base_models.scoring.fold_models import find_models
from base_models.scoring.frame_scores import no_frames, read_new_scores
from base_models.scoring.offline import score_videos
from base_models.scoring.online import DecodedFaces, VideoScorer
from base_models.scoring.sources import EARS
from base_models.sound.extract import extract_sound
from base_models.sound.settings import SoundSettings
from base_models.video.decode import index_video
from base_models.video.unreadable import UnreadableVideo
from fakeodds.app.limits import Limits, check_length
from predictions.progress import Progress, silent

#: Told what is done now, in words, and the share of the work that is behind.
Tell = Callable[[str, float], None]


@dataclass(frozen=True)
class ScoredVideo:
    """What was seen in one video.

    Attributes:
        frames: long table `frame, face, model, logit`; empty where nothing was seen.
        faces: the crops that detectors of single faces looked at.
        times: (N,) seconds after the first frame of each of the video's frames; empty where the
            file cannot be read.
        reason: as of `Faces`.
        alone: the detectors of single faces, whose rows are one a crop (those of whole pictures
            have others).
    """

    frames: pd.DataFrame
    faces: Faces | None
    times: NDArray[np.float64]
    reason: str
    alone: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """The video's length."""
        return float(self.times[-1]) if len(self.times) else 0.0


class Scorer:
    """A run's detectors, opened once, for one video at a time.

    Attributes:
        alone: detectors that look at single faces or whole pictures; they stay open.
        others: those that look at faces in their order or listen; opened for each video.
        notes: decisions to show.
    """

    def __init__(
        self,
        run: Path,
        settings: FaceSettings,
        names: Sequence[str],
        *,
        device: str = "auto",
        backend: BackendName = "auto",
        progress: Progress = silent,
    ) -> None:
        """Open the detectors `names` of the run folder; `progress` as of `VideoScorer.open`.

        Raises:
            InputError: one is not trained, or cannot be opened.
        """
        found = find_models(run / "models")
        looks_at = {name: found[name][0].spec.looks_at for name in names if name in found}
        # A name that is not trained is left to the scorer, which tells of it.
        self.alone = tuple(name for name in names if looks_at.get(name, "face") == "face")
        self.others = tuple(name for name in names if name not in self.alone)
        self._listening = any(looks_at[name] in EARS for name in self.others)
        self._run = run
        self._device, self._backend = device, backend
        self._scorer = (
            VideoScorer.open(
                run, settings, self.alone, device=device, backend=backend, progress=progress
            )
            if self.alone
            else None
        )
        self.notes = self._scorer.notes if self._scorer else []
        # With the views that these detectors ask for, and no others.
        self._settings = self._scorer.settings if self._scorer else replace(settings, views=())
        opened = self._scorer.detectors.values() if self._scorer else ()
        self._of_faces = tuple(
            one.name for one in opened if one.view is None or not one.view.crop.whole
        )

    def score(self, path: Path, limits: Limits, tell: Tell) -> ScoredVideo:
        """Find the faces of one video and have every detector look at it.

        Raises:
            InputError: the video is longer, or its pictures larger, than is allowed.
        """
        tell("Reading the video", 0.02)
        try:
            index = index_video(path)
        except UnreadableVideo as error:
            return ScoredVideo(no_frames(), None, np.empty(0), error.sentence, self._of_faces)
        check_length(path.name, index.duration_s, index.width, index.height, limits)
        tell("Finding faces", 0.05)
        faces = extract_video(path, self._settings)
        # Faces take about half of the time, the detectors the other half.
        tables = [no_frames(), *self._alone(faces, lambda text, done: tell(text, 0.5 + done / 3))]
        if self.others:
            tell(f"Asking {', '.join(self.others)}", 0.85)
            tables.append(self._others(path, faces))
        frames = pd.concat(tables, ignore_index=True)
        return ScoredVideo(frames, faces, index.times, faces.reason, self._of_faces)

    def _alone(self, faces: Faces, tell: Tell) -> list[pd.DataFrame]:
        tables = []
        decoded = DecodedFaces(faces)
        for number, name in enumerate(self.alone if self._scorer else ()):
            assert self._scorer is not None
            tell(f"Asking {name} ({number + 1} of {len(self.alone)})", number / len(self.alone))
            tables.append(self._scorer.frames_of(decoded, name))
        return tables

    def _others(self, path: Path, faces: Faces) -> pd.DataFrame:
        """The way of `fakeodds predict`, in a folder that is gone afterwards."""
        with tempfile.TemporaryDirectory(dir=path.parent) as made:
            folder = Path(made)
            write_faces(faces, faces_path(folder / "faces", path.name), "app")
            if self._listening:
                videos = pd.DataFrame({"video": [path.name]})
                one = Dataset(path.parent, videos)
                extract_sound(one, folder / "sound", SoundSettings())
            score_videos(
                [path.name],
                folder / "faces",
                self._run / "models",
                folder / "scores",
                detectors=self.others,
                device=self._device,
                backend=self._backend,
            )
            frames = read_new_scores(folder / "scores", self.others).drop(columns="video")
        return frames.assign(face=frames["face"].fillna(0))
