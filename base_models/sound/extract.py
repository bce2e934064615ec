"""Videos in, one file of log-mel spectrograms per video out.

What a video gives depends on the file and the settings alone, so a stopped extraction goes on with
the videos whose file is not there yet.
"""

from glob import escape
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from base_models.compute.parallel import side_by_side
from base_models.datasets.dataset import Dataset
from base_models.sound.mel import log_mel
from base_models.sound.settings import SoundSettings
from base_models.sound.store import (
    Sound,
    SoundInfo,
    SoundStatus,
    read_info,
    sound_path,
    write_sound,
)
from base_models.sound.track import NoSound, Track, UnreadableSound, read_track
from predictions.progress import Progress, silent

#: A track whose loudest sample is below this (-80 dB of full scale) has nothing to be heard.
SILENCE = 1e-4


def extract_video_sound(path: Path, settings: SoundSettings) -> Sound:
    """The spectrograms of one video, in memory.

    A video without an audio track, or with a silent one, gives status `no_sound`, one that cannot
    be decoded `unreadable`, each with its reason and without a window.
    """
    try:
        track = read_track(path, settings.rate, settings.longest_s)
    except NoSound as error:
        return _nothing("no_sound", error.reason, settings)
    except UnreadableSound as error:
        return _nothing("unreadable", error.reason, settings)
    seconds = len(track.samples) / settings.rate
    peak = float(np.abs(track.samples).max())
    if peak < SILENCE:
        return _nothing("no_sound", "the audio track is silent (peak below -80 dB)", settings)
    starts = window_starts(len(track.samples), settings)
    return Sound(
        window=np.arange(len(starts), dtype=np.int32),
        start_s=(starts / settings.rate).astype(np.float32),
        mel=np.stack([_spectrogram(track, int(start), settings) for start in starts]),
        status="ok",
        reason=_loss(track, seconds),
        seconds=seconds,
    )


def window_starts(n: int, settings: SoundSettings) -> NDArray[np.int64]:
    """First samples of the windows of a track of n samples; at least one, ascending.

    Every `step_s` as long as the window is whole. Where that gives more than `windows`, those in
    the middle of as many equal parts of the list are taken.
    """
    step = round(settings.step_s * settings.rate)
    starts = np.arange(0, max(n - settings.samples, 0) + 1, step)
    if len(starts) > settings.windows:
        middles = (np.arange(settings.windows) + 0.5) * len(starts) / settings.windows
        starts = starts[middles.astype(np.int64)]
    return starts


def extract_sound(
    dataset: Dataset,
    out: Path,
    settings: SoundSettings | None = None,
    *,
    jobs: int = 1,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Write the spectrograms of every video of a dataset to the folder `out`, one file a video.

    Videos whose file is there, made with the same settings from a file of the same length, are
    passed over. Each file appears in one step, so the work may be stopped at any moment and
    started again. `jobs` processes work side by side through joblib's current backend (-1: as
    many as there are cores).

    Returns:
        `video`, `status` (`ok`, `no_sound`, `unreadable`), `reason` (string, empty when all is
        well), `seconds` (float64) and `n_windows` (Int64); every video keeps its row.
    """
    settings = settings or SoundSettings()
    videos = [str(video) for video in dataset.videos["video"]]
    infos: dict[str, SoundInfo] = {}
    for video in videos:
        info = read_info(sound_path(out, video))
        if info and info.settings_hash == _work_hash(dataset, video, settings):
            infos[video] = info
    todo = [video for video in videos if video not in infos]
    progress("sound", len(infos), len(videos))
    work = [
        (_file(dataset, video), video, out, settings, _work_hash(dataset, video, settings))
        for video in todo
    ]
    for video, info in side_by_side(_extract_one, work, jobs, ordered=False):
        infos[video] = info
        progress("sound", len(infos), len(videos))
    found = [infos[video] for video in videos]
    return pd.DataFrame(
        {
            "video": pd.array(videos, dtype="string"),
            "status": pd.array([info.status for info in found], dtype="string"),
            "reason": pd.array([info.reason for info in found], dtype="string"),
            "seconds": [info.seconds for info in found],
            "n_windows": pd.array([info.n_windows for info in found], dtype="Int64"),
        }
    )


def _extract_one(
    file: Path | None, video: str, out: Path, settings: SoundSettings, work: str
) -> tuple[str, SoundInfo]:
    target = sound_path(out, video)
    # What a killed process left half written.
    for leftover in target.parent.glob(f".{escape(target.name)}.*.tmp"):
        leftover.unlink(missing_ok=True)
    if file is None:
        sound = _nothing("no_sound", "pictures of faces have no sound", settings)
    else:
        sound = extract_video_sound(file, settings)
    write_sound(sound, target, work)
    return video, SoundInfo(sound.status, sound.reason, sound.seconds, len(sound), work)


def _file(dataset: Dataset, video: str) -> Path | None:
    """The file of a video; None where the dataset holds pictures instead."""
    return dataset.root / video if dataset.crops is None else None


def _work_hash(dataset: Dataset, video: str, settings: SoundSettings) -> str:
    """Changes when the settings or the length of the file do."""
    file = _file(dataset, video)
    try:
        length = -1 if file is None else file.stat().st_size
    except OSError:
        length = -1
    return f"{settings.hash}-{length}"


def _spectrogram(track: Track, start: int, settings: SoundSettings) -> NDArray[np.float16]:
    """One window (frames, bands); one that the track does not fill ends in silence."""
    samples = track.samples[start : start + settings.samples]
    samples = np.pad(samples, (0, settings.samples - len(samples)))
    mel = log_mel(
        samples,
        rate=settings.rate,
        fft=settings.fft,
        frame=settings.frame,
        hop=settings.hop,
        bands=settings.bands,
    )
    return mel.astype(np.float16)


def _nothing(status: SoundStatus, reason: str, settings: SoundSettings) -> Sound:
    return Sound(
        window=np.empty(0, np.int32),
        start_s=np.empty(0, np.float32),
        mel=np.empty((0, settings.frames, settings.bands), np.float16),
        status=status,
        reason=_sentence(reason),
        seconds=0.0,
    )


def _loss(track: Track, seconds: float) -> str:
    if not track.damaged:
        return ""
    return f"{track.damaged} damaged packets were passed over; {seconds:.1f} s could be decoded."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."
