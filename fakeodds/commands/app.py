"""`fakeodds app`: a page in the browser that takes videos and score files."""

import signal
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.command import Command
from fakeodds.cli.options import RUN, backend_option, code_option, name_code
from fakeodds.view import terminal


@click.command(cls=Command)
@click.argument("run", type=RUN)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: for the network.")
@click.option("--port", type=click.IntRange(1, 65535), help="[default: first free from 7860 on]")
@click.option(
    "--max-mb",
    type=click.FloatRange(0, min_open=True),
    default=500.0,
    show_default=True,
    help="Largest file that is taken, in megabytes.",
)
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    default=10.0,
    show_default=True,
    help="Longest video that is taken.",
)
@click.option("--device", default="auto", show_default=True)
@backend_option
@code_option
def app(
    run: Path,
    host: str,
    port: int | None,
    max_mb: float,
    max_minutes: float,
    device: str,
    backend: Any,
    code: tuple[str, ...],
) -> None:
    """Serve a page for the finished RUN: a video to its answer, the report, score files.

    The page is for this machine alone unless --host says otherwise; it has no password, so behind
    another --host everybody who reaches the port can use it. Uploads are deleted.

    \b
    fakeodds app runs/mine
    """
    # Told of before the detectors are opened; imported later, when its folders are settled.
    if find_spec("gradio") is None:
        raise ModuleNotFoundError("No module named 'gradio'", name="gradio")
    from fakeodds.app.limits import Limits
    from fakeodds.app.opened_run import OpenedRun
    from fakeodds.app.server import served

    # Stopped by whatever means, it deletes the uploads.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    terminal.heading("Opening the run and its detectors")
    # Networks are exported for OpenVINO when the run is opened for the first time.
    name_code(code)
    with terminal.progress_bars(tell=False) as progress:
        opened = OpenedRun(run, device=device, backend=backend, progress=progress)
    for sentence in opened.notes:
        terminal.note(sentence)
    with served(opened, Limits(max_mb, max_minutes), host=host, port=port) as address:
        terminal.out.print(f"{address} (stop with Ctrl+C)")
        # Stopping it is how it ends; there is nothing to go on with.
        with suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
