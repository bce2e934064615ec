"""New videos scored by the detectors of a run: the mean logit of the folds' models.

The scores of a detector are a product (see `predictions.products`) whose key holds the trained
models and the faces of the videos; while they are made, so is each chunk of videos.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from base_models.backends.choose import Faster, faster_backend
from base_models.compute.place import Place, Precision
from base_models.detectors.registry import BackendName, DetectorSpec
from base_models.scoring.crops import CropIndex
from base_models.scoring.fold_models import FoldModel, chosen_models
from base_models.scoring.frame_scores import (
    SCHEMA,
    frame_scores,
    scores_product,
    write_frame_scores,
)
from base_models.scoring.opened import COMPARED, OpenedDetector, open_detector, score_rows
from base_models.scoring.sources import Source, folder_of, index_media, media_of, open_source
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import Product, key_of
from predictions.progress import Progress, silent

AS_THEY_ARE = NoteKind(
    "scoring.as-they-are",
    "The faces came cut, so {detectors} see them as they are, not as their cards ask.",
)
KEPT = NoteKind("scoring.kept", "Scores of {detectors} were there already and are kept.")


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
) -> list[Note]:
    """Score new videos by all that detectors look at; one file `out/model=M.parquet` a detector.

    Chunks of videos are written as they are done, so that a killed run goes on; scores made from
    the same models and faces are kept, and those of detectors that are not asked are removed. A
    video without faces, or sound, has no rows of the detectors that look at them.

    Args:
        videos: ids whose faces are in `faces_dir`, and whose sound, where a detector looks at it,
            is in the folder `sound` beside it.
        faces_dir: the faces folder.
        models_dir: the `models` folder of a run.
        out: gets the frame scores (logits), which `frame_scores.read_new_scores` reads.
        arriving: the same ids in the same order, each as soon as its faces are there: a chunk is
            scored while the next one's are found. When None, all are there.
        detectors: names; all that are trained when None.
        device, precision, threads: see `choose_device` of the detectors' frameworks.
        backend: what computes; see `backends.choose`.
        batch: crops at once.
        chunk: videos between two files.
        progress: told the stage, the videos done, and all videos.

    Returns:
        Decisions to show.

    Raises:
        InputError: models or faces are missing, a video is named twice, or a score is not finite.
    """
    models = chosen_models(models_dir, detectors)
    return score_models(
        models,
        videos,
        faces_dir,
        out,
        arriving=arriving,
        device=device,
        precision=precision,
        backend=backend,
        threads=threads,
        batch=batch,
        chunk=chunk,
        progress=progress,
    )


def score_models(
    detectors: Mapping[str, list[FoldModel]],
    videos: Sequence[str] | pd.Series,
    faces_dir: Path,
    out: Path,
    *,
    arriving: Iterable[str] | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    backend: BackendName = "auto",
    threads: int | None = None,
    batch: int = 64,
    chunk: int = 200,
    progress: Progress = silent,
) -> list[Note]:
    """`score_videos` by these models, by name."""
    names = [str(video) for video in videos]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise InputError("is to be scored twice", video=doubled, remedy="name each video once")
    specs = [models[0].spec for models in detectors.values()]
    devices = [spec.import_module(spec.devices) for spec in specs]
    # All are settled before the first scores, so that a device that is missing is told of at once.
    places = [module.choose_device(device, precision, threads) for module in devices]
    jobs = [
        _Scoring(
            name,
            spec,
            models,
            faces_dir,
            out,
            place,
            faster_backend(spec, backend, place.name),
            batch,
            len(names),
            progress,
        )
        for (name, models), spec, place in zip(detectors.items(), specs, places, strict=True)
    ]
    _remove_others(out, jobs)
    parts = [names[i : i + chunk] for i in range(0, len(names), chunk)]
    chunks: Iterable[dict[str, CropIndex]]
    kept: list[_Scoring] = []
    if arriving is None:
        chunks = [index_media(specs, part, faces_dir) for part in parts]
        kept = [job for job in jobs if job.is_done(chunks)]
        jobs = [job for job in jobs if job not in kept]
    else:
        chunks = (index_media(specs, part, faces_dir) for part in _come(parts, arriving))
    for job in kept:
        shutil.rmtree(job.parts, ignore_errors=True)  # of one killed when it had joined them
    for job in jobs:
        job.begin()
    otherwise: set[str] = set()
    with ExitStack() as stack:
        for module, place in zip(devices, places, strict=True):
            stack.enter_context(module.reproducible(place))
        for number, indexes in enumerate(chunks):
            for job in jobs:
                job.score_chunk(number, indexes[media_of(job.spec)])
            otherwise |= {
                job.name for job in (*kept, *jobs) if _is_cut_otherwise(indexes[media_of(job.spec)])
            }
    for job in jobs:
        job.finish()
    notes = [note for job in jobs for note in job.notes]
    if otherwise:
        notes.append(
            AS_THEY_ARE(detectors=", ".join(name for name in detectors if name in otherwise))
        )
    return notes + ([KEPT(detectors=", ".join(job.name for job in kept))] if kept else [])


def _is_cut_otherwise(index: CropIndex) -> bool:
    """Whether a card asks for another cut than there is."""
    return index.ready_made and index.view is not None


def _remove_others(out: Path, jobs: Sequence["_Scoring"]) -> None:
    """Remove the scores of detectors that are not asked."""
    names = {job.name for job in jobs}
    for path in [*out.glob("model=*"), *out.glob(".model=*.parts")]:
        if path.stem.lstrip(".").removeprefix("model=") not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


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
    keys: list[str] = field(default_factory=list)
    done: int = 0
    opened: OpenedDetector | None = None

    @property
    def notes(self) -> list[Note]:
        """Decisions to show."""
        return [] if self.opened is None else self.opened.notes

    def is_done(self, chunks: Iterable[dict[str, CropIndex]]) -> bool:
        """Whether the scores of all chunks are there."""
        return self._whole(
            [self._key(indexes[media_of(self.spec)]) for indexes in chunks]
        ).is_done()

    def begin(self) -> None:
        """Remove the scores of other videos or models; chunks have keys of their own."""
        self._whole([]).clear()

    def score_chunk(self, number: int, index: CropIndex) -> None:
        """Score the next chunk, unless it is there."""
        piece = self._piece(number, self._key(index))
        if not piece.is_done():
            with piece.making():
                write_frame_scores(self._score(index), piece.owns[0])
        self.keys.append(piece.key)
        self.done += len(index.videos)
        self.progress(f"score {self.name}", self.done, self.videos)

    def finish(self) -> None:
        """Join the chunks."""
        pieces = [self._piece(number, key).owns[0] for number, key in enumerate(self.keys)]
        whole = self._whole(self.keys)
        with whole.making():
            tables = [SCHEMA.empty_table(), *(pq.ParquetFile(file).read() for file in pieces)]
            write_frame_scores(pa.concat_tables(tables), whole.owns[0])
        shutil.rmtree(self.parts, ignore_errors=True)

    def _whole(self, keys: Sequence[str]) -> Product:
        return scores_product(self.out, self.name, key_of(chunks=list(keys)))

    def _piece(self, number: int, key: str) -> Product:
        file = self.parts / f"{number:06}.parquet"
        return Product(file.with_suffix(".json"), key, owns=(file,), needs=(file,))

    @property
    def parts(self) -> Path:
        """The folder of the chunks' scores while not all are there."""
        return self.out / f".model={self.name}.parts"

    def _key(self, index: CropIndex) -> str:
        return key_of(
            models=self._trained,
            faces=index.digest(range(len(index.videos))),
            precision=self.place.precision,
            backend=self.faster or "reference",
        )

    @cached_property
    def _trained(self) -> list[str]:
        return [model.key for model in self.models]

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
        logits = score_rows(backends, crops, rows, self.batch, f"score {self.name}", tell)
        if not np.isfinite(logits).all():
            raise InputError(f"{self.name} gives scores that are not finite", remedy="train again")
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
