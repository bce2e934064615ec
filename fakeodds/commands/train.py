"""`fakeodds train`: the second stage of run."""

from pathlib import Path
from typing import Any

import click

from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    RUN,
    code_option,
    imported_options,
    name_code,
    report_option,
    stack_options,
    test_scores_option,
    train_options,
)
from fakeodds.cli.params import typed_settings
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import as_json


@click.command(cls=Command)
@answering
@on_engine
@click.argument("run", type=RUN)
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="The named --detectors and --scores alone; else they join those that the run has.",
)
@test_scores_option
@imported_options
@stack_options()
@train_options
@code_option
@report_option
def train(
    run: Path,
    replaces: bool,
    test_scores: tuple[Path, ...],
    imported: ScoreFiles,
    options: StackOptions,
    train_settings: TrainSettings,
    code: tuple[str, ...],
    wants_report: bool,
) -> Answer:
    """Train detectors out of fold on a RUN folder whose faces are found; stack and calibrate.

    Called again, what is not said is as the run has it, and detectors that are named join its own,
    which are kept as they are. Where it has answered for new videos, it answers for them again.

    \b
    fakeodds train runs/mine
    fakeodds train runs/mine --detectors xception,meso4 --epochs 10
    fakeodds train runs/mine --detectors xception --replace
    """
    from fakeodds.run.folder import RunFolder
    from predictions.files import read_parquet

    folder = RunFolder.existing(run)
    folder.refuse_score_files("run: fakeodds stack scores.csv --out RUN")
    folder.refuse_bundled()
    if not folder.videos.exists():
        raise InputError(
            "its faces are not found yet",
            file=run,
            remedy=f"run: fakeodds faces DATASET --out {run}",
        )
    folder.require("faces")
    with terminal.working("loading the frameworks", tell=False):
        from base_models.training.out_of_fold import check_files
        from fakeodds.workflows import media, training
        from fakeodds.workflows.again import Said, settings_again
        from fakeodds.workflows.alerts import alerts_in
        from fakeodds.workflows.answers import Asked, answer_again, record_answers, set_aside
        from fakeodds.workflows.report import leave_report
        from fakeodds.workflows.submission import out_of_fold, submit

    name_code(code)
    said = Said(
        training=typed_settings(TrainSettings, "train_settings"),
        stacking=typed_settings(StackOptions, "options"),
        scores=typed_settings(ScoreFiles, "imported"),
    )
    train_settings, options, imported = settings_again(folder, said, replaces=replaces)
    check_files(train_settings)
    before = Asked.of(folder)
    asked = None if before is None else before.beside(imported, test_scores)
    set_aside(folder, asked)
    folder.settings(
        train=as_json(train_settings), stack=as_json(options), score_files=as_json(imported)
    )
    videos = read_parquet(folder.videos)
    media.find_sound_again(folder, train_settings.specs, options.jobs)
    metrics = training.train_and_stack(
        videos, folder, train_settings, options, imported, compares=wants_report
    )
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    terminal.print_alerts(alerts_in(metrics))
    terminal.print_advice(metrics["advice"])
    alerts: list[dict[str, Any]] = []
    if asked is None:
        submit(out_of_fold(folder, options.prior), folder.submission)
        record_answers(folder, None)
    else:
        device = train_settings.devices[0]
        found = answer_again(folder, asked, jobs=options.jobs, device=device)
        if found is not None:
            answers, wanted = found
            submit(answers.probability, folder.submission, wanted)
            alerts = answers.alerts_to_json()
            record_answers(folder, asked, answers.share)
    leave_report(folder, wanted=wants_report)
    return answer({**metrics, "alerts_on_new": alerts}, folder.path, *training.RUN_FILES)
