"""What two threads must not use at once is made for each of them."""

from collections.abc import Callable, Hashable
from functools import lru_cache, wraps
from threading import local
from typing import Any, TypeVar

Made = TypeVar("Made")


def cached_per_thread(maxsize: int) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """As `functools.lru_cache(maxsize)`, but every thread has a cache of its own."""

    def decorate(make: Callable[..., Made]) -> Callable[..., Made]:
        own: Any = local()

        @wraps(make)
        def made(*arguments: Hashable) -> Made:
            if not hasattr(own, "make"):
                own.make = lru_cache(maxsize)(make)
            return own.make(*arguments)

        return made

    return decorate
