"""`fakeodds train`: the second stage of run."""

from dataclasses import replace
from pathlib import Path

import click

from base_models.training.settings import TrainSettings
from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import RUN, imported_options, report_option, stack_options, train_options
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreFiles
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import as_json


@click.command(cls=Command)
@answering
@click.argument("run", type=RUN)
@imported_options
@stack_options()
@train_options
@report_option
def train(
    run: Path,
    imported: ScoreFiles,
    options: StackOptions,
    train_settings: TrainSettings,
    wants_report: bool,
) -> Answer:
    """Train detectors out of fold on a RUN folder whose faces are found; stack and calibrate.

    \b
    fakeodds train runs/mine
    fakeodds train runs/mine --detectors xception,meso4 --epochs 10
    """
    from fakeodds.run.folder import RunFolder
    from predictions.files import read_parquet

    folder = RunFolder.existing(run)
    if not folder.videos.exists():
        raise InputError(
            "its faces are not found yet",
            file=run,
            remedy=f"run: fakeodds faces DATASET --out {run}",
        )
    folder.require("faces")
    with terminal.working("loading the frameworks", tell=False):
        from fakeodds.workflows import pipeline
        from fakeodds.workflows.alerts import alerts_in
        from fakeodds.workflows.report import show_report
        from fakeodds.workflows.submission import out_of_fold, submit

    train_settings = replace(train_settings, seed=options.seed)
    pipeline.check_files(train_settings)
    folder.settings(train=as_json(train_settings), stack=as_json(options))
    videos = read_parquet(folder.videos)
    pipeline.find_sound_again(folder, train_settings.specs, options.jobs)
    metrics = pipeline.train_and_stack(
        videos, folder, train_settings, options, imported, compares=wants_report
    )
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    terminal.print_alerts(alerts_in(metrics))
    terminal.print_advice(metrics["advice"])
    submit(out_of_fold(folder, options.prior), folder.submission)
    folder.answered()
    if wants_report:
        show_report(folder)
    return answer(metrics, folder.path, *pipeline.RUN_FILES)
