"""`fakeodds completion`: the script by which a shell completes what is typed."""

import os
import sys
from pathlib import PurePath

import click
from click.shell_completion import get_completion_class

from fakeodds.cli.command import Command
from fakeodds.view import terminal
from predictions.errors import InputError

#: Shell -> what puts the script where the shell finds it.
INSTALL = {
    "bash": "fakeodds completion bash > ~/.local/share/bash-completion/completions/fakeodds",
    "zsh": "fakeodds completion zsh > ~/.zfunc/_fakeodds",
    "fish": "fakeodds completion fish > ~/.config/fish/completions/fakeodds.fish",
}


@click.command(cls=Command)
@click.argument("shell", required=False, type=click.Choice(tuple(INSTALL)))
def completion(shell: str | None) -> None:
    """Print the script by which SHELL (bash, zsh, fish) completes what you type.

    It completes commands, options, detectors, the names to choose from, and paths. Without SHELL
    it is the one you work in.

    \b
    At once, for the shell that is open (bash or zsh):
      eval "$(fakeodds completion)"

    \b
    Bash, for good:
      mkdir -p ~/.local/share/bash-completion/completions
      cd ~/.local/share/bash-completion/completions
      fakeodds completion bash > fakeodds

    \b
    Zsh, for good; ~/.zshrc needs the line  fpath+=~/.zfunc  before compinit:
      mkdir -p ~/.zfunc && fakeodds completion zsh > ~/.zfunc/_fakeodds

    \b
    Fish, for good:
      fakeodds completion fish > ~/.config/fish/completions/fakeodds.fish
    """
    from fakeodds.cli.group import fakeodds

    shell = shell or PurePath(os.environ.get("SHELL", "")).name
    make = get_completion_class(shell)
    if shell not in INSTALL or make is None:
        raise InputError(
            "which shell is not known", remedy="name it: fakeodds completion bash|zsh|fish"
        )
    script = make(fakeodds, {}, "fakeodds", "_FAKEODDS_COMPLETE").source()
    if shell == "fish":
        # Lists of detectors have commas of their own.
        script = script.replace('string split ","', 'string split -m 1 ","')
    click.echo(script)
    if sys.stdout.isatty():
        terminal.note(f"to install it: {INSTALL[shell]}")
