"""How much of a video's sound is kept."""

from dataclasses import dataclass

from predictions.settings import check_settings, setting


@dataclass(frozen=True)
class SoundSettings:
    """Everything that decides what is kept of the sound of a video.

    Attributes:
        rate: samples a second after resampling; speech has little above half of 16,000.
        longest_s: only so much of the beginning is decoded.

    Raises:
        InputError: a value outside its range.

    Examples:
        >>> from base_models.sound import SoundSettings
        >>> SoundSettings(longest_s=10.0).rate
        16000
    """

    rate: int = setting(16_000, least=4000)
    longest_s: float = setting(60.0, above=0)

    def __post_init__(self) -> None:
        check_settings(self, "sound")
