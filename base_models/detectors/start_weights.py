"""Where a network's weights come from before training, decided alike for every framework."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights
from predictions.errors import InputError


@dataclass(frozen=True)
class StartWeights:
    """Where a network's weights come from, decided.

    Attributes:
        kind: `pretrained`, `scratch` or `local`.
        path: the file; None from scratch.
        note: a sentence to show when the decision was taken for the user, else empty.
    """

    kind: Literal["pretrained", "scratch", "local"]
    path: Path | None
    note: str = ""

    def digest(self) -> str:
        """What tells one start from another: the kind, or the SHA-256 of the file."""
        if self.path is None:
            return self.kind
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def decide(
    spec: DetectorSpec,
    weights: Weights,
    names: Sequence[str],
    fetch: Callable[[PublishedWeights], Path],
) -> StartWeights:
    """Decide where the weights of `spec` come from, and fetch them where needed.

    Args:
        spec: the detector.
        weights: `auto`, `pretrained`, `scratch` or a folder.
        names: what its file may be called in a folder; the first there is is taken.
        fetch: the file of the public weights, from the cache or downloaded; OSError where it
            cannot be had.

    Raises:
        InputError: they cannot be had; the message says which file is missing and what to do.
    """
    if weights == "scratch":
        return StartWeights("scratch", None)
    if weights == "auto":
        try:
            return StartWeights("pretrained", _published_file(spec, fetch))
        except InputError:
            where = f" ({spec.published})" if spec.published else ""
            note = (
                f"{spec.name} starts from random weights: its public weights{where} are neither "
                f"cached nor within reach; give a folder with --weights FOLDER to start from them."
            )
            return StartWeights("scratch", None, note)
    if weights == "pretrained":
        return StartWeights("pretrained", _published_file(spec, fetch))
    return StartWeights("local", _local_file(spec, Path(weights), names))


def _local_file(spec: DetectorSpec, folder: Path, names: Sequence[str]) -> Path:
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such weights folder; give a folder, or pretrained, scratch or auto."
        )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"{folder}: no weights for {spec.name} here; expected one of {', '.join(names)}."
    )


def _published_file(spec: DetectorSpec, fetch: Callable[[PublishedWeights], Path]) -> Path:
    published = spec.published
    if published is None:
        raise InputError(
            f"{spec.name} has no public weights; use --weights FOLDER or --weights scratch."
        )
    try:
        return fetch(published)
    except OSError as error:  # what urllib, sockets and files raise
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"{spec.name}: the pretrained weights {published} are not cached and cannot be "
            f"downloaded ({problem}); put the file as "
            f"{spec.name}{Path(published.file).suffix} into a folder and use --weights FOLDER, "
            f"or train from scratch with --weights scratch."
        ) from error
