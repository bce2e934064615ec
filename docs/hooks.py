"""What MkDocs asks while it builds the site: pages of commands, registries, other files."""

from __future__ import annotations

import html
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.group import fakeodds as program

ROOT = Path(__file__).resolve().parents[1]

#: Where a page wants all commands.
COMMANDS_MARK = "<!-- commands -->"

#: Where a page wants the names of a registry, `module:NAME`, and what each is.
_REGISTRY_MARK = re.compile(r"<!-- registry: ([\w.]+):(\w+) -->")

#: Where a page wants a file of the repository's root.
_FILE_MARK = re.compile(r"<!-- file: (\w+\.md) -->")

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)\)")


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Called by MkDocs for every page, before it becomes HTML."""
    markdown = _FILE_MARK.sub(lambda mark: _file(mark[1]), markdown)
    markdown = _REGISTRY_MARK.sub(lambda mark: _entries(mark[1], mark[2]), markdown)
    if COMMANDS_MARK not in markdown:
        return markdown
    with click.Context(program, info_name="fakeodds") as context:
        names = program.list_commands(context)
    return markdown.replace(COMMANDS_MARK, "\n\n".join(map(command_section, names)))


def _file(name: str) -> str:
    """A file of the root; its links, which are relative to there, lead to pages or nowhere."""

    def moved(link: re.Match[str]) -> str:
        if link[2].startswith("docs/"):
            return f"[{link[1]}]({link[2].removeprefix('docs/')})"
        return f"`{link[2]}`"  # no page of the site

    return _LINK.sub(moved, (ROOT / name).read_text(encoding="utf-8"))


def _entries(module: str, name: str) -> str:
    """The entries of a registry as a table, in their order."""
    registry = getattr(import_module(module), name)
    rows = [f"| `{entry.name}` | {_escaped(entry.about)} |" for entry in registry.values()]
    return "\n".join(["| name | what it does |", "| --- | --- |", *rows])


def command_section(name: str) -> str:
    """What `fakeodds NAME --help` says, as Markdown with the heading `## fakeodds NAME`.

    The commands of a group follow it, each under a heading of its own.
    """
    with click.Context(program, info_name="fakeodds") as above:
        command = program.get_command(above, name)
        if command is None:
            raise ValueError(f"there is no command {name!r}")
        with click.Context(command, info_name=name, parent=above) as context:
            parts = [f"## fakeodds {name} {{ #{name} }}", *_help(command, context)]
            for one, inner in getattr(command, "commands", {}).items():
                with click.Context(inner, info_name=one, parent=context) as below:
                    heading = f"### fakeodds {name} {one} {{ #{name}-{one} }}"
                    parts += [heading, *_help(inner, below)]
    return "\n\n".join(parts)


def _help(command: click.Command, context: click.Context) -> list[str]:
    """Usage, paragraphs and options of a command."""
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    options = [one for one in command.params if isinstance(one, click.Option)]
    records = [option.get_help_record(context) for option in options]
    parts = [f"```text\n{usage}\n```"]
    parts += [_paragraph(text) for text in inspect.cleandoc(command.help or "").split("\n\n")]
    # A list of definitions reads well on a telephone, where a table of two columns does not.
    return parts + [
        f"`{option}`\n:   {_escaped(said) or '-'}" for option, said in filter(None, records)
    ]


def _paragraph(text: str) -> str:
    """A paragraph of help; click's mark for lines that stay as they are makes it a block."""
    if text.startswith("\b"):
        lines = text.removeprefix("\b").strip("\n")
        return f"```{'sh' if lines.startswith('fakeodds') else 'text'}\n{lines}\n```"
    return _escaped(" ".join(text.split()))


def _escaped(text: str) -> str:
    """Text of a terminal, in which Markdown's signs are signs."""
    return re.sub(r"([\\`*_\[\]])", r"\\\1", html.escape(text, quote=False))
