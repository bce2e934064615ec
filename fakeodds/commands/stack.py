"""`fakeodds stack`: score files of any detectors -> calibrated submission."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    EXISTING,
    column_options,
    labels_option,
    out_option,
    report_option,
    sample_option,
    stack_options,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.settings import StackOptions
from predictions.settings import as_json


@click.command(cls=Command)
@answering
@on_engine
@click.argument("scores", nargs=-1, required=True, type=EXISTING)
@labels_option
@click.option(
    "--test",
    multiple=True,
    type=EXISTING,
    help="Scores of the videos to predict, in the same columns; one file or several.",
)
@sample_option
@click.option(
    "--domain",
    "domains",
    multiple=True,
    metavar="COLUMN",
    help="Column of domains: each is also left out and judged; repeatable; none for no such "
    "estimate [default: dataset or method, where they are there].",
)
@click.option("--robust", is_flag=True, help="Choose by the worst domain instead of the mean.")
@report_option
@out_option
@column_options
@stack_options("frame_rule")
def stack(
    scores: tuple[Path, ...],
    labels: Path | None,
    test: tuple[Path, ...],
    sample: Path | None,
    domains: tuple[str, ...],
    robust: bool,
    wants_report: bool,
    out: Path,
    columns: ScoreColumns,
    options: StackOptions,
) -> Answer:
    """Combine SCORES of any detectors into one calibrated probability per video.

    SCORES is a wide CSV or Parquet file (a row a video, a column a detector), or several, or
    several Kaggle submissions (filename,label), each one detector named by its file. It may be
    frame scores too: a row a frame, with the columns video, frame, model, logit and perhaps face.

    \b
    fakeodds stack scores.csv --label label --group actor --out runs/mine
    fakeodds stack oof/*.csv --labels labels.csv --test test/*.csv --out runs/mine
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.workflows.alerts import alerts_in
    from fakeodds.workflows.domains import NONE, find_domains, judge_domains, print_domains
    from fakeodds.workflows.frame_rules import judge_rules, print_rules
    from fakeodds.workflows.judge import STACK_FILES, fit_and_judge
    from fakeodds.workflows.metrics import all_metrics
    from fakeodds.workflows.probability import read_about
    from fakeodds.workflows.report import compare_for_report, leave_report
    from fakeodds.workflows.scored_videos import ScoredVideos
    from fakeodds.workflows.submission import submit_scored, wanted_of

    refuse_overwriting(out, [*scores, labels, *test, sample])
    run = RunFolder.for_scores(out)
    kept = [column for column in dict.fromkeys(domains) if column != NONE]
    table = columns.read(scores, labels, keep=kept)
    # Read before anything long begins, on the scales of the training scores.
    tested = columns.read_new(test, table.kinds) if test else None

    scored = ScoredVideos(
        table.rows, table.features, table.kinds, columns.reverse, notes=table.notes
    )
    wanted = wanted_of(sample, scored, tested)
    left_out = find_domains(scored, domains, robust, options.seed)
    asked = {**as_json(options), "domain": left_out, "robust": robust}
    run.settings(
        command="stack", scores=[str(path) for path in scores], **asked, columns=as_json(columns)
    )
    fitted = fit_and_judge(scored, run, options, robust=left_out[0] if robust else None)
    if not left_out:
        run.drop("domains")  # of an earlier command, which asked for them
    judged = judge_domains(scored, run, options, left_out, robust) if left_out else {}
    rules = judge_rules(scored, run, options) if scored.has_rules else []
    if wants_report:
        compare_for_report(scored, run, options)
    metrics = all_metrics(run)
    terminal.print_stages(metrics)
    terminal.print_slices(metrics)
    if rules:
        print_rules(rules, read_about(run.stack)["frames"])
    print_domains(judged)
    terminal.print_alerts(alerts_in(metrics))
    terminal.print_advice(metrics["advice"])
    alerts = submit_scored(fitted, scored, tested, run, options.adapting, wanted)
    leave_report(run, wanted=wants_report)
    further = {"domains.json": bool(judged), "robust.json": robust}
    further |= {"frame_rules.json": bool(rules), "report.html": wants_report}
    metrics["alerts_on_new"] = alerts
    return answer(metrics, run.path, *STACK_FILES, *(name for name in further if further[name]))
