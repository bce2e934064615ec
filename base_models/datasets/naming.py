"""Originals by the ids of the videos that are there."""

from collections.abc import Sequence

from predictions.tables.names import VideoNames, original_of


def resolve_originals(names: Sequence[str | None], videos: Sequence[str]) -> list[str | None]:
    """Ids of the videos meant by an `original` column; what means none or several stays.

    (Several are all linked in the groups, see `predictions.connected_groups`.)
    """
    there = VideoNames(videos)
    fits = [[] if name is None else original_of(name, there) for name in names]
    return [one[0] if len(one) == 1 else name for name, one in zip(names, fits, strict=True)]
