"""What detectors hear of a track: windows of it, as spectrograms or as the samples they are."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from base_models.sound.mel import log_mel
from predictions.errors import InputError
from predictions.settings import check_settings, setting

Samples = NDArray[np.float32]


class Ear(Protocol):
    """A way to hear; a dataclass, whose fields decide what is heard."""

    def starts(self, n: int) -> NDArray[np.int64]:
        """First samples of the windows of a track of n > 0 samples; at least one, ascending."""

    def hear(self, samples: Samples, start: int) -> NDArray[Any]:
        """The window that begins at `start`, of a whole track (n,) in [-1, 1]."""


def even_starts(n: int, length: int, step: int, most: int) -> NDArray[np.int64]:
    """Every `step` samples as long as a window of `length` is whole; at least one.

    Where that gives more than `most`, those in the middle of as many equal parts of the list.
    """
    starts = np.arange(0, max(n - length, 0) + 1, step)
    if len(starts) > most:
        middles = (np.arange(most) + 0.5) * len(starts) / most
        starts = starts[middles.astype(np.int64)]
    return starts


@dataclass(frozen=True)
class MelEar:
    """Log-mel spectrograms: natural log of mel power, float16 (frames, bands).

    Attributes:
        bands: mel bands between 0 Hz and half the rate.
        rate: samples a second.
        window_s: seconds of one window, the unit that is scored.
        step_s: seconds from the beginning of one window to the next.
        windows: how many windows are kept at most, evenly chosen.
        fft: length of the Fourier transform in samples.
        frame: samples under the Hann window of one spectrum (25 ms).
        hop: samples from one spectrum to the next (10 ms).

    Raises:
        InputError: a value outside its range.

    Examples:
        >>> from base_models.sound import MelEar
        >>> MelEar(window_s=2.0).bands
        64
    """

    bands: int = setting(64, least=8)
    rate: int = setting(16_000, least=4000)
    window_s: float = setting(2.0, least=0.5)
    step_s: float = setting(1.0, above=0)
    windows: int = setting(30, least=1)
    fft: int = 512
    frame: int = setting(400, above=0)
    hop: int = setting(160, above=0)

    def __post_init__(self) -> None:
        check_settings(self, "spectrogram")
        together = {
            "step_s": (self.step_s <= self.window_s, "at most window_s"),
            "frame": (self.frame <= self.fft, "at most fft"),
            "hop": (self.hop <= self.frame, "at most frame"),
            "bands": (self.bands <= self.fft // 4, "at most a quarter of fft"),
        }
        for name, (holds, expected) in together.items():
            if not holds:
                raise InputError(
                    f"spectrogram setting {name} is {getattr(self, name)!r}", expected=expected
                )

    @property
    def samples(self) -> int:
        """Samples of one window."""
        return round(self.window_s * self.rate)

    @property
    def frames(self) -> int:
        """Spectra of one window."""
        return 1 + (self.samples - self.frame) // self.hop

    def starts(self, n: int) -> NDArray[np.int64]:
        """See `Ear`."""
        return even_starts(n, self.samples, round(self.step_s * self.rate), self.windows)

    def hear(self, samples: Samples, start: int) -> NDArray[np.float16]:
        """See `Ear`; a window that the track does not fill ends in silence."""
        window = samples[start : start + self.samples]
        window = np.pad(window, (0, self.samples - len(window)))
        mel = log_mel(
            window,
            rate=self.rate,
            fft=self.fft,
            frame=self.frame,
            hop=self.hop,
            bands=self.bands,
        )
        return mel.astype(np.float16)


@dataclass(frozen=True)
class WaveEar:
    """The samples themselves: windows beside each other, float32 (samples,) in [-1, 1].

    Attributes:
        samples: of one window.
        windows: how many are kept at most, evenly chosen.

    Examples:
        >>> from base_models.sound import WaveEar
        >>> WaveEar(samples=64_000).windows
        15
    """

    samples: int
    windows: int = 15

    def starts(self, n: int) -> NDArray[np.int64]:
        """See `Ear`."""
        return even_starts(n, self.samples, self.samples, self.windows)

    def hear(self, samples: Samples, start: int) -> Samples:
        """See `Ear`; a track that is shorter than a window is repeated, as AASIST's authors do."""
        return np.resize(samples[start : start + self.samples], self.samples)
