"""The scores of detectors on new videos, chunk by chunk.

The scores of a detector are a product (see `predictions.products`) whose key holds the trained
models and the faces of the videos; while they are made, so is each chunk of videos.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from base_models.backends.choose import Faster, faster_backend
from base_models.compute.place import Place, Precision
from base_models.detectors.registry import BackendName, DetectorSpec
from base_models.named_code import all_named
from base_models.scoring.crops import CropIndex
from base_models.scoring.fold_models import FoldModel
from base_models.scoring.frame_scores import (
    frame_scores,
    join_frame_scores,
    scores_product,
    write_frame_scores,
)
from base_models.scoring.opened import OpenedDetector, TrainedDetector, score_rows
from base_models.scoring.run_crops import COMPARED, kept_crops
from base_models.scoring.sources import Source, folder_of, media_of, open_source
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import Product, key_of
from predictions.progress import Progress, silent

AS_THEY_ARE = NoteKind(
    "scoring.as-they-are",
    "The faces came cut, so {detectors} see them as they are, not as their cards ask.",
)
KEPT = NoteKind("scoring.kept", "Scores of {detectors} were there already and are kept.")


@dataclass(frozen=True)
class Scoring:
    """Which models score, and how; small enough to be sent to another process.

    Attributes:
        models: by detector.
        faces_dir: the faces folder.
        out: gets the frame scores.
        device, precision, threads: see `choose_device` of the detectors' frameworks.
        backend: what computes; see `backends.choose`.
        batch: crops at once.
        named: Python code that the user named to this process, for others that score.
    """

    models: Mapping[str, Sequence[FoldModel]]
    faces_dir: Path
    out: Path
    device: str = "auto"
    precision: Precision = "auto"
    backend: BackendName = "auto"
    threads: int | None = None
    batch: int = 64
    named: Mapping[str, tuple[Path, str]] = field(default_factory=all_named)

    @property
    def specs(self) -> list[DetectorSpec]:
        """What the detectors are."""
        return [models[0].spec for models in self.models.values()]

    def settle(self, videos: int, progress: Progress = silent) -> "list[DetectorScores]":
        """A detector's work each; a device that is missing is told of at once.

        Args:
            videos: how many are to be scored. progress: told of them.

        Raises:
            InputError: the device is not here.
        """
        specs = self.specs
        where = (self.device, self.precision, self.threads)
        places = [spec.import_module(spec.devices).choose_device(*where) for spec in specs]
        return [
            DetectorScores(
                name,
                spec,
                list(models),
                self.faces_dir,
                self.out,
                (self.precision, self.backend),
                place,
                faster_backend(spec, self.backend, place.name),
                self.batch,
                videos,
                progress,
            )
            for (name, models), spec, place in zip(self.models.items(), specs, places, strict=True)
        ]


@contextmanager
def reproducible(jobs: "Sequence[DetectorScores]") -> Iterator[None]:
    """The detectors' frameworks compute inside so that the same input gives the same bytes.

    Where OpenVINO may take torch's place, torch is not imported for it: if it has to answer after
    all, it sees to that itself (`torch_logits`).
    """
    with ExitStack() as stack:
        for job in jobs:
            if job.faster == "openvino" and job.spec.framework == "torch":
                continue
            module = job.spec.import_module(job.spec.devices)
            stack.enter_context(module.reproducible(job.place))
        yield


def notes_on(scoring: Scoring, kept: "Sequence[DetectorScores]", otherwise: set[str]) -> list[Note]:
    """What is to be said of faces that were cut `otherwise`, and of scores that were `kept`."""
    cut = [name for name in scoring.models if name in otherwise]
    notes = [AS_THEY_ARE(detectors=", ".join(cut))] if cut else []
    return notes + ([KEPT(detectors=", ".join(job.name for job in kept))] if kept else [])


def chunks_of(videos: Sequence[str], size: int) -> list[list[str]]:
    """The videos in their order, so many at a time; a chunk is known by its place."""
    return [list(videos[i : i + size]) for i in range(0, len(videos), size)]


def remove_others(out: Path, jobs: "Sequence[DetectorScores]") -> None:
    """Remove the scores of detectors that are not asked."""
    names = {job.name for job in jobs}
    for path in [*out.glob("model=*"), *out.glob(".model=*.parts")]:
        if path.stem.lstrip(".").removeprefix("model=") not in names:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass
class DetectorScores:
    """One detector over all chunks of videos: each is a product until they are joined.

    Attributes:
        name, spec, models: the detector and its trained folds.
        faces_dir: where the faces are; what else is looked at lies beside it.
        out: gets the scores.
        asked: precision and backend as they were asked for.
        place: where it computes.
        faster: what is tried in place of the reference.
        batch: crops at once.
        videos: how many there are in all.
        progress: told of each chunk.
        keys: of the chunks that are scored, in their order.
        done: videos of these.
        opened: the models, once they have scored.
        ahead: the models, opened before there was anything to score.
    """

    name: str
    spec: DetectorSpec
    models: list[FoldModel]
    faces_dir: Path
    out: Path
    asked: tuple[Precision, BackendName]
    place: Place
    faster: Faster | None
    batch: int
    videos: int
    progress: Progress
    keys: list[str] = field(default_factory=list)
    done: int = 0
    opened: OpenedDetector | None = None
    ahead: OpenedDetector | None = None

    @property
    def notes(self) -> list[Note]:
        """Decisions to show."""
        return [] if self.opened is None else self.opened.notes

    def is_done(self, keys: Sequence[str]) -> bool:
        """Whether the scores of all chunks, of which these are the keys, are there as one."""
        return self._whole(keys).is_done()

    def key(self, indexes: Mapping[str, CropIndex]) -> str:
        """What the scores of a chunk depend on; `indexes` of all media, here and below.

        How they are computed counts as it was asked for: what `auto` came to on one machine is
        kept on another, so that a folder may move, and shards be joined where there is no GPU.
        """
        index = self._index(indexes)
        faces = index.digest(range(len(index.videos)))
        return key_of(models=self._trained, faces=faces, asked=self.asked)

    def is_cut_otherwise(self, indexes: Mapping[str, CropIndex]) -> bool:
        """Whether the detector's card asks for another cut of the faces than there is."""
        index = self._index(indexes)
        return index.ready_made and index.view is not None

    def begin(self) -> None:
        """Remove the scores of other videos or models; chunks have keys of their own."""
        self._whole([]).clear()

    def open_ahead(self) -> None:
        """Open the models before there is anything to score, where they can be.

        Another thread may; `score_chunk` is to wait for it.
        """
        # A run that goes on may have scored all chunks: then nothing need be opened.
        if not self.parts.exists():
            self.ahead = self._detector.open_kept()

    def score_chunk(self, number: int, indexes: Mapping[str, CropIndex]) -> None:
        """Score the next chunk, unless it is there."""
        self.keys.append(self.score_piece(number, indexes))
        self.done += len(self._index(indexes).videos)
        self.progress(f"score {self.name}", self.done, self.videos)

    def score_piece(self, number: int, indexes: Mapping[str, CropIndex]) -> str:
        """Score any chunk, unless it is there; its key."""
        piece = self.piece(number, self.key(indexes))
        if not piece.is_done():
            with piece.making():
                write_frame_scores(self._score(self._index(indexes)), piece.owns[0])
        return piece.key

    def finish(self) -> None:
        """Join the chunks."""
        pieces = [self.piece(number, key).owns[0] for number, key in enumerate(self.keys)]
        whole = self._whole(self.keys)
        with whole.making():
            join_frame_scores(pieces, whole.owns[0])
        self.tidy()

    def tidy(self) -> None:
        """Remove the chunks' scores: they are joined."""
        shutil.rmtree(self.parts, ignore_errors=True)

    @property
    def is_joined(self) -> bool:
        """Whether scores of all chunks were joined, of whatever faces and models."""
        return self._whole([]).record.exists()

    def _whole(self, keys: Sequence[str]) -> Product:
        return scores_product(self.out, self.name, key_of(chunks=list(keys)))

    def piece(self, number: int, key: str) -> Product:
        """The scores of one chunk."""
        file = self.parts / f"{number:06}.parquet"
        return Product(file.with_suffix(".json"), key, owns=(file,), needs=(file,))

    @property
    def parts(self) -> Path:
        """The folder of the chunks' scores while not all are there."""
        return self.out / f".model={self.name}.parts"

    def _index(self, indexes: Mapping[str, CropIndex]) -> CropIndex:
        return indexes[media_of(self.spec)]

    @cached_property
    def _trained(self) -> list[str]:
        return [model.key for model in self.models]

    def _open(self, index: CropIndex) -> OpenedDetector:
        """The models, compared where a faster backend takes their place: on crops of their run, so
        that it does not matter who comes first; where those are not there, on crops to be scored.
        """
        detector = self._detector

        @cache  # asked for by each model
        def some_crops() -> NDArray[np.uint8]:
            if self.spec.looks_at == "face":
                crops = kept_crops(self.models[0].place.run, detector.view, detector.size)
                if crops is not None:
                    return crops
            rows = np.unique(np.linspace(0, len(index) - 1, COMPARED).astype(np.intp))
            return self._source(index).read(rows)

        def tell(_: str, done: int, total: int) -> None:
            self.progress(f"open {self.name}", done, total)

        tell("", 0, len(self.models))
        opened = detector.open(some_crops, tell)
        # Whatever was tried before, all its models are open.
        tell("", len(self.models), len(self.models))
        return opened

    @property
    def _detector(self) -> TrainedDetector:
        in_int8 = self.asked[1] == "int8"
        return TrainedDetector(self.name, self.spec, self.models, self.place, self.faster, in_int8)

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
        self.opened = self.opened or self.ahead or self._open(index)
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
