"""New videos on a cluster: some at a time, from the file to their frame scores in one place.

A unit is a chunk of videos. Whoever does it finds their faces, where that is to be done, and scores
them by every detector; all it makes are products in the run folder, which all machines see. The
models stay open for the next unit. A unit may be done twice: it finds what is there.

A video that kills its process takes the unit with it; the videos of such a unit are then looked at
one by one, and the one that does it again is unreadable.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from base_models.compute.parallel import side_by_side
from base_models.compute.per_video import VideoFile
from base_models.named_code import allow_all
from base_models.scoring.detector_scores import (
    DetectorScores,
    Scoring,
    chunks_of,
    notes_on,
    remove_others,
    reproducible,
)
from base_models.scoring.sources import index_media, media_of
from predictions.engines.child import work_in_child
from predictions.errors import InputError
from predictions.notes import Note
from predictions.products import key_of
from predictions.progress import Progress, silent

if TYPE_CHECKING:  # it brings torch, which detectors of Keras go without
    from base_models.faces.extract import Looking


@dataclass(frozen=True)
class _Unit:
    """What came of one.

    Attributes:
        files: of faces, by video; none where they were there before.
        keys: of the scores, by detector.
        crops: how many rows each detector looked at.
        otherwise: detectors whose cards ask for another cut.
        notes: decisions to show.
    """

    files: dict[str, VideoFile]
    keys: dict[str, str]
    crops: dict[str, int]
    otherwise: frozenset[str]
    notes: list[Note]


def score_in_units(
    scoring: Scoring,
    videos: Sequence[str],
    *,
    looking: "Looking | None" = None,
    chunk: int,
    progress: Progress = silent,
) -> tuple[dict[str, VideoFile], list[Note]]:
    """Score new videos on the cluster; as `offline.score_models`.

    Args:
        scoring: which models, and how.
        videos: ids, in their order.
        looking: how their faces are found; None where they are there.
        chunk: videos of a unit.
        progress: told the videos done, and all videos.

    Returns:
        The files of faces that were made or found whole, and decisions to show.

    Raises:
        InputError: as `offline.score_videos`; a worker's products are not seen here.
    """
    jobs = scoring.settle(len(videos))
    remove_others(scoring.out, jobs)
    parts = chunks_of(videos, chunk)
    kept = _kept(scoring, jobs, parts) if looking is None else []
    for job in kept:
        job.tidy()
    jobs = [job for job in jobs if job not in kept]
    for job in jobs:
        job.begin()
    scoring = replace(scoring, models={job.name: job.models for job in jobs})
    files: dict[str, VideoFile] = {}
    otherwise: set[str] = set()
    notes: dict[str, Note] = {}
    done = 0
    progress("videos", 0, len(videos))
    for number, unit in enumerate(_done(scoring, looking, parts) if jobs else ()):
        for job in jobs:
            _refuse_missing(job, number, unit.keys[job.name])
            job.keys.append(unit.keys[job.name])
        files |= unit.files
        otherwise |= unit.otherwise
        notes |= {str(note): note for note in unit.notes}
        done += len(parts[number])
        progress("videos", done, len(videos))
    for job in jobs:
        job.finish()
    return files, [*notes.values(), *notes_on(scoring, kept, otherwise)]


def _kept(
    scoring: Scoring, jobs: Sequence[DetectorScores], parts: Sequence[list[str]]
) -> list[DetectorScores]:
    """The detectors whose scores are there, of these faces and models."""
    there = [job for job in jobs if job.is_joined]
    if not there:
        return []
    pieces = ((scoring, part) for part in parts)
    keys = list(side_by_side(_keys, pieces, -1, ordered=True, shared=_shared(scoring)))
    return [job for job in there if job.is_done([of_part[job.name] for of_part in keys])]


def _keys(scoring: Scoring, part: list[str]) -> dict[str, str]:
    indexes = index_media(scoring.specs, part, scoring.faces_dir)
    return {job.name: job.key(indexes) for job in _open(scoring)}


def _shared(scoring: Scoring) -> list[Path]:
    """Folders that whoever does a unit must see."""
    return [scoring.out.parent, scoring.faces_dir.parent]


def _done(
    scoring: Scoring, looking: "Looking | None", parts: Sequence[list[str]]
) -> Iterator[_Unit]:
    """The units in their order.

    The first ones alone, until every detector has looked at something: what is made for all units,
    the export of a network and its comparison with the reference, is not made at many places.
    """
    shared = [*_shared(scoring), *([] if looking is None else [looking.root])]
    pieces = iter([(scoring, looking, number, part) for number, part in enumerate(parts)])
    lasting = partial(side_by_side, _do, jobs=-1, ordered=True, lost=_one_by_one, shared=shared)
    waiting = set(scoring.models)
    for piece in pieces:
        (unit,) = lasting([piece])
        yield unit
        waiting -= {name for name, rows in unit.crops.items() if rows}
        if not waiting:
            break
    yield from lasting(pieces)


def _do(scoring: Scoring, looking: "Looking | None", number: int, part: list[str]) -> _Unit:
    files = {} if looking is None else dict(looking.at(part))
    jobs = _open(scoring)
    indexes = index_media(scoring.specs, part, scoring.faces_dir)
    with reproducible(jobs):
        keys = {job.name: job.score_piece(number, indexes) for job in jobs}
    return _Unit(
        files,
        keys,
        {job.name: len(indexes[media_of(job.spec)]) for job in jobs},
        frozenset(job.name for job in jobs if job.is_cut_otherwise(indexes)),
        list(chain.from_iterable(job.notes for job in jobs)),
    )


def _one_by_one(scoring: Scoring, looking: "Looking | None", number: int, part: list[str]) -> _Unit:
    """The unit again, each video first by itself: one that kills its process again is given up."""
    if looking is not None:
        for video in part:
            work_in_child(_look, (looking, video), _give_up, 1)
    return work_in_child(_do, (scoring, looking, number, part), None, 1)


def _look(looking: "Looking", video: str) -> None:
    dict(looking.at([video]))


def _give_up(looking: "Looking", video: str) -> None:
    looking.give_up(video)


#: What this process has open: the models of the last scoring.
_opened: dict[str, list[DetectorScores]] = {}


def _open(scoring: Scoring) -> list[DetectorScores]:
    key = key_of(
        models={name: [model.key for model in models] for name, models in scoring.models.items()},
        places=[str(scoring.faces_dir.absolute()), str(scoring.out.absolute())],
        how=[scoring.device, scoring.precision, scoring.backend, scoring.threads, scoring.batch],
    )
    if key not in _opened:
        allow_all(scoring.named)
        _opened.clear()
        _opened[key] = scoring.settle(0)
    return _opened[key]


def _refuse_missing(job: DetectorScores, number: int, key: str) -> None:
    """The truth is on disk: whatever a worker says, its scores must be there."""
    piece = job.piece(number, key)
    if not piece.is_done():
        raise InputError(
            "was written by a worker of the cluster, and is not seen here as it was written",
            file=piece.owns[0],
            remedy="use a folder that all machines share; the same command goes on from here",
        )
