"""Public weights that an installed package carries, found by its record: none of its code runs."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from predictions.errors import InputError
from predictions.products import checksum


def is_installed(package: str) -> bool:
    """Whether a package is there, by its name in the package index."""
    return _installed(package) is not None


def _installed(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except PackageNotFoundError:
        return None


def packaged_file(package: str, file: str, sha256: str) -> Path | None:
    """A file of an installed package; None where the package is not installed.

    Args:
        package: its name in the package index.
        file: the file's name, wherever in the package it lies.
        sha256: what the file must hash to.

    Raises:
        InputError: the package is installed, and the file is missing or another.
    """
    installed = _installed(package)
    if installed is None:
        return None
    entry = next((entry for entry in installed.files or () if entry.name == file), None)
    path = Path(str(installed.locate_file(entry))) if entry else None
    if path is None or not path.is_file():
        raise InputError(f"the package {package} is here without its file {file}", remedy=_AGAIN)
    if checksum(path) != sha256:
        raise InputError(
            f"this is not the file that the package {package} is known to carry",
            file=path,
            remedy=_AGAIN,
        )
    return path


_AGAIN = "install the package again"
