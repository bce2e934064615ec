"""New videos scored by the detectors of a run: the mean logit of the folds' models.

What scores is a `Backend`: anything with a size and `logits`. The detectors in their own frameworks
are such; a faster one made from the same weights takes their place (see `opened`).
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from base_models.backends.choose import BackendName, wants_openvino
from base_models.crops_data import CropIndex, index_crops, one_ahead, split_batches
from base_models.detectors.registry import Backend, DetectorSpec, find_detector
from base_models.fold_models import FoldModel, Place, find_models
from base_models.frame_scores import digest_of_scores, frame_scores, write_frame_scores
from base_models.opened import COMPARED, OpenedDetector, open_detector
from base_models.sources import Source, folder_of, index_media, open_source
from base_models.train_settings import Precision, hash_of
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
        detectors: names; all that are trained when None.
        device, precision, threads: see `choose_device` of the detectors' frameworks.
        backend: what computes; see `backends.choose`.
        batch: crops at once.
        chunk: videos between two files.
        progress: told the stage, the crops done, and all crops.

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
    chunks = [
        index_media(specs, names[i : i + chunk], faces_dir) for i in range(0, len(names), chunk)
    ]
    faster = [
        wants_openvino(spec, backend, place.name) for spec, place in zip(specs, places, strict=True)
    ]
    kept, notes = [], []
    for name, spec, module, place, fast in zip(wanted, specs, devices, places, faster, strict=True):
        mine = [indexes[spec.looks_at] for indexes in chunks]
        with module.reproducible(place):
            job = _Scoring(name, spec, found[name], mine, faces_dir, place, fast, batch, progress)
            said = job.run(out)
            if said is None:
                kept.append(name)
            else:
                notes += said
    if kept:
        notes.append(f"Scores of {', '.join(kept)} were there already and are kept.")
    return notes


@dataclass(frozen=True)
class _Scoring:
    """One detector over all chunks of videos."""

    name: str
    spec: DetectorSpec
    models: list[FoldModel]
    chunks: list[CropIndex]
    faces_dir: Path
    place: Place
    fast: bool
    batch: int
    progress: Progress

    def run(self, out: Path) -> list[str] | None:
        """Score what is not scored yet: notes; None when everything was there."""
        digests = [self._digest(index) for index in self.chunks]
        target = out / f"model={self.name}.parquet"
        whole = hash_of({"chunks": digests})
        if digest_of_scores(target) == whole:
            return None
        parts = out / f".model={self.name}.parts"
        files = [parts / f"{number:06}.parquet" for number in range(len(digests))]
        total = sum(map(len, self.chunks))
        opened: OpenedDetector | None = None
        done = 0
        for index, digest, file in zip(self.chunks, digests, files, strict=True):
            if digest_of_scores(file) != digest:
                # Not before they are needed: a fold's weights are up to 90 MB.
                opened = opened or self._open()
                write_frame_scores(self._score(index, opened.backends, done, total), file, digest)
            done += len(index)
            self.progress(f"score {self.name}", done, total)
        empty = frame_scores(index_crops([], out), np.arange(0), "", np.empty(0, np.float32))
        tables = [pq.ParquetFile(file).read().replace_schema_metadata(None) for file in files]
        write_frame_scores(pa.concat_tables([empty, *tables]), target, whole)
        shutil.rmtree(parts, ignore_errors=True)
        return [] if opened is None else opened.notes

    def _open(self) -> OpenedDetector:
        """The models, compared on crops to be scored where a faster backend takes their place."""
        index = next((index for index in self.chunks if len(index)), None)

        def some_crops() -> NDArray[np.uint8]:
            assert index is not None
            rows = np.unique(np.linspace(0, len(index) - 1, COMPARED).astype(np.intp))
            return self._source(index).read(rows)

        return open_detector(
            self.name,
            self.spec,
            self.models,
            self.place,
            fast=self.fast,
            compared_on=None if index is None else some_crops,
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
                "backend": "openvino" if self.fast else "reference",
            }
        )

    def _score(
        self, index: CropIndex, backends: Sequence[Backend], before: int, total: int
    ) -> pa.Table:
        def tell(stage: str, done: int, _: int) -> None:
            self.progress(stage, before + done, total)

        if self.spec.looks_at == "faces":
            self._embed(index)
        crops = self._source(index)
        rows = np.arange(len(index))
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
