"""Altered videos scored by the models that have not seen the videos.

A detector that was trained here scores a video by the model of the fold that held it out, as its
out-of-fold scores are made; one that was trained elsewhere scores all. The scores of a detector
under one alteration are a product, whose key holds the models, the alteration and the videos, so
what is there is kept. The faces of altered videos are not: they go as soon as they are scored.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from base_models.detectors.registry import BackendName
from base_models.scoring.detector_scores import Scoring
from base_models.scoring.fold_models import ALL, Fold, FoldModel
from base_models.scoring.frame_scores import join_frame_scores, read_new_scores, scores_product
from base_models.scoring.offline import score_models
from base_models.scoring.sources import EARS
from base_models.stress.media import Media, altered_key, write_altered
from base_models.stress.registry import Degree
from predictions.notes import Note
from predictions.products import Product, key_of
from predictions.progress import Progress, silent

#: Half-made things of all alterations, which are gone when the work is done.
_WORK = ".work"


@dataclass(frozen=True)
class AlteredScores:
    """How altered videos of a run are scored, and where that is kept.

    Attributes:
        media: the videos.
        folds: which fold held each of them out; index: their ids.
        models: by detector; none that listens, as sound is left as it is.
        out: gets a folder an alteration and strength, a file a detector.
        device, backend: see `Scoring`. The reference scores as out of fold was scored.
    """

    media: Media
    folds: "pd.Series[int]"
    models: Mapping[str, Sequence[FoldModel]]
    out: Path
    device: str = "auto"
    backend: BackendName = "reference"

    def make(self, degree: Degree, jobs: int, progress: Progress = silent) -> list[Note]:
        """Have the videos altered and scored by all detectors whose scores are not there.

        Raises:
            InputError: models are damaged, a device or a finder is not here.
        """
        wanted = {name: self._product(degree, name) for name in self.models}
        todo = [name for name, product in wanted.items() if not product.is_done()]
        if not todo:
            return []
        work = self.out / _WORK / degree.name
        videos = [str(video) for video in self.folds.index]
        write_altered(self.media, degree, videos, work / "faces", jobs=jobs, progress=progress)
        notes: dict[str, Note] = {}
        pieces: dict[str, list[Path]] = {name: [] for name in todo}
        for fold, some in self._parts(todo).items():
            held = videos if fold == ALL else [v for v in videos if self.folds[v] == fold]
            if not held:
                continue
            out = work / f"fold={fold}"
            scoring = Scoring(some, work / "faces", out, self.device, backend=self.backend)
            told = score_models(scoring, held, progress=progress)
            notes |= {str(note): note for note in told}
            for name in some:
                pieces[name] += scores_product(out, name, "").needs
        for name in todo:
            with wanted[name].making():
                join_frame_scores(pieces[name], wanted[name].owns[0])
        shutil.rmtree(work)
        return list(notes.values())

    def read(self, degree: Degree) -> pd.DataFrame:
        """What was made: `video, frame, face, model, logit`.

        Raises:
            InputError: a file is missing or damaged.
        """
        return read_new_scores(self.out / degree.name, self.models)

    def is_there(self, degree: Degree) -> bool:
        """Whether nothing is left to do."""
        return all(self._product(degree, name).is_done() for name in self.models)

    def tidy(self) -> None:
        """Remove what killed work left, and scores by detectors that the run has no more."""
        shutil.rmtree(self.out / _WORK, ignore_errors=True)
        for file in self.out.glob("*/model=*"):
            if file.stem.removeprefix("model=") not in self.models:
                file.unlink()

    @cached_property
    def _identities(self) -> list[str]:
        return [self.media.identity(str(video)) for video in self.folds.index]

    def _parts(self, names: Sequence[str]) -> dict[Fold, dict[str, list[FoldModel]]]:
        """The models that score the same videos, by the fold that they held out."""
        parts: dict[Fold, dict[str, list[FoldModel]]] = {}
        for name in names:
            for model in self.models[name]:
                parts.setdefault(model.place.fold, {}).setdefault(name, []).append(model)
        return parts

    def _product(self, degree: Degree, name: str) -> Product:
        key = key_of(
            models=[(str(model.place.fold), model.key) for model in self.models[name]],
            videos=[altered_key(degree, identity) for identity in self._identities],
            names=[str(video) for video in self.folds.index],
            folds=[int(fold) for fold in self.folds],
            backend=self.backend,
        )
        return scores_product(self.out / degree.name, name, key)


def without_ears(models: Mapping[str, Sequence[FoldModel]]) -> dict[str, list[FoldModel]]:
    """The detectors that look; those that listen are left out."""
    return {name: list(some) for name, some in models.items() if some[0].spec.looks_at not in EARS}
