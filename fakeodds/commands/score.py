"""`fakeodds score`: a submission against the truth that came later."""

from pathlib import Path

import click

from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import EXISTING, EXISTING_FILE, FOLDER, RUN
from fakeodds.cli.params import settings_options
from fakeodds.view import terminal
from fakeodds.workflows.inputs import ScoreColumns


@click.command(cls=Command)
@answering
@click.argument("submission", type=EXISTING)
@click.argument("truth", type=EXISTING_FILE)
@click.option("--run", type=RUN, help="The run that made it: what it promised stands beside.")
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Column of the truth by whose values the log loss is told; repeatable "
    "[default: dataset and method, where they are there].",
)
@click.option(
    "--worst",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="So many of the worst answers are named.",
)
@click.option("--out", type=FOLDER, help="A folder for all measures and rows as CSV.")
@settings_options(
    ScoreColumns, "id", "label", "group", to="columns", heading="Columns of the truth"
)
def score(
    submission: Path,
    truth: Path,
    run: Path | None,
    by: tuple[str, ...],
    worst: int,
    out: Path | None,
    columns: ScoreColumns,
) -> Answer:
    """Score a SUBMISSION (filename,label) against the TRUTH: what it cost, and where it went wrong.

    SUBMISSION is a file, or the folder of a run, whose submission.csv and promise are taken. TRUTH
    is a table of the same videos with their labels, and perhaps groups: intervals draw these.

    \b
    fakeodds score submission.csv truth.csv --group actor
    fakeodds score runs/mine truth.csv --out judged/
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.view.scored import print_scored
    from fakeodds.workflows.score import (
        SCORED_FILES,
        read_answers,
        read_promise,
        score_answers,
        submission_of,
        write_scored,
    )
    from fakeodds.workflows.score_alerts import alerts_on_judged
    from predictions.notes import note_from_json

    file, own_run = submission_of(submission)
    judged_by = own_run if run is None else RunFolder.existing(run, reads=True)
    if out is not None:
        for name in SCORED_FILES:
            refuse_overwriting(out / name, [file, truth])
    promise = None if judged_by is None else read_promise(judged_by, file)
    judged = read_answers(file, truth, columns, by, judged_by)
    alerts = alerts_on_judged(judged.rows, judged_by)
    found = score_answers(judged.rows, promise, alerts, by=by, most=worst)
    notes = [*judged.notes, *map(note_from_json, found["notes"])]
    for note in notes:
        terminal.note(note)
    terminal.print_alerts(alerts)  # first: they say whether to believe what follows
    print_scored(found, str(file), str(truth))
    terminal.print_alerts([] if promise is None else list(map(note_from_json, promise["alerts"])))
    found |= {"submission": str(file), "truth": str(truth)}
    found["notes"] = [note.to_json() for note in notes]
    if out is None:
        return {**found, "files": {}}
    names = write_scored(found, judged.rows, out)
    terminal.say(f"{', '.join(names)} -> {out}")
    return answer(found, out, *names)
