"""Where a network's weights come from before training, decided alike for every framework."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from base_models.detectors.registry import DetectorSpec, PublishedWeights, Weights
from predictions.errors import InputError
from predictions.notes import Note, NoteKind
from predictions.products import checksum

FROM_SCRATCH = NoteKind(
    "weights.from-scratch",
    "{detector} starts from random weights: its public weights{where} are neither cached nor "
    "within reach; give a folder with --weights FOLDER to start from them.",
)


NO_PUBLIC_WEIGHTS = NoteKind(
    "weights.none-public", "{detector} has no public weights and starts from random ones."
)


class _NotHad(InputError):
    """Public weights that are not here and cannot be fetched; damaged ones are another matter."""


@dataclass(frozen=True)
class StartWeights:
    """Where a network's weights come from, decided.

    Attributes:
        kind: `pretrained`, `scratch` or `local`.
        path: the file; None from scratch.
        notes: decisions to show that were taken for the user.
        is_named: the user named the file itself, not its folder.
    """

    kind: Literal["pretrained", "scratch", "local"]
    path: Path | None = None
    notes: tuple[Note, ...] = ()
    is_named: bool = False

    @property
    def weights(self) -> Weights:
        """What `create_detector` takes to start from the same: a local place, else the kind."""
        if self.kind != "local" or self.path is None:
            return self.kind
        return self.path if self.is_named else self.path.parent

    @cached_property
    def digest(self) -> str:
        """What tells one start from another: the kind, or the SHA-256 of the file."""
        return self.kind if self.path is None else checksum(self.path)


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
        return StartWeights("scratch")
    if weights == "auto":
        try:
            return StartWeights("pretrained", _published_file(spec, fetch))
        except _NotHad:
            where = f" ({spec.published})" if spec.published else ""
            note = FROM_SCRATCH(detector=spec.name, where=where)
            return StartWeights("scratch", notes=(note,))
    if weights == "pretrained":
        return StartWeights("pretrained", _published_file(spec, fetch))
    return StartWeights("local", _local_file(spec, Path(weights), names))


def unreadable(path: Path) -> InputError:
    """What is said of a weights file that no reader takes."""
    return InputError(
        "not a readable weights file (damaged or cut short?)", file=path, remedy="get it again"
    )


def other_network(path: Path, why: str = "") -> InputError:
    """What is said of weights whose names or shapes are not the detector's."""
    return InputError(
        f"these are the weights of another network{why}",
        file=path,
        remedy="give the file of this detector",
    )


def not_finite(part: str, has_nan: bool, path: Path, count: str = "") -> InputError:
    """What is said of weights with a `part` that holds NaN or infinite numbers, `count` of them."""
    return InputError(
        f"its {part} holds {'NaN' if has_nan else 'infinite numbers'}{count}",
        file=path,
        remedy="its training went astray: give the weights of an earlier epoch",
    )


def another_head(path: Path) -> InputError:
    """What is said where a trained detector's file has not one output."""
    return InputError("this file has another head", file=path, expected="one output")


def refuse_finished(outputs: int, layer: str, path: Path) -> None:
    """Refuse to start from weights whose last layer tells two classes apart: REAL from FAKE.

    Training would leave that layer out, and with it what the file was trained for.

    Args:
        outputs: of the last layer in the file. layer: its name there. path: the file.

    Raises:
        InputError: there are two.
    """
    if outputs == 2:
        raise InputError(
            f"its last layer ({layer}) has two outputs, so it is a finished detector, of which "
            "training would keep everything but that layer",
            file=path,
            remedy=f"score it as it is: fakeodds models add {path}, then --detectors NAME; or save "
            "it without that layer to start from the rest",
        )


def _local_file(spec: DetectorSpec, folder: Path, names: Sequence[str]) -> Path:
    if not folder.is_dir():
        raise InputError(
            "no such weights folder",
            file=folder,
            remedy="give a folder, or pretrained, scratch or auto",
        )
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(
        f"no weights for {spec.name} here", file=folder, expected=f"one of {', '.join(names)}"
    )


def _published_file(spec: DetectorSpec, fetch: Callable[[PublishedWeights], Path]) -> Path:
    published = spec.published
    if published is None:
        raise _NotHad(
            f"{spec.name} has no public weights",
            remedy="use --weights FOLDER or --weights scratch",
        )
    try:
        return fetch(published)
    except OSError as error:  # what urllib, sockets and files raise
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _NotHad(
            f"{spec.name}: the pretrained weights {published} are not cached and cannot be "
            f"downloaded ({problem})",
            remedy=f"put the file as {spec.name}{Path(published.file).suffix} into a folder and "
            "use --weights FOLDER, or train from scratch with --weights scratch",
        ) from error
