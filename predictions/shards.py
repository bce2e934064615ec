"""A part of the work on many videos, for one of several jobs that know nothing of each other."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Shard:
    """One of `of` parts, by its number from 1.

    Examples:
        >>> from predictions.shards import Shard
        >>> shard = Shard.parse("2/3")
        >>> [piece for piece in range(8) if shard.takes(piece)]
        [1, 4, 7]
    """

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `3/16`.

        Raises:
            ValueError: it is no such text, or there is no such part.
        """
        words = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        if words is None:
            raise ValueError(f"{text!r} is no part such as 3/16, the third of sixteen")
        shard = cls(int(words[1]), int(words[2]))
        if not 1 <= shard.number <= shard.of:
            raise ValueError(f"{text!r}: of {shard.of} parts the first is 1/{shard.of}")
        return shard

    def takes(self, piece: int) -> bool:
        """Whether the piece of work at this position, from 0, belongs to it."""
        return piece % self.of == self.number - 1
