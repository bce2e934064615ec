"""Several devices shared among the trainings that run side by side on one machine."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from predictions.errors import InputError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def leased(folder: Path, devices: Sequence[str], workers: int) -> Iterator[str]:
    """A device that no more than its share of the workers uses at a time.

    A place on a device is a lock on a file, which a process that is killed gives back by itself.

    Args:
        folder: a local folder of this run alone, the same for all workers.
        devices: their names.
        workers: how many trainings run at once; each has a place.

    Yields:
        The device's name.

    Raises:
        InputError: all places are taken: more trainings run than was said.
    """
    for number in range(workers):
        with (folder / f"place{number}").open("a") as place:
            if _is_taken(place):
                continue
            yield devices[number % len(devices)]
            return
    raise InputError(
        f"all {workers} places on {', '.join(devices)} are taken",
        file=folder,
        remedy="name one device when the workers are on other machines",
    )


def _is_taken(place: IO[str]) -> bool:
    """Whether somebody else has the lock; else it is taken, until the file is closed."""
    try:
        if sys.platform == "win32":
            msvcrt.locking(place.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    return False
