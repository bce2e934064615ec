"""What near-equal ids say of groups: `id12_0003` and `id12_id7_0003` may show one person."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

#: Groups from which a part of the ids may name what videos share, as of a column of words.
_LEAST_GROUPS = 10
#: The largest group may have this share of the videos.
_LARGEST = 0.5


@dataclass(frozen=True)
class IdGroups:
    """A rule by which ids fall into groups.

    Attributes:
        rule: in words, such as "the part before the first '_'".
        groups: how many it makes.
        video, group: an id of a group of several, and what the rule makes of it.
    """

    rule: str
    groups: int
    video: str
    group: str


def _folder(video: str) -> str:
    return str(PurePosixPath(video).parent.name)


def _before(mark: str, *, last: bool = False) -> Callable[[str], str]:
    def part(video: str) -> str:
        stem = PurePosixPath(video).stem
        before, separator, _ = stem.rpartition(mark) if last else stem.partition(mark)
        return before if separator else stem

    return part


_RULES: dict[str, Callable[[str], str]] = {
    "the folder": _folder,
    **{f"the part before the first {mark!r}": _before(mark) for mark in "_-."},
    **{f"the part before the last {mark!r}": _before(mark, last=True) for mark in "_-."},
}


def groups_by_id(videos: Iterable[str]) -> IdGroups | None:
    """The first rule that makes groups of several ids, none of them most of the videos.

    Few groups are kinds (`fake_001`, `real_001`), as many as videos are none.
    """
    ids = [str(video) for video in videos]
    for rule, part in _RULES.items():
        of_each = pd.Series([part(video) for video in ids])
        if (of_each == "").any():
            continue
        sizes = of_each.value_counts()
        enough = _LEAST_GROUPS <= len(sizes) <= len(ids) / 2
        if enough and sizes.iloc[0] <= _LARGEST * len(ids):
            first = int((of_each.map(sizes) > 1).to_numpy().argmax())
            return IdGroups(rule, len(sizes), ids[first], str(of_each[first]))
    return None
