"""The command line: `fakeodds COMMAND ...`. Each command lives in its own module of `commands/`."""

import importlib
import os
import sys
import time
from typing import Any

import click

from predictions.errors import InputError

#: Command -> (module of fakeodds.commands, one line of help). The modules are imported only when
#: their command runs, so that people with score files never wait for a deep-learning framework.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "See it all work on a small made-up data set."),
    "run": ("stages", "Labelled videos -> detectors out of fold -> calibrated submission."),
    "explore": ("explore", "What is in a dataset: files, faces, doubles, similarity; a page."),
    "faces": ("stages", "First stage of run: find and crop the faces."),
    "train": ("stages", "Second stage of run: train the detectors out of fold."),
    "predict": ("stages", "Last stage of run: score new videos with a finished run."),
    "stack": ("stack", "Score files of any detectors -> calibrated submission."),
    "calibrate": ("calibrate", "One detector's scores -> calibrated probabilities."),
    "compare": ("compare", "Every ensemble of the detectors: log loss, cost, which to take."),
    "apply": ("apply", "A fitted stack on new scores or videos -> submission.csv."),
    "models": ("models", "The detectors there are."),
}


class Commands(click.Group):
    """A group that finds its commands by name and imports them late."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module that holds the command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"fakeodds.commands.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fakeodds")
def fakeodds() -> None:
    """The odds that a video is fake: many detectors, one calibrated probability.

    \b
    With videos:       fakeodds run DATASET --out runs/mine --test NEW_VIDEOS
    With score files:  fakeodds stack scores.csv --label label --out runs/mine
    To look around:    fakeodds demo
    """


def main() -> None:
    """Run the command line as a process of its own."""
    if run()["leave_at_once"]:
        # Threads may still be at work, and taking torch and OpenVINO down takes a second.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def run() -> dict[str, Any]:
    """Run the command line; input that cannot be used ends in one sentence and exit code 2.

    Returns what the command left for its process to do.
    """
    # A deadline counts from here: the modules that a command imports take their time too.
    shared: dict[str, Any] = {"began": time.monotonic(), "leave_at_once": False}
    try:
        fakeodds(standalone_mode=False, obj=shared)
    except InputError as error:
        _stop(f"fakeodds: {error}", 2)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _stop("fakeodds: stopped; the same command goes on from here.", 130)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name.partition(".")[0]]
        _stop(
            f"fakeodds: this command needs {error.name}, which is not installed; "
            f"run: pip install 'fakeodds[{extra}]'",
            2,
        )
    return shared


#: The package that is missing -> the extra that brings it.
_TORCH = ("torch", "torchvision", "timm", "facenet_pytorch", "av", "cv2", "skimage", "jinja2")
_EXTRAS = dict.fromkeys(_TORCH, "torch") | {"tensorflow": "tensorflow", "keras": "tensorflow"}


def _stop(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
