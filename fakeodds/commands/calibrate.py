"""`fakeodds calibrate`: one detector's scores -> calibrated probabilities."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    EXISTING_FILE,
    calibration_options,
    column_options,
    labels_option,
    out_option,
    report_option,
    sample_option,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.settings import as_json

if TYPE_CHECKING:
    import pandas as pd

    from predictions.tables.scores import ScoreTable


@click.command(cls=Command)
@answering
@on_engine
@click.argument("scores", type=EXISTING_FILE)
@labels_option
@click.option(
    "--test", type=EXISTING_FILE, help="Scores of the videos to predict, in the same column."
)
@sample_option
@click.option(
    "--compare",
    "compares",
    is_flag=True,
    help="Also judge every calibrator on the same folds; --calibration stays what is submitted.",
)
@report_option
@out_option
@column_options
@calibration_options()
def calibrate(
    scores: Path,
    labels: Path | None,
    test: Path | None,
    sample: Path | None,
    compares: bool,
    wants_report: bool,
    out: Path,
    columns: ScoreColumns,
    options: StackOptions,
) -> Answer:
    """Turn the SCORES of one detector into calibrated probabilities.

    SCORES is a CSV or Parquet file with a row a video and one column of scores; --drop leaves
    further ones out. Writes the honest before and after (metrics.json, measures.csv, oof.csv), the
    reliability diagram of both, log loss against the clip bound, and the fitted calibrator for
    `apply`. With --compare also calibrators.csv and calibrators.png: every calibrator by its log
    loss.

    \b
    fakeodds calibrate xception.csv --label label --out runs/xception
    fakeodds apply runs/xception new.csv --out submission.csv
    """
    import pandas as pd

    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.view.calibrators import print_calibrators
    from fakeodds.workflows.alerts import alerts_in
    from fakeodds.workflows.calibrators import judge_calibrators
    from fakeodds.workflows.judge import STACK_FILES, fit_and_judge
    from fakeodds.workflows.metrics import all_metrics
    from fakeodds.workflows.report import leave_report
    from fakeodds.workflows.scored_videos import ScoredVideos
    from fakeodds.workflows.submission import submit_scored, wanted_of
    from predictions.files import json_records

    refuse_overwriting(out, [scores, labels, test, sample])
    run = RunFolder.for_scores(out)
    table = columns.read([scores], labels)
    model = _only_model(table, scores)
    tested = None if test is None else columns.read_new([test], table.kinds)

    # A raw score is no logit yet.
    meta = "passthrough"
    if table.kinds[model] == "raw":
        meta = "platt"
        terminal.note(f"{model} holds raw scores: Platt's map makes them logits first.")
    options = replace(options, meta=meta)
    run.settings(
        command="calibrate", scores=str(scores), **as_json(options), columns=as_json(columns)
    )
    scored = ScoredVideos(table.rows, table.logits, table.kinds, columns.reverse, notes=table.notes)
    wanted = wanted_of(sample, scored, tested)
    # With one detector there is nothing between its own probability and the calibrated one.
    stages = (f"base/{model}", "calibrated")
    fitted = fit_and_judge(scored, run, options, only=stages)
    metrics = all_metrics(run)
    terminal.print_stages(metrics)
    _print_measures(pd.read_csv(run.measures))
    if compares:
        board = judge_calibrators(scored, run, options)
        print_calibrators(board)
        metrics["calibrators"] = json_records(board)
    terminal.print_alerts(alerts_in(metrics))
    terminal.print_advice(metrics["advice"])
    alerts = submit_scored(fitted, scored, tested, run, options.adapting, wanted)
    files = [*STACK_FILES, *("calibrators.csv", "calibrators.png") * compares]
    files += leave_report(run, wanted=wants_report)
    metrics["alerts_on_new"] = alerts
    return answer(metrics, run.path, *files)


def _only_model(table: "ScoreTable", source: Path) -> str:
    """The one score column there is.

    Raises:
        InputError: there are several.
    """
    from predictions.words import first_names

    models = list(table.scores.columns)
    if len(models) > 1:
        raise InputError(
            f"holds {len(models)} score columns ({first_names(models)}) and calibrate takes one",
            file=source,
            remedy="combine them with `fakeodds stack`, or leave the others out with --drop",
        )
    return str(models[0])


#: Measures beside those of the first table -> how they are called there.
_MEASURES = {
    "calibration": "recalibration would gain",
    "refinement": "and leave a log loss of",
    "ece_plain": "ECE, 15 equal widths",
    "ece_width": "the same, debiased",
    "ece": "so, 15 equal masses",
    "smooth_ece": "smooth ECE, no bins",
    "slope": "slope (right: 1)",
    "intercept": "intercept (right: 0)",
    "true_fake": "FAKE called FAKE",
    "false_fake": "REAL called FAKE",
    "true_real": "REAL called REAL",
    "false_real": "FAKE called REAL",
}


def _print_measures(measures: "pd.DataFrame") -> None:
    """A row a measure, before and after, with 95 % intervals; 80 columns at most."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("measure", no_wrap=True)
    stages = list(measures["stage"].unique())
    for _ in stages:
        table.add_column(justify="right", no_wrap=True)
    table.columns[1].header, table.columns[-1].header = "before", "calibrated"
    known = measures.set_index(["measure", "stage"])
    for measure, name in _MEASURES.items():
        cells = [known.loc[(measure, stage)] for stage in stages]
        table.add_row(name, *(_with_interval(cell) for cell in cells))
    terminal.out.print(table)


def _with_interval(cell: "pd.Series[float]") -> str:
    if cell.isna()["value"]:
        return "-"
    value, low, high = (f"{x:.{3 if abs(x) < 10 else 1}f}" for x in cell[["value", "low", "high"]])
    return f"{value} ({low}, {high})"
