"""How the sound of a video is cut and measured."""

from dataclasses import dataclass

from predictions.errors import InputError
from predictions.settings import check_settings, setting


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

    rate: int = setting(16_000, least=4000)
    window_s: float = setting(2.0, least=0.5)
    step_s: float = setting(1.0, above=0)
    longest_s: float = 60.0
    windows: int = setting(30, least=1)
    fft: int = 512
    frame: int = setting(400, above=0)
    hop: int = setting(160, above=0)
    bands: int = setting(64, least=8)

    def __post_init__(self) -> None:
        check_settings(self, "sound")
        together = {
            "step_s": (self.step_s <= self.window_s, "at most window_s"),
            "longest_s": (self.longest_s >= self.window_s, "at least window_s"),
            "frame": (self.frame <= self.fft, "at most fft"),
            "hop": (self.hop <= self.frame, "at most frame"),
            "bands": (self.bands <= self.fft // 4, "at most a quarter of fft"),
        }
        for name, (holds, expected) in together.items():
            if not holds:
                raise InputError(
                    f"sound setting {name} is {getattr(self, name)!r}", expected=expected
                )

    @property
    def samples(self) -> int:
        """Samples of one window."""
        return round(self.window_s * self.rate)

    @property
    def frames(self) -> int:
        """Spectra of one window."""
        return 1 + (self.samples - self.frame) // self.hop
