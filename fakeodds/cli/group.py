"""The commands: `fakeodds COMMAND ...`. Each lives in its own module of `commands/`."""

import importlib
from difflib import get_close_matches

import click
from click.shell_completion import CompletionItem

from fakeodds.view import terminal

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
    "decide": ("decide", "FAKE, REAL or undecided: thresholds for stated error rates or costs."),
    "explain": ("explain", "One video: what each detector says, and does to the answer."),
    "stress": ("stress", "Altered videos: what they cost, which detector breaks first."),
    "score": ("score", "A submission against the truth: what it cost, and where."),
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
    "With the result": (
        *("apply", "decide", "explain", "stress", "score", "report", "app", "bundle"),
    ),
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
    click.get_current_context().with_resource(terminal.quietly(quiet))
