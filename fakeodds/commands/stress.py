"""`fakeodds stress`: a finished run under alterations of its videos."""

from pathlib import Path
from typing import Any

import click

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import EXISTING, RUN, code_option, jobs_option, name_code, report_option
from fakeodds.cli.params import settings_options
from fakeodds.workflows.inputs import ScoreColumns
from predictions.errors import InputError
from predictions.words import count


@click.command(cls=Command)
@answering
@on_engine
@click.argument("run", type=RUN)
@click.option(
    "--alter",
    "asked",
    multiple=True,
    metavar="NAME[=STRENGTH,...]",
    help="Alter the videos so; repeatable [default: in all ways, at three strengths each].",
)
@click.option(
    "--stress",
    "tables",
    multiple=True,
    type=EXISTING,
    metavar="TABLE...",
    help="Scores of altered copies of the labelled videos, by all detectors: a table an "
    "alteration, called by its file (jpeg_30.csv).",
)
@click.option(
    "--harden",
    is_flag=True,
    help="Also teach a stack on altered copies, and say what that costs and gains -> RUN/hardened.",
)
@click.option(
    "--videos",
    "most",
    type=click.IntRange(min=1),
    help="Alter so many videos at most, whole groups that are drawn [default: all].",
)
@click.option(
    "--device", default="auto", show_default=True, help="Where detectors compute: auto, cpu, cuda."
)
@report_option
@code_option
@settings_options(
    ScoreColumns, "id", "kind", "reverse", to="columns", heading="Columns of the tables"
)
@jobs_option
def stress(
    run: Path,
    asked: tuple[str, ...],
    tables: tuple[Path, ...],
    harden: bool,
    most: int | None,
    device: str,
    wants_report: bool,
    code: tuple[str, ...],
    columns: ScoreColumns,
    jobs: int,
) -> Answer:
    """See what a finished RUN makes of altered videos: what they cost, which detector breaks first.

    The labelled videos are altered (JPEG, H.264, scaling, blur, noise, light, a social network's
    chain, fewer frames, smaller faces), scored by the models that have not seen them, and answered
    for by stacks that have not learned from their groups. Of a run of score files --stress names
    the scores of altered copies. Writes stress.json, stress.csv
    and stress_oof.csv; where `decide` chose a rule, what that delivers is said too.

    \b
    fakeodds stress runs/mine
    fakeodds stress runs/mine --alter h264=30,40 --alter blur --videos 100
    fakeodds stress runs/scores --stress jpeg_75.csv jpeg_30.csv --harden
    """
    name_code(code)
    from fakeodds.run.folder import RunFolder
    from fakeodds.view import terminal
    from fakeodds.view.decided import print_altered
    from fakeodds.view.stressed import print_hardened, print_stress
    from fakeodds.workflows.altered import make_altered, read_altered
    from fakeodds.workflows.decide import altered_rates
    from fakeodds.workflows.judged_again import judged_again
    from fakeodds.workflows.report import leave_report
    from fakeodds.workflows.stress import (
        HARDENED_FILES,
        HARDENED_REMOVED,
        STRESS_FILES,
        alerts_on,
        judge_stress,
    )
    from fakeodds.workflows.stress import harden as harden_stack

    folder = RunFolder.existing(run)
    folder.require("stack")
    if tables:
        _refuse_beside_tables(asked, most)
    else:
        folder.refuse_score_files("name tables of altered scores: fakeodds stress RUN --stress ...")
        folder.refuse_bundled()
    with terminal.working("reading the scores of the run", tell=False):
        judged = judged_again(folder, jobs)
    copies: dict[str, Any] = (
        read_altered(tables, judged.scored, columns)
        if tables
        else make_altered(
            folder,
            judged.scored,
            asked,
            most=most,
            jobs=jobs,
            seed=judged.options.seed,
            device=device,
        )
    )
    found = judge_stress(folder, judged, copies)
    alerts = alerts_on(folder, found)
    terminal.print_alerts(alerts)
    print_stress(found)
    decided = altered_rates(folder)
    print_altered(decided)
    found = {**found, "decided": decided, "alerts": [alert.to_json() for alert in alerts]}
    files = [*STRESS_FILES]
    if harden:
        hardened = harden_stack(folder, judged, copies)
        print_hardened(hardened)
        found = {**found, "hardened": hardened}
        terminal.say(
            f"hardened stack -> {run / 'hardened'}; fakeodds apply {run / 'hardened'} NEW answers "
            "by it"
        )
        files += HARDENED_FILES
    elif "hardened" in folder.removed:
        terminal.note(HARDENED_REMOVED())
    terminal.say(f"{count(len(copies), 'alteration')} -> {run / 'stress.json'}")
    files += leave_report(folder, wanted=wants_report)
    return answer(found, folder.path, *files)


def _refuse_beside_tables(asked: tuple[str, ...], most: int | None) -> None:
    for option, said in {"--alter": bool(asked), "--videos": most is not None}.items():
        if said:
            raise InputError(
                "is of videos that are altered here",
                option=option,
                remedy="leave it out, or --stress",
            )
