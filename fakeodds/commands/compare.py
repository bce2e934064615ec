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
from predictions.words import count

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
@click.option(
    "--against",
    nargs=2,
    multiple=True,
    metavar="A B",
    help="Only tell whether A is better than B: detectors with commas between (a,b), all, or a "
    "stage of the run (mean, stacked, calibrated, base/a). Repeatable.",
)
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
    against: tuple[tuple[str, str], ...],
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

    With --against, the difference of two of them by log loss, Brier score and AUC, whether it is
    more than chance, and how many more videos would tell: against.json and against.csv.

    \b
    fakeodds compare scores.csv --out runs/mine
    fakeodds compare scores.csv --costs costs.csv --max-seconds 2 --out runs/mine
    fakeodds compare scores.csv --against xception,b4 all --out runs/mine
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.view.against import print_against, set_in_words
    from fakeodds.view.ensembles import print_diversity, print_sizes
    from fakeodds.workflows.advice import advice_of_comparison
    from fakeodds.workflows.against import judge_against
    from fakeodds.workflows.alerts import alerts_in
    from fakeodds.workflows.compare import judge_sizes
    from fakeodds.workflows.frame_rules import print_rules
    from fakeodds.workflows.report import leave_report
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
        **({"against": [list(pair) for pair in against]} if against else {}),
    )
    scored = ScoredVideos(
        table.rows, table.features, table.kinds, columns.reverse, notes=table.notes
    )
    if against:
        told = judge_against(
            scored,
            run,
            against,
            frame_rule=options.frame_rule,
            folds=options.folds,
            seed=options.seed,
            jobs=options.jobs,
        )
        print_against(told)
        terminal.say(f"{count(len(against), 'pair')} -> {run.path / 'against.csv'}")
        return answer(
            told, run.path, "against.json", "against.csv", *leave_report(run, wanted=wants_report)
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

    import pandas as pd

    from predictions.files import read_json

    found = read_json(run.path / "compare.json")
    print_sizes(found)
    print_diversity(found)
    if found["frame_rules"]:
        print_rules(found["frame_rules"]["rules"], found["frame_rules"])
    terminal.print_alerts(alerts_in(found))
    terminal.say(found["recommendation"]["reason"])
    terminal.say(set_in_words(pd.DataFrame(found["subsets"])))
    advice = [one.to_json() for one in advice_of_comparison(run, found)]
    terminal.print_advice(advice)
    terminal.say(f"{len(found['subsets'])} ensembles -> {run.path / 'compare.csv'}")
    files = ("compare.json", "compare.csv", "compare.png", *leave_report(run, wanted=wants_report))
    return answer({**found, "advice": advice}, run.path, *files)
