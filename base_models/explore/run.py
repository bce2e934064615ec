"""The whole exploration: headers of all videos, pictures of a sample, pairs, and the summary."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.compute.parallel import side_by_side
from base_models.compute.threads import available_cpus
from base_models.datasets.dataset import Dataset
from base_models.explore.choice import choose_pairs, choose_sample
from base_models.explore.finding import finder_named
from base_models.explore.ledger import Ledger, Result
from base_models.explore.look import look_at_pair, look_at_video
from base_models.explore.probe import probe_pictures, probe_video
from base_models.explore.settings import ExploreSettings
from base_models.explore.summary import summarise
from predictions.products import key_of, media_identity
from predictions.progress import Progress, silent

#: Goes into the keys of kept results: those of an older way of working are made again.
_FORMAT = 5

#: Pieces of work handed to a process at a time are single videos; headers are faster in bunches.
_HEADERS_AT_ONCE = 32


def explore(
    dataset: Dataset,
    kept: Path,
    settings: ExploreSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Look at a dataset and say what is in it.

    Args:
        dataset: videos, or face crops.
        kept: folder for the results of single videos. A stopped exploration goes on with those
            that are missing; a file that changed is looked at again.
        settings: how closely.
        jobs: processes side by side (-1: one a core).

    Returns:
        JSON values; see `base_models.explore.summary.summarise`.

    Raises:
        InputError: a face finder cannot be had.
    """
    settings = settings or ExploreSettings()
    for name in settings.finders:
        finder_named(name)  # what it lacks is told of now, not by every video
    kept.mkdir(parents=True, exist_ok=True)
    videos = dataset.videos
    files = {
        str(video): tuple(dataset.root / file for file in dataset.files(str(video)))
        for video in videos["video"]
    }
    with ThreadPoolExecutor(available_cpus()) as pool:
        content = dict(zip(files, pool.map(_content, files.values()), strict=True))
    crops = dataset.crops is not None
    root = dataset.root
    probed = _probe(files, content, kept / "headers.jsonl", root, crops, jobs, progress)
    readable = videos[[probed[str(video)]["status"] == "ok" for video in videos["video"]]]
    sample = readable["video"].iloc[choose_sample(readable, settings.sample, settings.seed)]
    drawn = set(sample[: settings.sheet])
    about = _chosen(settings, "frames", "finders", "min_face")
    looked = _kept_work(
        "looking at videos",
        kept / "videos.jsonl",
        {str(v): key_of(**about, drawn=v in drawn, files=content[str(v)]) for v in sample},
        lambda video: (files[video], settings, crops, video in drawn),
        _look,
        root,
        jobs,
        progress,
    )
    pairs = [] if crops else choose_pairs(readable, settings.pairs, settings.seed)
    about = _chosen(settings, "pair_frames", "finders", "min_face")
    originals = {fake: real for real, fake in pairs}
    compared = _kept_work(
        "comparing with originals",
        kept / "pairs.jsonl",
        {fake: key_of(**about, real=content[real], fake=content[fake]) for real, fake in pairs},
        lambda fake: (files[originals[fake]][0], files[fake][0], settings),
        look_at_pair,
        root,
        jobs,
        progress,
    )
    headers = pd.DataFrame.from_dict(probed, orient="index").rename_axis("video")
    return summarise(
        dataset,
        headers.assign(fingerprint=[key_of(files=[c for _, c in content[v]]) for v in probed]),
        looked,
        {fake: {"original": originals[fake], **result} for fake, result in compared.items()},
        settings,
    )


def _content(files: tuple[Path, ...]) -> list[tuple[str, str]]:
    """The names of files, which the results mention, and what they hold."""
    return [(file.name, media_identity(file)) for file in files]


def _chosen(settings: ExploreSettings, *names: str) -> dict[str, Any]:
    return {"format": _FORMAT, **{name: getattr(settings, name) for name in names}}


def _look(files: tuple[Path, ...], settings: ExploreSettings, crops: bool, draw: bool) -> Result:
    return look_at_video(files, settings, pictures=crops, draw=draw)


def _probe(
    files: Mapping[str, tuple[Path, ...]],
    content: Mapping[str, list[tuple[str, str]]],
    path: Path,
    root: Path,
    crops: bool,
    jobs: int,
    progress: Progress,
) -> dict[str, Result]:
    """Facts of every video, in the order of `files`."""
    ledger = Ledger(path)
    keys = {video: key_of(format=_FORMAT, files=content[video]) for video in files}
    todo = [video for video in files if keys[video] not in ledger]
    progress("reading headers", len(files) - len(todo), len(files))
    bunches = [todo[i : i + _HEADERS_AT_ONCE] for i in range(0, len(todo), _HEADERS_AT_ONCE)]
    arguments = [(bunch, [files[video] for video in bunch], crops) for bunch in bunches]
    done = len(files) - len(todo)
    # Starting processes costs more than a few headers.
    workers = 1 if len(todo) <= 2 * _HEADERS_AT_ONCE else jobs
    for bunch, facts in side_by_side(
        _probe_bunch, arguments, workers, ordered=False, shared=(root,)
    ):
        for video, fact in zip(bunch, facts, strict=True):
            ledger.add(keys[video], fact)
        done += len(bunch)
        progress("reading headers", done, len(files))
    return {video: ledger[keys[video]] for video in files}


def _probe_bunch(
    bunch: list[str], files: list[tuple[Path, ...]], crops: bool
) -> tuple[list[str], list[Result]]:
    return bunch, [probe_pictures(paths) if crops else probe_video(paths[0]) for paths in files]


def _kept_work(
    stage: str,
    path: Path,
    keys: Mapping[str, str],
    arguments: Callable[[str], tuple],
    work: Callable[..., Result],
    root: Path,
    jobs: int,
    progress: Progress,
) -> dict[str, Result]:
    """Results by name, in the order of `keys`; those that are kept already are not made again."""
    if not keys:
        return {}
    ledger = Ledger(path)
    todo = [name for name, key in keys.items() if key not in ledger]
    done = len(keys) - len(todo)
    progress(stage, done, len(keys))
    pieces: Sequence[tuple] = [(work, name, arguments(name)) for name in todo]
    workers = 1 if len(todo) < 2 else jobs
    for name, result in side_by_side(_named, pieces, workers, ordered=False, shared=(root,)):
        ledger.add(keys[name], result)
        done += 1
        progress(stage, done, len(keys))
    return {name: ledger[key] for name, key in keys.items()}


def _named(work: Callable[..., Result], name: str, arguments: tuple) -> tuple[str, Result]:
    return name, work(*arguments)
