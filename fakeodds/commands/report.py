"""`fakeodds report`: the page to look at."""

from pathlib import Path

import click

from fakeodds.answers import Answer, answer, answering
from fakeodds.help_pages import Command
from fakeodds.reporting import show_report
from fakeodds.run_folder import RunFolder


@click.command(cls=Command)
@answering
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> Answer:
    """Write the report of a run: one page that opens offline, from what is in the folder RUN.

    `run`, `stack`, `calibrate` and `compare` write it by themselves; call it after `predict`,
    after a second command on the same folder, or with a newer fakeodds. Writes
    RUN/report.html, and RUN/report/ with each figure as PNG and as a table.

    \b
    fakeodds report runs/mine
    """
    folder = RunFolder.existing(run)
    show_report(folder)
    return answer({}, folder.path, "report.html", "report")
