"""Names of videos: which one is meant, and how to tell of many."""

from collections.abc import Sequence
from pathlib import PurePosixPath


def resolve_names(names: Sequence[str | None], videos: Sequence[str]) -> list[str | None]:
    """Ids of the videos meant by `names` (an `original` column); what is not here stays as it is.

    A name may be an id, or the file name of one video only, with or without its ending.
    """
    exact = set(videos)
    shorter: dict[str, set[str]] = {}
    for video in videos:
        path = PurePosixPath(video)
        for key in {path.name, path.stem}:
            shorter.setdefault(key, set()).add(video)
    resolved: list[str | None] = []
    for name in names:
        if name is not None and name not in exact:
            candidates = shorter.get(name, set())
            name = next(iter(candidates)) if len(candidates) == 1 else name
        resolved.append(name)
    return resolved


def name_some(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")
