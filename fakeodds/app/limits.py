"""What an upload may be, and how much of it there may be at once."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from predictions.errors import InputError
from predictions.settings import check_settings, setting

#: The largest picture that is decoded, in pixels: 8K.
MOST_PIXELS = 7680 * 4320


@dataclass(frozen=True)
class Limits:
    """How large and how long a video may be, and how many people may come at once.

    What a limit means stands in its help; a megabyte has 2^20 bytes, as Gradio counts.
    """

    max_mb: float = setting(500.0, "Largest file that is taken, in megabytes.", above=0)
    max_minutes: float = setting(10.0, "Longest video that is taken.", above=0)
    max_uploads_mb: float = setting(
        2000.0,
        "Most megabytes of all files that are there at once; one of --max-mb always fits.",
        above=0,
    )
    max_waiting: int = setting(16, "Most videos that may wait for their turn.", least=0)

    def __post_init__(self) -> None:
        check_settings(self, "app")

    @property
    def max_bytes(self) -> int:
        """The largest file."""
        return int(self.max_mb * 2**20)

    @property
    def max_bytes_at_once(self) -> int:
        """All files together."""
        return int(max(self.max_uploads_mb, self.max_mb) * 2**20)

    def too_large(self, name: str, size: str) -> InputError:
        """What is said of a larger file of `size` megabytes."""
        return InputError(
            f"has {size} MB, and at most {self.max_mb:g} MB are taken here",
            file=name,
            remedy="give a part of it, or start the app with a larger --max-mb",
        )


def check_file(path: Path, limits: Limits, *, endings: Collection[str] | None = None) -> None:
    """Refuse a file by its ending (those of videos when None) or size, before anything reads it.

    Raises:
        InputError: the file is given by its name, never by its path.
    """
    if endings is None:
        # Late: the options of the command are made of the limits, and this brings pandas.
        from base_models.datasets.plain import VIDEO_ENDINGS

        endings = VIDEO_ENDINGS
    if path.suffix.lower() not in endings:
        some = ", ".join(sorted(endings)[:6])
        more = " ..." if len(endings) > 6 else ""
        ending = f"the ending {path.suffix}" if path.suffix else "no ending"
        raise InputError(f"has {ending}", file=path.name, expected=f"one of {some}{more}")
    size = path.stat().st_size
    if size == 0:
        raise InputError("is empty", file=path.name, remedy="choose the file once more")
    if size > limits.max_bytes:
        # Rounded up: what is too large must not look as if it fitted.
        megabytes = f"{math.ceil(10 * size / 2**20) / 10:.1f}"
        raise limits.too_large(path.name, megabytes)


def check_length(name: str, seconds: float, width: int, height: int, limits: Limits) -> None:
    """Refuse a video by its length in seconds, or by a picture too large to decode.

    Raises:
        InputError: the file is given by its `name`.
    """
    if seconds > 60 * limits.max_minutes:
        raise InputError(
            f"is {seconds / 60:.1f} minutes long, beyond the limit of {limits.max_minutes:g} here",
            file=name,
            remedy="give a shorter part of it, or start the app with a larger --max-minutes",
        )
    if width * height > MOST_PIXELS:
        raise InputError(
            f"has pictures of {width} x {height} pixels, and at most 7680 x 4320 are allowed here",
            file=name,
            remedy="give a smaller copy of it",
        )
