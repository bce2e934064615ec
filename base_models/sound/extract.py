"""Videos in, one file of sound per video out.

What a video gives depends on the file and the settings alone, so a stopped extraction goes on with
the videos whose file is not there yet.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from base_models.compute.per_video import (
    KILLED,
    KILLED_CODE,
    VideoFile,
    keep_only,
    work_on_videos,
)
from base_models.datasets.dataset import Dataset
from base_models.sound.settings import SoundSettings
from base_models.sound.store import SOUND, Sound, SoundStatus, as_samples
from base_models.sound.track import NoSound, Track, read_track
from base_models.video.unreadable import UnreadableVideo, as_unreadable
from predictions.products import key_of, media_identity
from predictions.progress import Progress, silent

#: Goes into the key: files written by an older way of working are made again.
_FORMAT = 3

#: A track whose loudest sample is below this (-80 dB of full scale) has nothing to be heard.
SILENCE = 1e-4


def extract_video_sound(path: Path, settings: SoundSettings) -> Sound:
    """The sound of one video, in memory.

    A video without an audio track, or with a silent one, gives status `no_sound`, one that cannot
    be decoded `unreadable`, each with its reason and without a sample.
    """
    try:
        with as_unreadable():
            track = read_track(path, settings.rate, settings.longest_s)
    except NoSound as error:
        return _nothing("no_sound", error.sentence, error.code)
    except UnreadableVideo as error:
        return _nothing("unreadable", error.sentence, error.code)
    seconds = len(track.samples) / settings.rate
    if float(np.abs(track.samples).max()) < SILENCE:
        return _nothing("no_sound", "The audio track is silent (peak below -80 dB).", "silent")
    return Sound(
        samples=as_samples(track.samples),
        status="ok",
        reason=_loss(track, seconds),
        reason_code="packets_lost" if track.damaged else "",
        seconds=seconds,
    )


def extract_sound(
    dataset: Dataset,
    out: Path,
    settings: SoundSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Write the sound of every video of a dataset to the folder `out`, one file a video.

    Videos whose file is there, made with the same settings from the same content, are passed over;
    files of other videos are removed from `out`. Each file appears in one step, so the work may be
    stopped at any moment and started again. `jobs` processes work side by side
    (see `predictions.parallel`; -1: as many as there are cores).

    Returns:
        `video`, `status` (`ok`, `no_sound`, `unreadable`), `reason` and `reason_code` (string,
        empty when all is well) and `seconds` (float64); every video keeps its row.

    Examples:
        >>> from pathlib import Path
        >>> from base_models.datasets import read_dataset
        >>> Path("clips").mkdir()
        >>> _ = Path("clips/broken.mp4").write_bytes(b"no video")
        >>> from base_models.sound import extract_sound
        >>> extract_sound(read_dataset(Path("clips")), Path("sound"))["status"].tolist()
        ['unreadable']
    """
    videos = [str(video) for video in dataset.videos["video"]]
    keep_only(out, videos)
    settings = settings or SoundSettings()
    files = dict(iter_sound(dataset, videos, out, settings, jobs=jobs, progress=progress))
    facts = [files[video].facts for video in videos]
    return pd.DataFrame(
        {
            "video": pd.array(videos, dtype="string"),
            "status": pd.array([one["status"] for one in facts], dtype="string"),
            "reason": pd.array([one["reason"] for one in facts], dtype="string"),
            "reason_code": pd.array([one["reason_code"] for one in facts], dtype="string"),
            "seconds": [float(one["seconds"]) for one in facts],
        }
    )


def iter_sound(
    dataset: Dataset,
    videos: Sequence[str],
    out: Path,
    settings: SoundSettings,
    *,
    jobs: int = 1,
    progress: Progress = silent,
) -> Iterator[tuple[str, VideoFile]]:
    """As `extract_sound`, of some videos; the files of others stay."""
    are_pictures = dataset.crops is not None
    return work_on_videos(
        SOUND,
        out,
        {video: None if are_pictures else dataset.root / video for video in videos},
        partial(_key, settings),
        partial(_sound_of, settings),
        stage="sound",
        jobs=jobs,
        lost=lambda _: _nothing("unreadable", KILLED, KILLED_CODE),
        shared=(dataset.root,),
        progress=progress,
    )


def _key(settings: SoundSettings, path: Path | None) -> str:
    media = None if path is None else media_identity(path)
    return key_of(format=_FORMAT, settings=asdict(settings), media=media)


def _sound_of(settings: SoundSettings, path: Path | None) -> Sound:
    if path is None:
        return _nothing("no_sound", "Pictures of faces have no sound.", "no_track")
    return extract_video_sound(path, settings)


def _nothing(status: SoundStatus, reason: str, code: str) -> Sound:
    return Sound(np.empty(0, np.int16), status, reason, 0.0, code)


def _loss(track: Track, seconds: float) -> str:
    if not track.damaged:
        return ""
    return f"{track.damaged} damaged packets were passed over; {seconds:.1f} s could be decoded."
