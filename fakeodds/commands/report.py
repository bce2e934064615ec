"""`fakeodds report`: the page to look at."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import RUN


@click.command(cls=Command)
@answering
@click.argument("run", type=RUN)
def report(run: Path) -> Answer:
    """Write the report of a run: one page that opens offline, from what is in the folder RUN.

    `run`, `stack`, `calibrate` and `compare` write it by themselves; call it after `predict`,
    after a second command on the same folder, or with a newer fakeodds. Writes
    RUN/report.html, and RUN/report/ with each figure as PNG, SVG, PDF and data, and each table as
    CSV, LaTeX and Markdown.

    \b
    fakeodds report runs/mine
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.workflows.report import show_report

    folder = RunFolder.existing(run)
    show_report(folder)
    return answer({}, folder.path, "report.html", "report")
