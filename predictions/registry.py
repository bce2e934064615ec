"""What there is of a kind, by name, known without importing any of it.

A registry is a dict of entries. Each says in one line what it is and where it lives, so that the
command line, the documentation and the list of types that a file may hold read the same truth, and
a module is imported when something in it is made:

    CALIBRATORS = by_name(Entry("beta", "stretches the two ends", "calibration.beta:Beta"), ...)
    find(CALIBRATORS, name, "calibrator").load()
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeVar

from predictions.errors import InputError


@dataclass(frozen=True)
class Entry:
    """One line of a registry.

    Attributes:
        name: what users call it.
        about: what it does, in a few words that follow the name and a verb's subject.
        home: `module:name`, where it is defined.
        helpers: `module:name` of the types of objects that are saved with it, beside numbers,
            texts and arrays.
    """

    name: str
    about: str
    home: str
    helpers: tuple[str, ...] = ()

    def load(self) -> Any:
        """What `home` names; imports its module."""
        module, _, name = self.home.partition(":")
        return getattr(import_module(module), name)

    @property
    def types(self) -> set[str]:
        """Full names of the types that a file with one of these may hold."""
        return {home.replace(":", ".") for home in (self.home, *self.helpers)}


E = TypeVar("E", bound=Entry)
Listed = TypeVar("Listed")


def by_name(*entries: E) -> dict[str, E]:
    """The entries in their order, by name."""
    return {entry.name: entry for entry in entries}


def find(registry: Mapping[str, Listed], name: str, kind: str) -> Listed:
    """The entry of a name.

    Args:
        kind: what the registry holds, in one word for the message.

    Raises:
        InputError: there is none; the message tells near ones, or all.
    """
    if name in registry:
        return registry[name]
    near = get_close_matches(name.lower(), registry, n=3, cutoff=0.4)
    raise InputError(
        f"there is no {kind} {name!r}",
        remedy=f"did you mean {' or '.join(near)}?" if near else f"choose of {', '.join(registry)}",
    )
