"""The command line: `fakeodds COMMAND ...`. Each command lives in its own module of `commands/`."""

import errno
import importlib
import json
import os
import sys
import time
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

from fakeodds.view import terminal
from predictions.errors import InputError

#: Command -> (module of fakeodds.commands, one line of help). The modules are imported only when
#: their command runs, so that people with score files never wait for a deep-learning framework.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "See it all work on a small made-up data set."),
    "run": ("run", "Labelled videos -> detectors -> calibrated submission."),
    "explore": ("explore", "What is in a dataset: files, faces, doubles, similarity; a page."),
    "faces": ("faces", "First stage of run: find and crop the faces."),
    "train": ("train", "Second stage of run: train the detectors out of fold."),
    "predict": ("predict", "Last stage of run: score new videos with a finished run."),
    "stack": ("stack", "Score files of any detectors -> calibrated submission."),
    "calibrate": ("calibrate", "One detector's scores -> calibrated probabilities."),
    "compare": ("compare", "Every ensemble of the detectors: log loss, cost, which to take."),
    "apply": ("apply", "A fitted stack on new scores or videos -> submission.csv."),
    "report": ("report", "The page to look at: what to expect, which detectors, why."),
    "bundle": ("bundle", "A run, wheels and a notebook for a competition without internet."),
    "app": ("app", "A page in the browser: a video to its answer, score files."),
    "models": ("models", "The detectors there are."),
    "completion": ("completion", "The shell completes commands, options and names."),
}

#: Heading of `fakeodds --help` -> its commands, in the order a newcomer meets them.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Look around": ("demo", "models", "explore"),
    "From videos": ("run", "faces", "train", "predict"),
    "From score files": ("stack", "calibrate", "compare"),
    "With the result": ("apply", "report", "app", "bundle"),
    "In the shell": ("completion",),
}


class Commands(click.Group):
    """A group that finds its commands by name and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a newcomer meets them."""
        return [name for names in SECTIONS.values() for name in names]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fakeodds.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words begin with; one that does not exist is refused.

        Raises:
            click.UsageError: there is none of that name.
        """
        if args[0] in COMMANDS or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        meant = get_close_matches(args[0], COMMANDS, n=1)
        hint = f"; did you mean {meant[0]}?" if meant else "."
        raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so, without importing any command."""
        found = [
            CompletionItem(name, help=COMMANDS[name][1])
            for name in self.list_commands(ctx)
            if name.startswith(incomplete)
        ]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """First the commands, section by section, without importing them; then the options."""
        widest = max(map(len, COMMANDS))
        for heading, names in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), COMMANDS[name][1]) for name in names])
        click.Command.format_options(self, ctx, formatter)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-q", "--quiet", is_flag=True, help="No notes, no progress; results and errors stay.")
@click.version_option(package_name="fakeodds", help="Show the version and leave.")
def fakeodds(quiet: bool) -> None:
    """The odds that a video is fake: many detectors, one calibrated probability.

    \b
    See it work, without any data of your own:
      fakeodds demo

    \b
    From labelled videos to a submission, in one command:
      fakeodds explore videos/
      fakeodds run videos/ --out runs/mine --test new_videos/

    \b
    From the score files of any detectors, which needs no PyTorch:
      fakeodds stack scores.csv --label label --group actor --out runs/mine

    \b
    Look at what it promises, and answer for more videos or scores:
      fakeodds report runs/mine
      fakeodds apply runs/mine more.csv --out submission.csv

    A run is a folder. Stopped at any moment, the same command goes on there.
    Each command has examples: fakeodds run --help.
    """
    terminal.be_quiet(quiet)


def main() -> None:
    """Run the command line as a process of its own."""
    # A deadline counts from here: the modules that a command imports take their time too.
    shared: dict[str, Any] = {"began": time.monotonic(), "leave_at_once": False, "json": False}
    shared["own_process"] = True
    code: Any = 0
    try:
        run(shared)
    except SystemExit as end:
        code = end.code
    if shared["leave_at_once"]:
        # Threads may still be at work, and taking torch and OpenVINO down under them takes a
        # second, or crashes.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(code or 0))
    sys.exit(code)


def run(shared: dict[str, Any] | None = None) -> None:
    """Run the command line; input that cannot be used ends in one sentence and exit code 2.

    Args:
        shared: what the command and its process tell each other: when it `began`, whether it is to
            `leave_at_once`, whether `json` is asked for, and whether it has its `own_process`.
    """
    if shared is None:
        shared = {"began": time.monotonic(), "leave_at_once": False, "json": False}
    try:
        fakeodds(standalone_mode=False, obj=shared)
    except InputError as error:
        _stop(f"fakeodds: {error}", 2, error.facts if shared["json"] else None)
    except click.ClickException as error:
        from fakeodds.cli.usage_errors import as_sentence

        sentence = as_sentence(error)
        # What is typed wrong may be found before --json is.
        facts = {"problem": sentence} if shared["json"] or "--json" in sys.argv else None
        _stop(sentence, error.exit_code, facts)
    except OSError as error:
        if error.errno not in _SURROUNDINGS:
            raise
        _stop(f"fakeodds: {error.filename or 'writing'}: {_SURROUNDINGS[error.errno]}", 2)
    except (KeyboardInterrupt, click.Abort):
        _stop("fakeodds: stopped; the same command goes on from here.", 130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name.partition(".")[0]]
        _stop(
            f"fakeodds: this command needs {error.name}, which is not installed; "
            f"run: pip install 'fakeodds[{extra}]' (in a clone: pip install '.[{extra}]')",
            2,
        )


#: What the machine refuses, which no program can mend -> why, and what to do.
_SURROUNDINGS = {
    errno.EACCES: "may not be read or written; change its permissions, or name another path.",
    errno.EPERM: "may not be read or written; change its permissions, or name another path.",
    errno.EROFS: "lies where nothing can be written; name another path.",
    errno.EEXIST: "is a file, a folder was expected; name another path.",
    errno.EISDIR: "is a folder, a file was expected; name another path.",
    errno.ENOTDIR: "lies below a file, a folder was expected; name another path.",
    errno.ENAMETOOLONG: "has too long a name; name a shorter path.",
    errno.ENOSPC: "no space is left on the disk; make some, and the same command goes on.",
    errno.EDQUOT: "no space is left to you; make some, and the same command goes on.",
}

#: The package that is missing -> the extra that brings it.
_TORCH = ("torch", "torchvision", "timm", "facenet_pytorch", "av", "cv2", "skimage")
_EXTRAS = dict.fromkeys(_TORCH, "torch") | {"tensorflow": "tensorflow", "keras": "tensorflow"}
_EXTRAS |= {"gradio": "app"}


def _stop(message: str, code: int, facts: dict[str, Any] | None = None) -> None:
    if facts is not None:
        click.echo(json.dumps({"error": facts}, indent=2, ensure_ascii=False))
    click.echo(message, err=True)
    sys.exit(code)
