"""What a command does last: every ensemble size where that is quick, and the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.compare import is_quickly_compared, judge_sizes
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.notes import NoteKind

REPORT_REMOVED = NoteKind(
    "report.removed",
    "report.html showed what is no more, and is removed: fakeodds report {run} writes it anew.",
)


def compare_for_report(
    scored: ScoredVideos, run: RunFolder, options: StackOptions, costs: pd.DataFrame | None = None
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
    """The report of a run, written unless it shows all that there is; say where it lies."""
    if run.has("report") and run.key("report") == run.shown_key:
        page = run.path / "report.html"
        terminal.say(f"report -> {page}, as it was: nothing has changed")
        return page
    return draw_report(run)


def draw_report(run: RunFolder, title: str = "", *, pdf: bool = False) -> Path:
    """Write the report of a run, say where it lies, and return that."""
    from fakeodds.report import write_report

    with terminal.progress_bars() as progress:
        page = write_report(run, progress, title=title, pdf=pdf)
    terminal.say(f"report -> {page}")
    return page


def compare_runs(
    paths: Sequence[Path], page: Path, title: str, *, pdf: bool = False
) -> dict[str, Any]:
    """Write several runs side by side as one page, and say what it says first; JSON values.

    Raises:
        InputError: the page would be a run's own file, or no page; as `write_comparison`.
    """
    from fakeodds.report.several import write_comparison
    from fakeodds.run.overwriting import refuse_overwriting
    from fakeodds.view.scored import print_runs

    if page.suffix != ".html":
        raise InputError("is no name of a page", file=page, expected="a name that ends in .html")
    refuse_overwriting(page, ())
    refuse_overwriting(page.with_suffix(""), ())
    with terminal.progress_bars() as progress:
        found = write_comparison(paths, page, progress, title=title, pdf=pdf)
    print_runs(found)
    terminal.say(f"{len(paths)} runs -> {page}")
    return {**found, "files": {page.name: str(page), page.stem: str(page.with_suffix(""))}}


def leave_report(run: RunFolder, *, wanted: bool) -> list[str]:
    """The report's file, if it is `wanted` and there is what it tells of; else a note where an
    outdated one is, or was."""
    if wanted and (run.has("stack") or run.has("compare")):
        return [show_report(run).name]
    tell_outdated(run)
    return []


def tell_outdated(run: RunFolder) -> None:
    """Say how a report that is there, from before what was just written, comes to tell of it."""
    if "report" in run.removed:
        terminal.note(REPORT_REMOVED(run=str(run.path)))
    if run.has("report") and run.key("report") != run.shown_key:
        terminal.note_outdated(run.path)
