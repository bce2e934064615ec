"""What a command does last: every ensemble size where that is quick, and the report."""

from pathlib import Path

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.compare import is_quickly_compared, judge_sizes
from fakeodds.workflows.scored import Scored
from fakeodds.workflows.settings import StackOptions


def compare_for_report(
    scored: Scored, run: RunFolder, options: StackOptions, costs: pd.DataFrame | None = None
) -> None:
    """Judge every ensemble of the detectors, where that is so little work that nobody need ask.

    `costs`: as of `stacking.ensembles.costs.read_costs`.
    """
    if is_quickly_compared(scored):
        judge_sizes(
            scored,
            run,
            costs=costs,
            frame_rule=options.frame_rule,
            folds=options.folds,
            seed=options.seed,
            jobs=options.jobs,
        )


def show_report(run: RunFolder) -> Path:
    """Write the report of a run, say where it lies, and return that."""
    from fakeodds.report import write_report

    with terminal.progress_bars() as progress:
        page = write_report(run, progress)
    terminal.say(f"report -> {page}")
    return page


def tell_outdated(run: RunFolder) -> None:
    """Say how a report that is there, from before what was just written, comes to tell of it."""
    if run.has("report") and run.key("report") != run.shown_key:
        terminal.note_outdated(run.path)
