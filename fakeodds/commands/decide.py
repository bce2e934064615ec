"""`fakeodds decide`: FAKE, REAL or undecided, for a stated rate of errors or cost."""

from pathlib import Path

import click

from calibration.decisions.aim import Aim
from fakeodds.cli.command import Command
from fakeodds.cli.json_output import Answer, answer, answering
from fakeodds.cli.options import RUN
from fakeodds.cli.params import settings_options
from fakeodds.view import terminal


@click.command(cls=Command)
@answering
@click.argument("run", type=RUN)
@settings_options(Aim, to="aim")
def decide(run: Path, aim: Aim) -> Answer:
    """Decide by a RUN: thresholds for stated error rates or costs, and what they deliver.

    The threshold is chosen on out-of-fold answers; what it delivers is counted on folds that had no
    say in it. Without an option it is the one chosen before, else 0.5. Writes RUN/decide.json, and
    RUN/decisions.csv beside submission.csv, now and whenever that is written anew; `apply` and the
    app decide by it too, until the stack changes.

    \b
    fakeodds decide runs/mine --false-alarms 1%
    fakeodds decide runs/mine --false-alarms 1% --misses 5%
    fakeodds decide runs/mine --errors 2% --confidence 95%
    fakeodds decide runs/mine --cost-miss 10 --cost-undecided .5
    """
    from fakeodds.run.folder import RunFolder
    from fakeodds.view.decided import print_altered, print_decided
    from fakeodds.workflows.decide import (
        OF_NEW_KINDS,
        alerts_on,
        altered_rates,
        decide_answers,
        held_aim,
    )
    from fakeodds.workflows.decide import decide as choose
    from fakeodds.workflows.report import tell_outdated

    folder = RunFolder.existing(run)
    folder.require("stack")
    if aim == Aim():
        aim = held_aim(folder) or aim
    found = choose(folder, aim)
    alerts = alerts_on(folder, found)
    terminal.print_alerts(alerts)
    print_decided(found)
    altered = altered_rates(folder)
    print_altered(altered)
    calls = decide_answers(folder)
    terminal.note(OF_NEW_KINDS())
    tell_outdated(folder)
    counts = {} if calls is None else calls["decision"].value_counts().sort_index().to_dict()
    found |= {"calls": {str(call): int(n) for call, n in counts.items()}}
    found |= {"altered": altered}
    found |= {"alerts": [alert.to_json() for alert in alerts]}
    return answer(found, folder.path, "decide.json", "decisions.csv")
