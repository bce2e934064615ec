"""Several devices shared among the trainings that run side by side on one machine."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from predictions.errors import InputError


@contextmanager
def leased(folder: Path, devices: Sequence[str], workers: int) -> Iterator[str]:
    """A device that no more than its share of the workers uses at a time.

    A place on a device is taken by making a file, which only one process can.

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
        place = folder / f"place{number}"
        try:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            continue
        try:
            yield devices[number % len(devices)]
        finally:
            place.unlink()
        return
    raise InputError(
        f"all {workers} places on {', '.join(devices)} are taken",
        file=folder,
        remedy="name one device when the workers are on other machines",
    )
