"""How long work tells how far it is, without knowing who listens."""

from collections.abc import Callable

#: Called as progress(stage, done, total); `done` counts finished pieces of `total`.
Progress = Callable[[str, int, int], None]


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody.

    Examples:
        >>> from predictions import silent
        >>> silent("scoring", done=3, total=10)
    """
