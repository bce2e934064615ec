"""What the shell offers for options whose words are no plain choice. Imports no framework."""

from collections.abc import Callable

import click
from click.shell_completion import CompletionItem

#: What click takes as `shell_complete` of an option.
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def words(*known: str) -> Completer:
    """Offers those of the words that begin as the user did."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in known if word.startswith(begun)]

    return complete


def lists(names: Callable[[], list[str]], *alone: str) -> Completer:
    """Offers the next name of a list with commas; the words in `alone` only as the first."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        before, comma, last = begun.rpartition(",")
        taken = before.split(",")
        offered = [name for name in names() if name not in taken]
        offered += () if comma else alone
        return [
            CompletionItem(f"{before}{comma}{name}") for name in offered if name.startswith(last)
        ]

    return complete


def folders_or(*known: str) -> Completer:
    """Offers the words, and folders where none of them fits."""

    def complete(
        _context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        fitting = [CompletionItem(word) for word in known if word.startswith(begun)]
        return fitting or [CompletionItem(begun, type="dir")]

    return complete


def detector_names() -> list[str]:
    """The detectors of the registry."""
    from base_models.detectors import list_detectors

    return [spec.name for spec in list_detectors()]
