"""Folders whose names say REAL or FAKE, and what the folders in or above them may be: people."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from predictions.notes import NoteKind
from predictions.tables.labels import FAKE_WORDS, REAL_WORDS, plain_name

#: Words that a folder's name may have beside the one that says its label.
_BESIDE = ("video", "clip", "face", "image", "picture", "frame", "sample", "file", "data", "set")
_SPLITS = r"train(ing)?|val(id(ation)?)?|dev|test(ing)?|eval"
#: Folders that are parts of a dataset, versions of its files or kinds of them, not people.
_NO_PEOPLE = re.compile(rf"({_SPLITS}|raw|c\d+|(part|split|fold|batch|set|chunk|dir)?_?\d*)")
#: As few people as two folds in two folds can be made of.
LEAST_PEOPLE = 4

PEOPLE = NoteKind(
    "datasets.people",
    "The folders {names:few} are taken for people, whose videos folds never split; a CSV with a "
    "column group says it where they are none.",
)


def label_of(folder: str) -> int | None:
    """What the name of a folder says: 1 of `fake` or `Fake Videos`, 0 of `real`, or None."""
    words = {word.removesuffix("s") for word in plain_name(folder).split("_") if word}
    labels = {1 for word in words if word in FAKE_WORDS} | {
        0 for word in words if word in REAL_WORDS
    }
    others = words - {*FAKE_WORDS, *REAL_WORDS, *_BESIDE}
    return labels.pop() if len(labels) == 1 and not others else None


def labelled_folders(folder: Path) -> dict[str, int]:
    """The folders in a folder whose names say a label -> that."""
    labels = {child.name: label_of(child.name) for child in folder.iterdir() if child.is_dir()}
    return {name: label for name, label in labels.items() if label is not None}


def may_be_person(folder: str) -> bool:
    """Whether a folder's name is not that of a split, a part or a kind of files."""
    return not _NO_PEOPLE.fullmatch(plain_name(folder)) and label_of(folder) is None


def people_below(real: Iterable[str], fake: Iterable[str]) -> set[str]:
    """The folders in `real/` and `fake/` that name people: at least two are in both.

    Args:
        real: ids of videos, below the folder of their label. fake: likewise.
    """

    def folders(videos: Iterable[str]) -> set[str]:
        parts = (PurePosixPath(video).parts for video in videos)
        return {first for first, *rest in parts if rest and may_be_person(first)}

    in_real, in_fake = folders(real), folders(fake)
    return in_real | in_fake if len(in_real & in_fake) >= 2 else set()
