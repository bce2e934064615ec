"""Log-mel spectrograms in numpy.

The mel scale is Slaney's (Auditory Toolbox, 1998): linear with 3 mels every 200 Hz up to 1 kHz,
and 27 mels every factor of 6.4 above. Each triangle has unit area (also Slaney's), so that white
noise gives a flat spectrum. Both are what librosa takes by default.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27

#: Power below this counts as this: digital silence would be minus infinity.
POWER_FLOOR = 1e-10


def hz_to_mel(hz: ArrayLike) -> Floats:
    """Frequencies in Hz (any shape) as mels on Slaney's scale."""
    f = np.asarray(hz, np.float64)
    above = _BREAK_MEL + np.log(np.maximum(f, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(f < _BREAK_HZ, f / _HZ_PER_MEL, above)


def mel_to_hz(mel: ArrayLike) -> Floats:
    """The inverse of `hz_to_mel`."""
    m = np.asarray(mel, np.float64)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(m, _BREAK_MEL) - _BREAK_MEL))
    return np.where(m < _BREAK_MEL, m * _HZ_PER_MEL, above)


def mel_frequencies(n: int, low: float, high: float) -> Floats:
    """(n,) frequencies in Hz from `low` to `high`, equally spaced in mels."""
    return mel_to_hz(np.linspace(float(hz_to_mel(low)), float(hz_to_mel(high)), n))


@lru_cache(maxsize=4)
def mel_filterbank(rate: int, fft: int, bands: int) -> Floats:
    """Triangles of unit area (per Hz) over the bins of a power spectrum: (bands, fft // 2 + 1).

    They span 0 Hz to half the rate; each begins at the peak of the one before.
    """
    bins = np.arange(fft // 2 + 1) * (rate / fft)
    edges = mel_frequencies(bands + 2, 0.0, rate / 2)
    width = np.diff(edges)
    rising = (bins - edges[:-2, None]) / width[:-1, None]
    falling = (edges[2:, None] - bins) / width[1:, None]
    bank: Floats = np.maximum(0.0, np.minimum(rising, falling))
    return bank * (2.0 / (edges[2:] - edges[:-2]))[:, None]


def power_spectra(samples: ArrayLike, fft: int, frame: int, hop: int) -> Floats:
    """Power of the short-time Fourier transform: (frames, fft // 2 + 1).

    Args:
        samples: (n,) with n >= frame, in [-1, 1].
        fft: length of the transform; frames are padded with zeros to it.
        frame: samples under a (periodic) Hann window.
        hop: samples from one frame to the next; frames that would reach over the end are left out.
    """
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), frame)[::hop]
    spectra = np.fft.rfft(frames * hann, n=fft, axis=1)
    return spectra.real**2 + spectra.imag**2


def log_mel(samples: ArrayLike, *, rate: int, fft: int, frame: int, hop: int, bands: int) -> Floats:
    """Natural log of the mel power of `samples` (n,): (frames, bands)."""
    power = power_spectra(samples, fft, frame, hop) @ mel_filterbank(rate, fft, bands).T
    return np.log(np.maximum(power, POWER_FLOOR))
