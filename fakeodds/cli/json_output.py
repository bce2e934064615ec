"""`--json`: what a command found, as one JSON document on standard output."""

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import click

from fakeodds.cli.command import put_last
from fakeodds.view import terminal

#: What a command hands back for `--json`: JSON values only, no NaN.
Answer = dict[str, Any]


def answering(command: Callable[..., Answer]) -> Callable[..., Answer]:
    """Give a command --json and --quiet.

    The command prints for people as ever, and returns what it found: JSON values, the paths it
    wrote under "files" (see `answer`). With --json that is the one thing on standard output: tables
    and sentences of results are left out, and what else is printed, by whatever library, goes to
    standard error. An `InputError` is {"error": its facts} there (see `main.run`).
    """

    @wraps(command)
    def with_answer(*arguments: Any, as_json: bool, quiet: bool, **rest: Any) -> Answer:
        if quiet:
            click.get_current_context().with_resource(terminal.quietly())
        if not as_json:
            return command(*arguments, **rest)
        with terminal.no_results(), redirect_stdout(sys.stderr):
            found = command(*arguments, **rest)
        show(found)
        return found

    options = (
        click.Option(
            ("--json", "as_json"),
            is_flag=True,
            is_eager=True,
            callback=_noted,
            help="Print what was found as one JSON document instead.",
        ),
        click.Option(
            ("-q", "--quiet"), is_flag=True, help="No notes, no progress; results and errors stay."
        ),
    )
    put_last(with_answer, options)
    return with_answer


def show(found: Answer, file: TextIO | None = None) -> None:
    """Print it as the one JSON document, on standard output or `file`."""
    click.echo(json.dumps(found, indent=2, ensure_ascii=False, allow_nan=False), file=file)


def _noted(context: click.Context, _option: click.Parameter, as_json: bool) -> bool:
    """Tell `main.run`, which shows what may go wrong from here on."""
    if as_json and context.obj is not None:
        context.obj["json"] = True
    return as_json


def answer(found: Mapping[str, Any], folder: Path, *files: str) -> Answer:
    """What was found, and under "files" the paths of those of `files` in `folder` that are there.

    As {"submission.csv": "runs/mine/submission.csv", ...}.
    """
    there = {name: str(folder / name) for name in files if (folder / name).exists()}
    return {**found, "files": there}
