"""`fakeodds report`: the page to look at."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import FILE, RUN
from predictions.errors import InputError


@click.command(cls=Command)
@answering
@click.argument("runs", nargs=-1, required=True, type=RUN, metavar="RUN...")
@click.option("--title", default="", metavar="TEXT", help="The page's heading.")
@click.option("--pdf", is_flag=True, help="Each figure as PDF too.")
@click.option(
    "--out", type=FILE, help="Of several runs, the page to write [default: compare.html]."
)
def report(runs: tuple[Path, ...], title: str, pdf: bool, out: Path | None) -> Answer:
    """Write the report of a RUN: one page that opens offline, from what is in its folder.

    `run`, `stack`, `calibrate` and `compare` write it by themselves; call it after `predict`,
    after a second command on the same folder, or with a newer fakeodds. Writes
    RUN/report.html, and RUN/report/ with each figure as PNG, SVG and data (with --pdf as PDF
    too), and each table as CSV, LaTeX and Markdown.

    Several RUNs stand side by side on one page: what each promises, the difference on the videos
    that they share, and the settings that differ.

    \b
    fakeodds report runs/mine
    fakeodds report runs/mine runs/other --out compare.html
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.workflows.report import compare_runs, draw_report

    if len(runs) > 1:
        return compare_runs(runs, out or Path("compare.html"), title, pdf=pdf)
    if out is not None:
        raise InputError(
            "is of several runs; the report of one is RUN/report.html",
            option="--out",
            remedy="name another run, or leave it out",
        )
    folder = RunFolder.existing(runs[0])
    draw_report(folder, title, pdf=pdf)
    return answer({}, folder.path, "report.html", "report")
