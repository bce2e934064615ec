"""The commands: how `--help` is laid out, how their words are read, what is looked at first."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.memory_limit import refuse_little_memory
from predictions.errors import InputError

#: Adds an option to a function, as `click.option` makes it.
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def put_last(command: Callable[..., Any], options: Sequence[click.Option]) -> None:
    """Add options behind all that a function has; click keeps them from the last to the first."""
    known: list[click.Parameter] = getattr(command, "__click_params__", [])
    command.__click_params__ = [*reversed(options), *known]  # type: ignore[attr-defined]


class Existing(click.Path):
    """A file or folder that must be there, which is looked at before the command begins its work.

    Args:
        remedy: what to do where it is not.
    """

    def __init__(self, remedy: str = "check the path", **kind: bool) -> None:
        super().__init__(path_type=Path, **kind)
        self.remedy = remedy

    def check(self, path: Path) -> None:
        """Refuse a path where nothing is.

        Raises:
            InputError: naming it.
        """
        if not path.exists():
            raise InputError("does not exist", file=path, remedy=self.remedy)


class Command(click.Command):
    """A command whose `--help` has the options that were `headed` under their headings.

    Repeatable options of files take several files at once.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after each file has got its option.

        Raises:
            InputError: an option of one value is said twice; click would take the last in silence.
        """
        said = say_each(self.get_params(ctx), args)
        if not ctx.resilient_parsing:  # a shell completes what is not typed yet
            _, _, order = self.make_parser(ctx).parse_args(list(said))
            refuse_repeated(order)
        return super().parse_args(ctx, said)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, where there is memory, and all files and folders that it is about."""
        refuse_little_memory()
        for parameter in self.params:
            value = ctx.params.get(parameter.name or "")
            if isinstance(parameter.type, Existing) and value is not None:
                for path in value if isinstance(value, tuple) else (value,):
                    parameter.type.check(path)
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options first, then heading by heading in the order of the options."""
        sections: dict[str, list[tuple[str, str]]] = {"Options": []}
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        for parameter in options:
            record = parameter.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(parameter, "heading", "Options"), []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def refuse_repeated(order: Sequence[click.Parameter]) -> None:
    """Refuse an option that takes one value and is there several times.

    Args:
        order: the parameters as they were typed.

    Raises:
        InputError: naming it, and how several values are said, if they can be.
    """
    typed: set[click.Parameter] = set()
    for one in order:
        if not isinstance(one, click.Option) or one.multiple or one.count:
            continue
        # A flag that can only be set says the same again.
        if one in typed and not (one.is_flag and not one.secondary_opts):
            remedy = "say it once"
            if (one.metavar or "").endswith(",..."):
                remedy = "give its values once, with commas"
            names = "/".join(max(opts, key=len) for opts in (one.opts, one.secondary_opts) if opts)
            raise InputError("is given more than once", option=names, remedy=remedy)
        typed.add(one)


def say_each(parameters: Sequence[click.Parameter], typed: Sequence[str]) -> list[str]:
    """The words of a command with the option said again before each further file of it.

    A shell makes `--test a.csv b.csv` of `--test test/*.csv`. It becomes `--test a.csv --test
    b.csv` for repeatable options of files. Files are taken up to the next option, and only once
    every argument has a word: in `stack --test a.csv scores.csv` the second file is what the
    command is about.

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
