"""New videos scored by the detectors of a run: the mean logit of the folds' models."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pandas as pd

from base_models.compute.place import Precision
from base_models.compute.threads import available_threads
from base_models.detectors.registry import BackendName
from base_models.scoring.crops import CropIndex
from base_models.scoring.detector_scores import (
    DetectorScores,
    Scoring,
    chunks_of,
    notes_on,
    remove_others,
    reproducible,
)
from base_models.scoring.fold_models import chosen_models
from base_models.scoring.sources import index_media
from base_models.scoring.units import score_in_units
from predictions.errors import InputError
from predictions.notes import Note
from predictions.parallel import is_elsewhere
from predictions.progress import Progress, silent
from predictions.shards import Shard


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
    scoring = Scoring(
        chosen_models(models_dir, detectors),
        faces_dir,
        out,
        device,
        precision,
        backend,
        threads,
        batch,
    )
    return score_models(scoring, videos, arriving=arriving, chunk=chunk, progress=progress)


def score_models(
    scoring: Scoring,
    videos: Sequence[str] | pd.Series,
    *,
    arriving: Iterable[str] | None = None,
    chunk: int = 200,
    progress: Progress = silent,
) -> list[Note]:
    """`score_videos` by these models."""
    names = _named_once(videos)
    if is_elsewhere():
        return score_in_units(scoring, names, chunk=chunk, progress=progress)[1]
    jobs = scoring.settle(len(names), progress)
    remove_others(scoring.out, jobs)
    parts = chunks_of(names, chunk)
    chunks: Iterable[dict[str, CropIndex]]
    kept: list[DetectorScores] = []
    if arriving is None:
        chunks = [index_media(scoring.specs, part, scoring.faces_dir) for part in parts]
        kept = [job for job in jobs if job.is_done([job.key(indexes) for indexes in chunks])]
        jobs = [job for job in jobs if job not in kept]
    else:
        chunks = _indexed(scoring, parts, arriving)
    for job in kept:
        job.tidy()
    for job in jobs:
        job.begin()
    notes = _score_chunks(scoring, jobs, kept, enumerate(chunks))
    for job in jobs:
        job.finish()
    return notes


def shard_chunks(
    videos: Sequence[str] | pd.Series, shard: Shard, chunk: int
) -> dict[int, list[str]]:
    """A shard's part of the chunks of `score_models`, by their places.

    Raises:
        InputError: a video is named twice.
    """
    parts = chunks_of(_named_once(videos), chunk)
    return {place: part for place, part in enumerate(parts) if shard.takes(place)}


def score_shard(
    scoring: Scoring,
    chunks: Mapping[int, list[str]],
    arriving: Iterable[str],
    *,
    progress: Progress = silent,
) -> list[Note]:
    """Score the chunks of a shard, which `score_models` finds there and joins.

    Args:
        scoring, arriving, progress: see `score_videos`.
        chunks: of `shard_chunks`.
    """
    jobs = scoring.settle(sum(map(len, chunks.values())), progress)
    indexed = _indexed(scoring, list(chunks.values()), arriving)
    return _score_chunks(scoring, jobs, [], zip(chunks, indexed, strict=True))


def _indexed(
    scoring: Scoring, parts: Sequence[list[str]], arriving: Iterable[str]
) -> Iterator[dict[str, CropIndex]]:
    """What there is to look at of each of the parts, as soon as all of it has come."""
    for part in _come(parts, arriving):
        yield index_media(scoring.specs, part, scoring.faces_dir)


def _named_once(videos: Sequence[str] | pd.Series) -> list[str]:
    names = [str(video) for video in videos]
    if len(set(names)) < len(names):
        doubled = next(name for name in names if names.count(name) > 1)
        raise InputError("is to be scored twice", video=doubled, remedy="name each video once")
    return names


def _score_chunks(
    scoring: Scoring,
    jobs: Sequence[DetectorScores],
    kept: Sequence[DetectorScores],
    chunks: Iterable[tuple[int, dict[str, CropIndex]]],
) -> list[Note]:
    """Score chunks, with their places, by `jobs`; decisions to show, also on `kept` ones."""
    otherwise: set[str] = set()
    with reproducible([*kept, *jobs]), _left_at_once() as pool:
        # While the faces of the first videos are found.
        opening = [pool.submit(job.open_ahead) for job in jobs]
        for number, indexes in chunks:
            for job, ahead in zip(jobs, opening, strict=True):
                ahead.result()
                job.score_chunk(number, indexes)
            otherwise |= {job.name for job in (*kept, *jobs) if job.is_cut_otherwise(indexes)}
    return [*(note for job in jobs for note in job.notes), *notes_on(scoring, kept, otherwise)]


@contextmanager
def _left_at_once() -> Iterator[ThreadPoolExecutor]:
    """Threads for which nobody waits who leaves: what has not begun does not."""
    pool = ThreadPoolExecutor(available_threads())
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _come(parts: Sequence[list[str]], arriving: Iterable[str]) -> Iterator[list[str]]:
    """Each of the parts as soon as all of it has come; what brings them is heard to its end."""
    coming = iter(arriving)
    for part in parts:
        if list(islice(coming, len(part))) != part:
            raise ValueError("the videos arrive in another order, or not all of them do")
        yield part
    for video in coming:
        raise ValueError(f"{video} arrives, but is not to be scored")
