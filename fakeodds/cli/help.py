"""How `--help` is laid out, options under headings, and how a command's words are read."""

from collections.abc import Callable, Sequence
from typing import Any

import click

from fakeodds.cli.several_files import say_each

#: Adds an option to a function, as `click.option` makes it.
Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Command(click.Command):
    """A command whose `--help` has the options that were `headed` under their headings.

    Repeatable options of files take several files at once.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after each file has got its option."""
        return super().parse_args(ctx, say_each(self.get_params(ctx), args))

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


def headed(
    heading: str, decorators: Sequence[Decorator], command: Callable[..., Any]
) -> Callable[..., Any]:
    """Give `command` the options of `decorators`, in their order and under one heading.

    Options among them that have a heading of their own keep it.
    """
    # Where click keeps the options until the command is made.
    before = len(getattr(command, "__click_params__", ()))
    for decorate in reversed(decorators):
        command = decorate(command)
    added: list[Any] = getattr(command, "__click_params__", [])[before:]
    for option in added:
        if not hasattr(option, "heading"):
            option.heading = heading
    return command
