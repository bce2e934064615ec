"""Several files after one option, as a shell writes them for `--test test/*.csv`."""

from collections.abc import Iterator, Sequence

import click


def say_each(parameters: Sequence[click.Parameter], typed: Sequence[str]) -> list[str]:
    """The words of a command with the option said again before each further file of it.

    `--test a.csv b.csv` becomes `--test a.csv --test b.csv` for repeatable options of files. Files
    are taken up to the next option, and only once every argument has a word: in
    `stack --test a.csv scores.csv` the second file is what the command is about.

    Args:
        parameters: of the command.
        typed: the words after its name.
    """
    options = {
        name: p
        for p in parameters
        if isinstance(p, click.Option)
        for name in (*p.opts, *p.secondary_opts)
    }
    arguments = [p for p in parameters if isinstance(p, click.Argument)]
    lacking = sum(max(argument.nargs, 1) for argument in arguments)
    said: list[str] = []
    taking = ""
    words = iter(typed)
    for word in words:
        if word == "--":
            return [*said, word, *words]
        if word.startswith("-") and len(word) > 1:
            said.append(word)
            name, equals, _ = word.partition("=")
            option = options.get(name)
            taking = name if option is not None and _takes_files(option) else ""
            if option is not None and not equals:
                said += _values(option, words)
        elif taking and lacking <= 0:
            said += [taking, word]
        else:
            said.append(word)
            lacking -= 1
    return said


def _takes_files(option: click.Option) -> bool:
    return option.multiple and isinstance(option.type, click.Path)


def _values(option: click.Option, words: Iterator[str]) -> list[str]:
    """The words that belong to the option itself."""
    count = 0 if option.is_flag or option.count else option.nargs
    return [word for _, word in zip(range(count), words, strict=False)]
