"""What MkDocs asks while it builds the site: commands, registries, notebooks, other files."""

from __future__ import annotations

import html
import inspect
import json
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

#: Where a page wants a notebook with what it shows.
_NOTEBOOK_MARK = re.compile(r"<!-- notebook: (\w+) -->")

_LINK = re.compile(r"\[([^\]]+)\]\(([^)#:]+)\)")


def on_page_markdown(markdown: str, **kwargs: Any) -> str:
    """Called by MkDocs for every page, before it becomes HTML."""
    markdown = _FILE_MARK.sub(lambda mark: _file(mark[1]), markdown)
    markdown = _NOTEBOOK_MARK.sub(lambda mark: notebook_page(mark[1]), markdown)
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


def notebook_page(name: str) -> str:
    """A notebook of the repository as Markdown: its words, its code, and what that shows."""
    cells = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            # Notebooks link to each other; so do their pages.
            parts.append(re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", source))
        else:
            parts += [f"```python\n{source}\n```", *map(_shown, cell["outputs"])]
    return "\n\n".join(parts)


def _shown(output: dict[str, Any]) -> str:
    """What a cell showed: a picture, a table, or text."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![what the code draws](data:image/png;base64,{''.join(data['image/png']).strip()})"
    if "text/html" in data:
        table = re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
        return " ".join(re.sub(r"<table[^>]*>", "<table>", table).split())
    text = "".join(output.get("text", data.get("text/plain", "")))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


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
