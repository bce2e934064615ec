"""New videos scored by the detectors of a run: the mean logit of the folds' models.

What scores is a `Backend`: anything with a size and `logits`. The detectors in their own frameworks
are such; a faster one made from the same weights takes their place (see `opened`).
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from base_models.backends.choose import BackendName, Faster, faster_backend
from base_models.detectors.registry import Backend, DetectorSpec, find_detector
from base_models.scoring.crops import CropIndex, index_crops, one_ahead, split_batches
from base_models.scoring.fold_models import FoldModel, Place, find_models
from base_models.scoring.frame_scores import digest_of_scores, frame_scores, write_frame_scores
from base_models.scoring.opened import COMPARED, OpenedDetector, open_detector
from base_models.scoring.sources import Source, folder_of, index_media, open_source
from base_models.training.settings import Precision, hash_of
from predictions.errors import InputError
from predictions.progress import Progress, silent


def mean_logits(
    backends: Sequence[Backend],
    crops: Source,
    rows: NDArray[np.intp],
    batch: int,
    stage: str,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """Mean over `backends` of the logits of the crops `rows`: (len(rows),) float32."""
    parts, done = [], 0
    for images in one_ahead(crops.read, split_batches(rows, batch)):
        logits = [backend.logits(images).astype(np.float64) for backend in backends]
        parts.append(np.mean(logits, axis=0).astype(np.float32))
        done += len(images)
        progress(stage, done, len(rows))
    return np.concatenate([np.empty(0, np.float32), *parts])


def score_videos(
    videos: Sequence[str] | pd.Series,
    faces_dir: Path,
    models_dir: Path,
    out: Path,
    *,
    arriving: Iterable[str] | None = None,
    detectors: Sequence[str] | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    backend: BackendName = "auto",
    threads: int | None = None,
    batch: int = 64,
    chunk: int = 200,
    progress: Progress = silent,
) -> list[str]:
    """Score new videos by all that detectors look at; one file `out/model=M.parquet` a detector.

    Chunks of videos are written as they are done, so that a killed run goes on; a file made from
    the same models and faces is kept. A video without faces, or sound, has no rows of the detectors
    that look at them.

    Args:
        videos: ids whose faces are in `faces_dir`, and whose sound, where a detector looks at it,
            is in the folder `sound` beside it.
        faces_dir: the faces folder.
        models_dir: the `models` folder of a run.
        out: gets the frame scores (logits).
        arriving: the same ids in the same order, each as soon as its faces are there: a chunk is
            scored while the next one's are found. When None, all are there.
        detectors: names; all that are trained when None.
        device, precision, threads: see `choose_device` of the detectors' frameworks.
        backend: what computes; see `backends.choose`.
        batch: crops at once.
        chunk: videos between two files.
        progress: told the stage, the videos done, and all videos.

    Returns:
        Notes, one sentence each.

    Raises:
        InputError: models or faces are missing, a video is named twice, or a score is not finite.
    """
    names = [str(video) for video in videos]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise InputError(f"video {doubled} is to be scored twice; name each video once.")
    found = find_models(models_dir)
    for name in detectors or ():
        if name not in found:
            raise InputError(f"{models_dir}: no {name} is trained; there are {', '.join(found)}.")
    wanted = list(detectors or found)
    specs = [find_detector(found[name][0].record["detector"]) for name in wanted]
    devices = [spec.import_module(spec.devices) for spec in specs]
    # All are settled before the first scores, so that a device that is missing is told of at once.
    places = [module.choose_device(device, precision, threads) for module in devices]
    jobs = [
        _Scoring(
            name,
            spec,
            found[name],
            faces_dir,
            out,
            place,
            faster_backend(spec, backend, place.name),
            batch,
            len(names),
            progress,
        )
        for name, spec, place in zip(wanted, specs, places, strict=True)
    ]
    parts = [names[i : i + chunk] for i in range(0, len(names), chunk)]
    chunks: Iterable[dict[str, CropIndex]]
    kept: list[str] = []
    if arriving is None:
        chunks = [index_media(specs, part, faces_dir) for part in parts]
        kept = [job.name for job in jobs if job.is_done(chunks)]
        jobs = [job for job in jobs if job.name not in kept]
    else:
        chunks = (index_media(specs, part, faces_dir) for part in _come(parts, arriving))
    with ExitStack() as stack:
        for module, place in zip(devices, places, strict=True):
            stack.enter_context(module.reproducible(place))
        for number, indexes in enumerate(chunks):
            for job in jobs:
                job.score_chunk(number, indexes[job.spec.looks_at])
    notes = [note for job in jobs for note in job.finish()]
    if kept:
        notes.append(f"Scores of {', '.join(kept)} were there already and are kept.")
    return notes


def _come(parts: Sequence[list[str]], arriving: Iterable[str]) -> Iterator[list[str]]:
    """Each of the parts as soon as all of it has come; what brings them is heard to its end."""
    coming = iter(arriving)
    for part in parts:
        if list(islice(coming, len(part))) != part:
            raise ValueError("the videos arrive in another order, or not all of them do")
        yield part
    for video in coming:
        raise ValueError(f"{video} arrives, but is not to be scored")


@dataclass
class _Scoring:
    """One detector over all chunks of videos, one after the other."""

    name: str
    spec: DetectorSpec
    models: list[FoldModel]
    faces_dir: Path
    out: Path
    place: Place
    faster: Faster | None
    batch: int
    videos: int
    progress: Progress
    digests: list[str] = field(default_factory=list)
    done: int = 0
    opened: OpenedDetector | None = None

    def is_done(self, chunks: Iterable[dict[str, CropIndex]]) -> bool:
        """Whether the scores of all chunks are there."""
        digests = [self._digest(indexes[self.spec.looks_at]) for indexes in chunks]
        return digest_of_scores(self._target) == hash_of({"chunks": digests})

    def score_chunk(self, number: int, index: CropIndex) -> None:
        """Score the next chunk, unless its file is there."""
        digest, file = self._digest(index), self._file(number)
        if digest_of_scores(file) != digest:
            write_frame_scores(self._score(index), file, digest)
        self.digests.append(digest)
        self.done += len(index.videos)
        self.progress(f"score {self.name}", self.done, self.videos)

    def finish(self) -> list[str]:
        """Join the chunks' files; notes."""
        files = [self._file(number) for number in range(len(self.digests))]
        empty = frame_scores(index_crops([], self.out), np.arange(0), "", np.empty(0, np.float32))
        tables = [pq.ParquetFile(file).read().replace_schema_metadata(None) for file in files]
        whole = hash_of({"chunks": self.digests})
        write_frame_scores(pa.concat_tables([empty, *tables]), self._target, whole)
        shutil.rmtree(self._parts, ignore_errors=True)
        return [] if self.opened is None else self.opened.notes

    @property
    def _target(self) -> Path:
        return self.out / f"model={self.name}.parquet"

    @property
    def _parts(self) -> Path:
        return self.out / f".model={self.name}.parts"

    def _file(self, number: int) -> Path:
        return self._parts / f"{number:06}.parquet"

    def _open(self, index: CropIndex) -> OpenedDetector:
        """The models, compared on crops to be scored where a faster backend takes their place."""

        def some_crops() -> NDArray[np.uint8]:
            rows = np.unique(np.linspace(0, len(index) - 1, COMPARED).astype(np.intp))
            return self._source(index).read(rows)

        return open_detector(
            self.name,
            self.spec,
            self.models,
            self.place,
            faster=self.faster,
            compared_on=some_crops,
        )

    def _source(self, index: CropIndex) -> Source:
        return open_source(
            self.spec.looks_at,
            index,
            folder_of(self.spec, self.faces_dir),
            int(self.models[0].record["size"]),
            cache_bytes=0,  # each crop is read once
            threads=self.place.threads,
        )

    def _digest(self, index: CropIndex) -> str:
        return hash_of(
            {
                "models": [model.record["hash"] for model in self.models],
                "faces": index.digest(range(len(index.videos))),
                "precision": self.place.precision,
                "backend": self.faster or "reference",
            }
        )

    def _score(self, index: CropIndex) -> pa.Table:
        def tell(stage: str, done: int, total: int) -> None:
            share = done / total if done < total else 0.0
            self.progress(stage, self.done + int(share * len(index.videos)), self.videos)

        rows = np.arange(len(index))
        if not len(index):
            return frame_scores(index, rows, self.name, np.empty(0, np.float32))
        if self.spec.looks_at == "faces":
            self._embed(index)
        # Not before they are needed: a fold's weights are up to 90 MB.
        self.opened = self.opened or self._open(index)
        crops, backends = self._source(index), self.opened.backends
        logits = mean_logits(backends, crops, rows, self.batch, f"score {self.name}", tell)
        if not np.isfinite(logits).all():
            raise InputError(f"{self.name} gives scores that are not finite; train it again.")
        return frame_scores(index, rows, self.name, logits)

    def _embed(self, index: CropIndex) -> None:
        from base_models.sequences.prepare import embed_all

        embed_all(
            self.spec,
            index,
            self.faces_dir,
            folder_of(self.spec, self.faces_dir),
            self.models[0].folder.parent,
            device=self.place.name,
            threads=self.place.threads,
            progress=self.progress,
        )
