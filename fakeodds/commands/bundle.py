"""`fakeodds bundle`: what a code competition needs with the internet off."""

from pathlib import Path
from typing import Any

import click
from rich.table import Table

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import FOLDER, RUN, SIZE, code_option, name_code
from fakeodds.run.disk import size
from fakeodds.view import terminal
from predictions.errors import InputError


@click.command(cls=Command)
@answering
@click.argument("run", type=RUN)
@click.option("--out", type=FOLDER, required=True, help="The bundle's folder.")
@click.option(
    "--wheels",
    type=click.Choice(("missing", "all", "none")),
    default="missing",
    show_default=True,
    help="missing: all packages needed but torch, torchvision, tensorflow, keras and what only "
    "they need, which images of competitions have; all: those too (gigabytes), for a bare Python; "
    "none: fakeodds alone.",
)
@click.option(
    "--max-weights",
    type=SIZE,
    default="1GB",
    show_default=True,
    help="Most that the run's part may have, weights and all. Exported networks are left out "
    "first, then detectors: the best ensemble that fits gets a stack of its own.",
)
@click.option(
    "--exports/--no-exports",
    default=True,
    show_default=True,
    help="Bring networks along as OpenVINO takes them (for scoring on a CPU), made where they are "
    "not there yet; without, they are made there, which takes some seconds each.",
)
@click.option(
    "--python-version",
    metavar="3.12",
    help="Python that the wheels are for [default: this one].",
)
@click.option(
    "--platform",
    metavar="TAG",
    multiple=True,
    help="Machine that the wheels are for: linux_x86_64, or a tag as pip knows it; repeatable "
    "[default: this one].",
)
@code_option
def bundle(
    run: Path,
    out: Path,
    wheels: Any,
    max_weights: float,
    exports: bool,
    python_version: str | None,
    platform: tuple[str, ...],
    code: tuple[str, ...],
) -> Answer:
    """Pack a finished RUN for a code competition, where there is no internet.

    The folder holds wheels/ (fakeodds and the packages it needs, at the versions installed here),
    run/ (stack, weights, out-of-fold scores; no faces), submission.ipynb, which installs, predicts
    with a deadline and writes submission.csv, and MANIFEST.json with every file's size and SHA-256.

    \b
    fakeodds bundle runs/mine --out kaggle/mine
    fakeodds bundle runs/mine --out kaggle/mine --python-version 3.12
    """
    from fakeodds.bundle.make import make_bundle
    from fakeodds.bundle.manifest import next_steps
    from fakeodds.bundle.requirements import Target
    from fakeodds.run.overwriting import refuse_overwriting

    refuse_overwriting(out, ())
    name_code(code)
    target = Target(_checked(python_version), platform)
    with terminal.progress_bars() as progress:
        manifest = make_bundle(
            run,
            out,
            wheels=wheels,
            most_mb=max_weights,
            exports=exports,
            target=target,
            progress=progress,
        )
    for sentence in manifest["notes"]:
        terminal.note(sentence)
    if manifest["brought"]:
        terminal.note(f"must be installed there already: {', '.join(manifest['brought'])}.")
    _print_sizes(manifest)
    terminal.out.print()
    for number, step in enumerate(next_steps(out), 1):
        terminal.out.print(f"{number}. {step}")
    found = {name: value for name, value in manifest.items() if name != "files"}
    return answer(found, out, "MANIFEST.json", "README.md", "submission.ipynb")


def _checked(version: str | None) -> str | None:
    """The version of Python as pip and the conditions of requirements take it."""
    parts = (version or "").split(".")
    if version is None or (len(parts) == 2 and all(part.isdigit() for part in parts)):
        return version
    raise InputError(
        f"{version} is no version", option="--python-version", expected="one such as 3.12"
    )


def _print_sizes(manifest: Answer) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("part", no_wrap=True, max_width=44)
    for name in ("files", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in manifest["sizes"]:
        bold = "bold" if part["part"] == "total" else None
        table.add_row(part["part"], str(part["files"]), size(part["bytes"] / 1e6), style=bold)
    for name, left in manifest["left_out"].items():
        table.add_row(f"left out: {name}", "-", size(left / 1e6), style="dim")
    terminal.out.print(table)
    loss = manifest["expected"]["log_loss"]
    terminal.out.print(
        f"Log loss to expect: {loss['value']:.4f} ({loss['low']:.4f}-{loss['high']:.4f})"
    )
