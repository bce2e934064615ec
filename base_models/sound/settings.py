"""How the sound of a video is cut and measured."""

from dataclasses import dataclass

from base_models.settings_checks import check_ranges, settings_hash

#: Goes into the hash: files written by an older way of working are made again.
_FORMAT = 1


@dataclass(frozen=True)
class SoundSettings:
    """Everything that decides the spectrograms of a video.

    Attributes:
        rate: samples a second after resampling; speech has little above half of 16,000.
        window_s: seconds of one window, the unit that is scored.
        step_s: seconds from the beginning of one window to the next.
        longest_s: only so much of the beginning is decoded.
        windows: how many windows are kept at most, evenly chosen.
        fft: length of the Fourier transform in samples.
        frame: samples under the Hann window of one spectrum (25 ms).
        hop: samples from one spectrum to the next (10 ms).
        bands: mel bands between 0 Hz and half the rate.

    Raises:
        InputError: a value outside its range.
    """

    rate: int = 16_000
    window_s: float = 2.0
    step_s: float = 1.0
    longest_s: float = 60.0
    windows: int = 30
    fft: int = 512
    frame: int = 400
    hop: int = 160
    bands: int = 64

    def __post_init__(self) -> None:
        checks = [
            (self.rate >= 4000, "rate", "at least 4000 samples a second"),
            (self.window_s >= 0.5, "window_s", "at least 0.5 seconds"),
            (0 < self.step_s <= self.window_s, "step_s", "above 0 and at most window_s"),
            (self.longest_s >= self.window_s, "longest_s", "at least window_s"),
            (self.windows >= 1, "windows", "at least 1"),
            (0 < self.frame <= self.fft, "frame", "above 0 and at most fft"),
            (0 < self.hop <= self.frame, "hop", "above 0 and at most frame"),
            (8 <= self.bands <= self.fft // 4, "bands", "between 8 and a quarter of fft"),
        ]
        check_ranges(self, "sound", checks)

    @property
    def samples(self) -> int:
        """Samples of one window."""
        return round(self.window_s * self.rate)

    @property
    def frames(self) -> int:
        """Spectra of one window."""
        return 1 + (self.samples - self.frame) // self.hop

    @property
    def hash(self) -> str:
        """Twelve hexadecimal digits, the same for the same settings."""
        return settings_hash(self, _FORMAT)
