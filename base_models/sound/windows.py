"""The windows of many videos as rows to train on and to score, and how they are varied."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from base_models.scoring.crops import CropIndex
from base_models.sound.ears import Ear
from base_models.sound.store import load_sound, sound_path
from predictions.products import key_of

Spectrograms = NDArray[np.float16]


def index_sounds(videos: Sequence[str], sound_dir: Path, ear: Ear) -> CropIndex:
    """List the windows of `videos` that `ear` hears; a video without sound has none.

    A row's `frame` is the number of the window, its `face` is 0: one track of sound.

    Raises:
        InputError: a sound file is missing or damaged.
    """
    counts, digests = [], []
    for video in videos:
        samples = load_sound(sound_path(sound_dir, video)).samples
        counts.append(len(ear.starts(len(samples))) if len(samples) else 0)
        digests.append(key_of(samples=samples, ear=repr(ear)))
    numbers = np.concatenate(
        [np.empty(0, np.int32), *(np.arange(n, dtype=np.int32) for n in counts)]
    )
    return CropIndex(
        videos=tuple(videos),
        video=np.repeat(np.arange(len(videos), dtype=np.int32), counts),
        place=numbers,
        frame=numbers,
        face=np.zeros(len(numbers), np.int32),
        digests=tuple(digests),
    )


class Sounds:
    """The windows of an index, kept in memory while they fit (see `sources.Source`).

    Args:
        index: which windows.
        sound_dir: where the sound files are.
        ear: what is heard of them.
        size: what the detector's spec says of it.
        cache_bytes: keep windows in memory up to this many bytes.
    """

    def __init__(
        self, index: CropIndex, sound_dir: Path, ear: Ear, size: int, *, cache_bytes: float
    ) -> None:
        self.index = index
        self.size = size
        self._sound_dir = sound_dir
        self._ear = ear
        self._room = cache_bytes
        self._kept: dict[int, NDArray[Any]] = {}

    def read(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """The windows as the ear hears them, (len(rows), ...)."""
        positions = self.index.video[rows]
        out: NDArray[Any] | None = None
        for video in np.unique(positions):
            heard = self._of(int(video))
            mine = np.flatnonzero(positions == video)
            if out is None:
                out = np.empty((len(rows), *heard.shape[1:]), heard.dtype)
            out[mine] = heard[self.index.place[rows[mine]]]
        return np.empty((0, 0, self.size), np.float32) if out is None else out

    def vary(self, arrays: NDArray[Any], rngs: Sequence[np.random.Generator]) -> None:
        """Hide parts of each spectrogram, in place; chance comes from its generator."""
        for one, rng in zip(arrays, rngs, strict=True):
            mask(one, rng)

    def _of(self, video: int) -> NDArray[Any]:
        if video in self._kept:
            return self._kept[video]
        wave = load_sound(sound_path(self._sound_dir, self.index.videos[video])).wave
        heard = np.stack([self._ear.hear(wave, int(at)) for at in self._ear.starts(len(wave))])
        if heard.nbytes <= self._room:
            self._room -= heard.nbytes
            self._kept[video] = heard
        return heard


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
