"""`fakeodds app`: a page in the browser that takes videos and score files."""

import signal
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from fakeodds.app.limits import Limits
from fakeodds.cli import stopping
from fakeodds.cli.command import Command
from fakeodds.cli.options import RUN, backend_option, code_option, name_code
from fakeodds.cli.params import settings_options
from fakeodds.view import terminal
from predictions.errors import InputError
from predictions.notes import NoteKind

EVERYBODY = NoteKind(
    "app.everybody",
    "Without --auth, everybody who reaches {host} can use the page and read the report.",
)


@click.command(cls=Command)
@click.argument("run", type=RUN)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: for the network.")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: first free from 7860 on]")
@settings_options(Limits, to="limits")
@click.option(
    "--auth",
    metavar="USER:PASSWORD",
    envvar="FAKEODDS_AUTH",
    show_envvar=True,
    help="Everybody must know them. The variable, unlike the option, isn't shown by ps.",
)
@click.option(
    "--allow-host",
    metavar="NAME",
    multiple=True,
    help="One more name that the page may be asked for by, as behind a proxy.",
)
@click.option("--device", default="auto", show_default=True)
@backend_option
@code_option
@click.pass_context
def app(
    context: click.Context,
    run: Path,
    host: str,
    port: int | None,
    limits: Limits,
    auth: str | None,
    allow_host: tuple[str, ...],
    device: str,
    backend: Any,
    code: tuple[str, ...],
) -> None:
    """Serve a page for the finished RUN: a video to its answer, the report, score files.

    The page is for this machine alone unless --host says otherwise; then give it a password with
    --auth, else everybody who reaches the port can use it. Uploads are deleted.

    \b
    fakeodds app runs/mine
    """
    # Told of before the detectors are opened; imported later, when its folders are settled.
    if find_spec("gradio") is None:
        raise ModuleNotFoundError("No module named 'gradio'", name="gradio")
    if auth is not None and not all(auth.partition(":")):
        raise InputError("lacks a user or a password", option="--auth", expected="USER:PASSWORD")
    from fakeodds.app.opened_run import OpenedRun
    from fakeodds.app.server import is_loopback, served

    terminal.heading("Opening the run and its detectors")
    # Networks are exported for OpenVINO when the run is opened for the first time.
    name_code(code)
    with terminal.progress_bars(tell=False) as progress:
        opened = OpenedRun(run, device=device, backend=backend, progress=progress)
    for sentence in opened.notes:
        terminal.note(sentence)
    if auth is None and not is_loopback(host):
        terminal.note(EVERYBODY(host=host))
    # A video may still be looked at at the end, by a thread that would be waited for.
    context.obj["leave_at_once"] = True
    # Nothing interrupts the deletion of the uploads.
    ended: list[int] = []
    for number in stopping.heeded():
        signal.signal(number, lambda number, _: ended.append(number))
    with served(opened, limits, host=host, port=port, auth=auth, hosts=allow_host) as address:
        terminal.out.print(f"{address} (stop with Ctrl+C)")
        while not ended:
            time.sleep(0.2)
