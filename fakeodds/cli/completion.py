"""What the shell offers for options whose words are no plain choice. Imports no framework."""

import re
from collections.abc import Callable, Sequence

import click
from click.shell_completion import CompletionItem

#: What click takes as `shell_complete` of an option.
Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completer(metavar: str, names: Callable[[], Sequence[str]] = list) -> Completer:
    """Offers what a metavar writes in small letters, and names.

    Of `auto|every:N` that is `auto` and `every:`. After `,...` the next name of a list with commas
    is offered, and those words only as the first. Where the metavar has a FOLDER and no word
    fits, folders are offered.
    """
    words = [re.split("[A-Z[,]", word)[0] for word in metavar.split("|")]
    words = [word for word in words if word[:1].isalpha()]

    def complete(
        _context: click.Context, _parameter: click.Parameter, begun: str
    ) -> list[CompletionItem]:
        before, comma, last = begun.rpartition(",") if metavar.endswith(",...") else ("", "", begun)
        offered = [name for name in names() if name not in before.split(",")]
        offered += () if comma else [word for word in words if word not in offered]
        found = [
            CompletionItem(f"{before}{comma}{name}") for name in offered if name.startswith(last)
        ]
        folders = "FOLDER" in metavar and not found
        return [CompletionItem(begun, type="dir")] if folders else found

    return complete
