"""How much memory and time one video may cost: far beyond what any that is meant to be judged does.

They are told in docs/datasets.md.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from base_models.video.unreadable import UnreadableVideo

#: Pixels of a picture, 8192 x 8192: 200 MB as RGB.
MOST_PIXELS = 2**26

#: Bytes of a picture's file.
MOST_BYTES = 2**29

#: Seconds of reading and decoding a video once; what is done with its frames does not count.
LONGEST_S = 600.0


def check_size(width: int, height: int) -> None:
    """Refuse pictures that would fill the memory, before they are decoded.

    Raises:
        UnreadableVideo: there are more pixels than `MOST_PIXELS`.
    """
    if width * height > MOST_PIXELS:
        raise UnreadableVideo(
            f"its pictures have {width} x {height} pixels, and at most 8192 x 8192 are decoded",
            "too_large",
        )


def check_picture(data: bytes) -> None:
    """The same of an encoded picture (JPEG, PNG, ...), whose header alone is read.

    What Pillow does not know passes: whether it is a picture at all is seen when it is decoded.

    Raises:
        UnreadableVideo: as `check_size`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            with Image.open(BytesIO(data)) as header:
                check_size(*header.size)
        except Image.DecompressionBombError as error:
            raise UnreadableVideo(f"its picture is too large ({error})", "too_large") from error
        except (UnidentifiedImageError, SyntaxError, ValueError, OSError):
            pass


class Stopwatch:
    """Counts the seconds that one video costs."""

    def __init__(self) -> None:
        self._ends = time.monotonic() + LONGEST_S

    def check(self) -> None:
        """Between packets.

        Raises:
            UnreadableVideo: more than `LONGEST_S` seconds are over.
        """
        if time.monotonic() > self._ends:
            raise UnreadableVideo(
                f"reading it was given up after {LONGEST_S / 60:g} minutes", "too_long"
            )

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done in this block does not count."""
        began = time.monotonic()
        yield
        self._ends += time.monotonic() - began
