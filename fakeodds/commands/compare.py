"""`fakeodds compare`: every ensemble size, what it is worth and what it costs."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.engine import on_engine
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import (
    EXISTING,
    EXISTING_FILE,
    column_options,
    judging_options,
    labels_option,
    out_option,
    report_option,
)
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns
from fakeodds.workflows.settings import StackOptions
from predictions.settings import as_json

COST = click.FloatRange(0, min_open=True)


@click.command(cls=Command)
@answering
@on_engine
@click.argument("scores", nargs=-1, required=True, type=EXISTING)
@labels_option
@click.option(
    "--costs", type=EXISTING_FILE, help="CSV with model, seconds (a video), mb (of weights)."
)
@click.option("--max-seconds", type=COST, help="Recommend nothing slower, in seconds a video.")
@click.option("--max-mb", type=COST, help="Recommend nothing larger, in MB of weights.")
@report_option
@out_option
@column_options
@judging_options("frame_rule")
def compare(
    scores: tuple[Path, ...],
    labels: Path | None,
    costs: Path | None,
    max_seconds: float | None,
    max_mb: float | None,
    wants_report: bool,
    out: Path,
    columns: ScoreColumns,
    options: StackOptions,
) -> Answer:
    """Compare every ensemble of the detectors in SCORES and say which one to take.

    Each subset (all of them up to 10 detectors) gets an honest log loss with its interval, how
    differently its members err, and its cost. Recommended are all, unless fewer are shown to be
    better; the fewest that do as well are named too, and the commands that keep either. Of frame
    scores (video, frame, model, logit) the rules from frames to video are compared too. Writes
    compare.json, compare.csv and compare.png.

    \b
    fakeodds compare scores.csv --out runs/mine
    fakeodds compare scores.csv --costs costs.csv --max-seconds 2 --out runs/mine
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.view.ensembles import print_diversity, print_sizes
    from fakeodds.workflows.advice import advice_of_comparison
    from fakeodds.workflows.alerts import alerts_in
    from fakeodds.workflows.compare import judge_sizes
    from fakeodds.workflows.frame_rules import print_rules
    from fakeodds.workflows.report import show_report, tell_outdated
    from fakeodds.workflows.scored_videos import ScoredVideos
    from stacking.ensembles.costs import read_costs

    refuse_overwriting(out, [*scores, labels, costs])
    run = RunFolder.for_scores(out)
    table = columns.read(scores, labels)
    budget = {"seconds": max_seconds, "mb": max_mb}
    asked = {cost: most for cost, most in budget.items() if most is not None}
    run.settings(
        command="compare",
        scores=[str(path) for path in scores],
        budget=asked,
        columns=as_json(columns),
    )
    scored = ScoredVideos(
        table.rows, table.features, table.kinds, columns.reverse, notes=table.notes
    )
    judge_sizes(
        scored,
        run,
        costs=None if costs is None else read_costs(costs, list(table.kinds)),
        budget=asked,
        frame_rule=options.frame_rule,
        folds=options.folds,
        seed=options.seed,
        jobs=options.jobs,
    )

    from predictions.files import read_json

    found = read_json(run.path / "compare.json")
    print_sizes(found)
    print_diversity(found)
    if found["frame_rules"]:
        print_rules(found["frame_rules"]["rules"], found["frame_rules"])
    terminal.print_alerts(alerts_in(found))
    terminal.say(found["recommendation"]["reason"])
    advice = [one.to_json() for one in advice_of_comparison(run, found)]
    terminal.print_advice(advice)
    terminal.say(f"{len(found['subsets'])} ensembles -> {run.path / 'compare.csv'}")
    files = ["compare.json", "compare.csv", "compare.png"]
    if wants_report:
        files.append(show_report(run).name)
    else:
        tell_outdated(run)
    return answer({**found, "advice": advice}, run.path, *files)
