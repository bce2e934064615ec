"""The spectrograms of many videos as rows to train on and to score, and how they are varied."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from base_models.scoring.crops import CropIndex
from base_models.sound.store import load_sound, sound_path
from predictions.products import key_of

Spectrograms = NDArray[np.float16]


def index_sounds(videos: Sequence[str], sound_dir: Path) -> CropIndex:
    """List the windows of `videos`; a video without sound has none.

    A row's `frame` is the number of the window, its `face` is 0: one track of sound.

    Raises:
        InputError: a sound file is missing or damaged.
    """
    counts, numbers, digests = [], [np.empty(0, np.int32)], []
    for video in videos:
        sound = load_sound(sound_path(sound_dir, video))
        counts.append(len(sound))
        numbers.append(sound.window)
        digests.append(key_of(window=sound.window, mel=sound.mel))
    frame = np.concatenate(numbers)
    return CropIndex(
        videos=tuple(videos),
        video=np.repeat(np.arange(len(videos), dtype=np.int32), counts),
        place=np.concatenate(
            [np.empty(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)]
        ),
        frame=frame,
        face=np.zeros(len(frame), np.int32),
        digests=tuple(digests),
    )


class Sounds:
    """The windows of an index, kept in memory while they fit (see `sources.Source`).

    Args:
        index: which windows.
        sound_dir: where their files are.
        size: mel bands; spectrograms with another number are refused.
        cache_bytes: keep windows in memory up to this many bytes.
    """

    def __init__(self, index: CropIndex, sound_dir: Path, size: int, *, cache_bytes: float) -> None:
        self.index = index
        self.size = size
        self._sound_dir = sound_dir
        self._room = cache_bytes
        self._kept: dict[int, Spectrograms] = {}

    def read(self, rows: NDArray[np.intp]) -> Spectrograms:
        """Natural log of mel power, float16 (len(rows), frames, bands)."""
        positions = self.index.video[rows]
        out: Spectrograms | None = None
        for video in np.unique(positions):
            mel = self._of(int(video))
            mine = np.flatnonzero(positions == video)
            if out is None:
                out = np.empty((len(rows), *mel.shape[1:]), np.float16)
            out[mine] = mel[self.index.place[rows[mine]]]
        return np.empty((0, 0, self.size), np.float16) if out is None else out

    def vary(self, mel: Spectrograms, rngs: Sequence[np.random.Generator]) -> None:
        """Hide parts of each spectrogram, in place; chance comes from its generator."""
        for one, rng in zip(mel, rngs, strict=True):
            mask(one, rng)

    def _of(self, video: int) -> Spectrograms:
        if video in self._kept:
            return self._kept[video]
        mel = load_sound(sound_path(self._sound_dir, self.index.videos[video])).mel
        if mel.shape[2] != self.size:
            raise ValueError(f"the spectrograms have {mel.shape[2]} bands, expected {self.size}")
        if mel.nbytes <= self._room:
            self._room -= mel.nbytes
            self._kept[video] = mel
        return mel


def mask(mel: Spectrograms, rng: np.random.Generator) -> None:
    """SpecAugment (Park et al., Interspeech 2019) without time warping, in place.

    One run of bands and one of frames, of up to a fifth of all, take the mean of the spectrogram
    (frames, bands).
    """
    frames, bands = mel.shape
    mean = mel.mean(dtype=np.float64)
    mel[:, _run(bands, rng)] = mean
    mel[_run(frames, rng)] = mean


def _run(length: int, rng: np.random.Generator) -> slice:
    width = int(rng.integers(0, length // 5 + 1))
    first = int(rng.integers(0, length - width + 1))
    return slice(first, first + width)
