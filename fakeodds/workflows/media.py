"""Videos to faces and sound, each with its table of what became of every video."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from base_models.datasets import Dataset
from base_models.detectors.registry import DetectorSpec
from base_models.faces.extract import Looking, faces_table, iter_faces
from base_models.faces.import_crops import import_crops
from base_models.faces.ladder import settings_key
from base_models.faces.settings import FaceSettings
from base_models.scoring.sources import EARS
from base_models.sound.extract import extract_sound, iter_sound
from base_models.sound.settings import SoundSettings
from fakeodds.run.folder import RunFolder
from fakeodds.run.shards import Shards
from fakeodds.view import terminal
from fakeodds.workflows.changes import changes_between
from predictions.errors import InputError
from predictions.files import read_parquet, write_table
from predictions.folds import assign_folds
from predictions.products import key_of, media_identity
from predictions.progress import Progress
from predictions.shards import Shard
from predictions.words import count

#: What shards of this work are known by.
_WORK = "faces"


def find_faces(
    dataset: Dataset, folder: RunFolder, settings: FaceSettings, jobs: int, **folding: int
) -> pd.DataFrame:
    """Videos -> faces/ and videos.parquet with status and reason; resumes at the next video.

    With `n_splits` and `seed`, labelled videos get a fold (folds that came along are kept).
    """
    folder.lock()  # before shards are asked: none begins any more
    inputs = faces_inputs(dataset, settings, folding)
    already = folder.is_done("faces", **inputs)
    before = read_parquet(folder.videos) if not already and folder.has("faces") else None
    shards = Shards(folder.path, _WORK)
    for note in shards.joined(_shard_key(dataset, settings)):
        terminal.note(note)
    if not already:
        terminal.heading(f"Finding faces in {count(len(dataset.videos), 'video')}")
    # What is there is read all the same: a damaged piece is made anew.
    with terminal.progress_bars(tell=not already) as progress:
        coming = stream_faces(dataset, folder, settings, inputs, jobs, progress, in_order=False)
        deque(coming, maxlen=0)
    shards.clear()
    videos = read_parquet(folder.videos)
    if already:
        terminal.note(f"faces of {count(len(videos), 'video')}: already there.")
    else:
        tell_coverage(videos)
    for note in [] if before is None else changes_between(before, videos):
        terminal.note(note)
    return videos


def find_faces_of(
    shard: Shard,
    dataset: Dataset,
    folder: RunFolder,
    settings: FaceSettings,
    jobs: int,
    **folding: int,
) -> pd.DataFrame:
    """A shard's part of faces/, which `find_faces` joins; its videos as `find_faces` gives them.

    Shards may be at work at once, on any machines that see the folder.

    Raises:
        InputError: the folder holds the faces of other videos, or found in another way; as of
            `Shards.working`; or the faces come cut.
    """
    refuse_crops(dataset)
    if folder.key("faces") and not folder.is_done(
        "faces", **faces_inputs(dataset, settings, folding)
    ):
        raise InputError(
            "holds faces of other videos, or found in another way, which a run may have learned "
            "from",
            file=folder.path,
            remedy="choose another --out; or leave --shard out, and they are replaced",
        )
    names = dataset.videos["video"].astype(str).tolist()
    own = [video for position, video in enumerate(names) if shard.takes(position)]
    looking = Looking.side_by_side(dataset.root, folder.faces, settings, jobs)
    terminal.heading(f"Finding faces in {count(len(own), 'video')} of {len(names)}")
    with (
        Shards(folder.path, _WORK).working(shard, _shard_key(dataset, settings)),
        terminal.progress_bars() as progress,
    ):
        files = dict(looking.at(own, jobs=jobs, in_order=False, progress=progress))
    videos = dataset.videos[dataset.videos["video"].astype(str).isin(files)]
    found = faces_table(videos.reset_index(drop=True), files)
    tell_coverage(found)
    return found


def refuse_crops(dataset: Dataset) -> None:
    """Refuse a dataset of face crops where videos are to be shared out.

    Raises:
        InputError: it is one.
    """
    if dataset.crops is not None:
        raise InputError(
            "the faces of this dataset come cut, so there is nothing to share out",
            option="--shard",
            remedy="leave it out",
        )


def _shard_key(dataset: Dataset, settings: FaceSettings) -> str:
    return key_of(videos=dataset.videos["video"].astype(str).tolist(), faces=settings_key(settings))


def stream_faces(
    dataset: Dataset,
    folder: RunFolder,
    settings: FaceSettings,
    inputs: Mapping[str, Any],
    jobs: int,
    progress: Progress,
    *,
    in_order: bool = True,
) -> Iterator[str]:
    """The work of `find_faces`; yields the videos, each as soon as its faces are there.

    `inputs`: of the stage, as `faces_inputs` gives them; `in_order`: see `iter_faces`.
    """
    with folder.stage("faces", **inputs):
        if dataset.crops is not None:
            videos = import_crops(dataset, folder.faces, settings, jobs=jobs, progress=progress)
            yield from videos["video"].astype(str)
        else:
            infos = {}
            for video, info in iter_faces(
                dataset, folder.faces, settings, jobs=jobs, progress=progress, in_order=in_order
            ):
                infos[video] = info
                yield video
            videos = faces_table(dataset.videos, infos)
        if inputs["folding"]:
            videos = _with_folds(videos, **inputs["folding"])
        write_table(videos, folder.videos)


def faces_inputs(
    dataset: Dataset, settings: FaceSettings, folding: Mapping[str, int]
) -> dict[str, Any]:
    """All that the faces of a dataset depend on, and their table; `folding`: see `find_faces`."""
    identities = [
        media_identity(dataset.root / file)
        for video in dataset.videos["video"]
        for file in dataset.files(str(video))
    ]
    return {
        "videos": dataset.videos,
        "identities": identities,
        "faces": settings_key(settings),
        "folding": dict(folding),
    }


def find_sound(
    dataset: Dataset, folder: RunFolder, detectors: Sequence[DetectorSpec], jobs: int
) -> None:
    """Videos -> sound/ and sound.parquet with status and reason; resumes at the next video.

    Only where one of the detectors listens; else what an earlier command heard is not told of.
    """
    if not _listens(detectors):
        folder.drop("sound")
        return
    files = [dataset.root / str(video) for video in dataset.videos["video"]]
    settings = SoundSettings()
    with folder.stage(
        "sound",
        videos=dataset.videos["video"].astype(str).tolist(),
        identities=[media_identity(file) for file in files],
        sound=asdict(settings),
    ) as needed:
        if needed:
            terminal.heading(f"Listening to {count(len(files), 'video')}")
        # What is there is read all the same: a damaged piece is made anew.
        with terminal.progress_bars(tell=needed) as progress:
            found = extract_sound(dataset, folder.sound, settings, jobs=jobs, progress=progress)
        write_table(found, folder.sound_table)
    if not needed:
        terminal.note(f"sound of {count(len(files), 'video')}: already there.")
        return
    counts = found["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts.index))
    terminal.note(f"sound of {count(len(found), 'video')}: {told}.")
    for row in found[found["status"] == "unreadable"].head(5).itertuples():
        terminal.note(f"{row.video}: {row.reason}")


def hear(
    dataset: Dataset,
    videos: Sequence[str],
    folder: RunFolder,
    detectors: Sequence[DetectorSpec],
    jobs: int,
    progress: Progress,
) -> None:
    """A part of `find_sound`: the files of some videos, where one of the detectors listens."""
    if _listens(detectors):
        settings = SoundSettings()
        coming = iter_sound(dataset, videos, folder.sound, settings, jobs=jobs, progress=progress)
        deque(coming, maxlen=0)


def find_sound_again(folder: RunFolder, detectors: Sequence[DetectorSpec], jobs: int) -> None:
    """`find_sound` on the dataset that run.json names, for a run whose faces are found already.

    Raises:
        InputError: the dataset is not where it was.
    """
    if not _listens(detectors):
        return
    path = Path(folder.record["settings"].get("dataset", ""))
    if not path.exists():
        raise InputError(
            "the dataset of this run is not there any more, and the sound of its videos is needed",
            file=path,
            remedy="put it back, call from the same folder, or leave the sound detector out",
        )
    root = path if path.is_dir() else path.parent
    find_sound(Dataset(root, read_parquet(folder.videos)), folder, detectors, jobs)


def _listens(detectors: Sequence[DetectorSpec]) -> bool:
    return any(spec.looks_at in EARS for spec in detectors)


def _with_folds(videos: pd.DataFrame, n_splits: int, seed: int) -> pd.DataFrame:
    if "label" not in videos:  # a folder of videos to predict has none
        return videos
    labelled = videos["label"].notna()
    known = videos[labelled]
    if known.empty or ("fold" in known and known["fold"].notna().all()):
        return videos
    folds = assign_folds(known["label"], known["group"], n_splits, seed)
    fold = pd.Series(pd.NA, index=videos.index, dtype="Int16")
    fold[labelled] = folds
    return videos.assign(fold=fold)


def tell_coverage(videos: pd.DataFrame) -> None:
    """Say what became of the videos of a `faces_table`."""
    counts = videos["status"].value_counts()
    told = ", ".join(f"{counts[status]} {status}" for status in sorted(counts.index, reverse=True))
    terminal.note(f"{count(len(videos), 'video')}: {told}.")
    if "found_by" in videos and videos["found_by"].notna().any():
        found = videos["found_by"].value_counts()
        rungs = "; ".join(f"{name}: {found[name]}" for name in found.index)
        none = int((videos["status"] == "no_face").sum())
        terminal.note(f"faces found by {rungs}; by none: {none}.")
    for row in videos[videos["status"] == "unreadable"].head(5).itertuples():
        terminal.note(f"{row.video}: {row.reason}")
