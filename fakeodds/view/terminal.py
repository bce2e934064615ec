"""What a person sees in the terminal: lines, tables, progress."""

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from fakeodds.view.format import (
    better_or_worse,
    last_step,
    narrow_interval,
    number,
    shorten,
    stage_name,
)
from fakeodds.view.under_way import UnderWay
from predictions.notes import Note
from predictions.progress import Progress as Report
from predictions.progress import silent
from stacking.estimate.stages import SHIPPED

#: Characters of a name in the tables of stages and of slices, and before a bar.
_STAGE_WIDTH, _STAGE_WIDTH_OF_SEVERAL, _SLICE_WIDTH, _BAR_NAME = 22, 18, 15, 28
#: Work of so many seconds leaves a line.
_WORTH_TELLING = 1.0
#: Seconds between two looks at what is under way.
_LOOKING = 1.0


class _Console(Console):
    """A console that a reader may leave (`| head -1`): the work goes on, unsaid."""

    def __init__(self, *, stderr: bool = False) -> None:
        stream = sys.stderr if stderr else sys.stdout  # None in processes without any
        wraps = stream is not None and stream.isatty()
        super().__init__(stderr=stderr, highlight=False, soft_wrap=not wraps)

    def on_broken_pipe(self) -> None:
        """Print to nowhere from now on."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


#: Results go to standard output, everything about the work itself to standard error.
out = _Console()
log = _Console(stderr=True)


def say(sentence: str) -> None:
    """Say what came out, on standard output; brackets in names stay."""
    out.print(sentence, markup=False)


def note(about: Note | str) -> None:
    """Say a decision or an observation that the user should know of."""
    log.print(f"[dim]-[/dim] {escape(str(about))}")


def note_outdated(run: Path) -> None:
    """Say how the report of a run comes to tell of what was just written."""
    note(f"report.html is from before this: fakeodds report {run} writes it anew")


def heading(text: str) -> None:
    """Say which stage begins."""
    log.print(f"[bold]{escape(text)}[/bold]")


@contextmanager
def quietly(quiet: bool = True) -> Iterator[None]:
    """Leave out notes, headings and progress, or say them; results and errors stay."""
    before, log.quiet = log.quiet, quiet
    try:
        yield
    finally:
        log.quiet = before


@contextmanager
def no_results() -> Iterator[None]:
    """Print no tables and sentences of results, as another form of them is asked for."""
    before, out.quiet = out.quiet, True
    try:
        yield
    finally:
        out.quiet = before


def _draws() -> bool:
    """Whether bars can be drawn; colours that are forced on a file (FORCE_COLOR) don't draw any."""
    return sys.stderr.isatty() and not log.is_dumb_terminal


@contextmanager
def progress_bars(*, tell: bool = True) -> Iterator[Report]:
    """Yield a `progress(stage, done, total)` that draws a bar a stage, with rate and time left.

    Each stage leaves one line when it is finished, unless nobody need be told. Where standard error
    is no terminal, what takes long says how far it is now and then instead of drawing.
    """
    if log.quiet:
        yield silent
        return
    finished = _finished_lines() if tell else silent
    if not _draws():
        with told_in_a_log() as under_way:

            def both(stage: str, done: int, total: int) -> None:
                under_way(stage, done, total)
                finished(stage, done, total)

            yield both
        return
    # At most 80 columns, with counts of six digits.
    columns = (
        TextColumn(f"{{task.description:<{_BAR_NAME}}}", markup=False),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        _RateColumn(),
        _TimeColumn(),
    )
    with Progress(*columns, console=log, transient=True) as bars:
        tasks: dict[str, TaskID] = {}
        paces: dict[str, _Pace] = {}

        def report(stage: str, done: int, total: int) -> None:
            finished(stage, done, total)
            if done < total and stage not in tasks:
                pace = paces[stage] = _Pace(done)
                name = shorten(stage, _BAR_NAME)
                tasks[stage] = bars.add_task(name, total=total, completed=done, pace=pace)
            elif done < total:
                paces[stage].tell(done)
                bars.update(tasks[stage], completed=done, total=total)
            elif stage in tasks:
                # Dozens of finished bars would push the one at work off the screen.
                bars.remove_task(tasks.pop(stage))

        yield report


@contextmanager
def working(what: str, *, tell: bool = True) -> Iterator[None]:
    """Show that something in one piece is being done, and for how long.

    It leaves one line when it took over a second, unless nobody need be told.
    """
    began = time.monotonic()
    if log.quiet:
        yield
    elif not _draws():
        with told_in_a_log() as under_way:
            under_way(what, 0, 1)
            yield
    else:
        columns = (SpinnerColumn("line"), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=log, transient=True) as spinner:
            spinner.add_task(escape(what), total=None)
            yield
    seconds = time.monotonic() - began
    if tell and seconds >= _WORTH_TELLING:
        log.print(f"  {escape(what)}: {seconds:.1f} s")


@contextmanager
def told_in_a_log() -> Iterator[Report]:
    """Yield a `progress(stage, done, total)` of which a line is told now and then."""
    under_way = UnderWay()
    over = threading.Event()

    def tell() -> None:
        while not over.wait(_LOOKING):
            for line in under_way.due():
                log.print(f"  {escape(line)}")

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield under_way.report
    finally:
        over.set()


class _Pace:
    """How fast a stage goes since it began; rich's own measure is wild where pieces are few."""

    def __init__(self, done: int) -> None:
        self.had = self.done = done
        self.began = self.told = time.monotonic()

    def tell(self, done: int) -> None:
        """So many pieces are done now."""
        self.done, self.told = done, time.monotonic()

    @property
    def per_second(self) -> float | None:
        """Pieces a second; None before the first."""
        seconds = self.told - self.began
        return (self.done - self.had) / seconds if self.done > self.had and seconds else None

    def time(self, total: float) -> str:
        """Time left, or since the beginning where that is not known yet."""
        now, rate = time.monotonic(), self.per_second
        if rate is None:
            return f"{_clock(now - self.began)} so far"
        return f"{_clock((total - self.done) / rate - (now - self.told))} left"


class _RateColumn(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        rate = task.fields["pace"].per_second
        return Text("" if rate is None else _rate(rate))


class _TimeColumn(ProgressColumn):
    """How long it will take."""

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        return Text(task.fields["pace"].time(task.total or 0), style="progress.remaining")


def _clock(seconds: float) -> str:
    """1:02:03."""
    return str(timedelta(seconds=round(max(0.0, seconds))))


def _rate(per_second: float) -> str:
    """A rate in the unit that keeps its digits few."""
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{60 * per_second:.1f}/min"


def _finished_lines() -> Report:
    """Say of each stage that took over a second, once, what was done in how long."""
    started: dict[str, tuple[float, int]] = {}
    told: set[str] = set()

    def report(stage: str, done: int, total: int) -> None:
        began, had = started.setdefault(stage, (time.monotonic(), done))
        if done >= total and stage not in told:
            told.add(stage)
            seconds = time.monotonic() - began
            # What was there already took no time.
            if seconds >= _WORTH_TELLING and total > had:
                rate = _rate((total - had) / seconds)
                log.print(f"  {escape(stage)}: {total} in {seconds:.1f} s, {rate}")

    return report


def print_stages(metrics: Mapping[str, Any]) -> None:
    """The table of log losses: a row a stage, 95 % intervals over groups, 80 columns at most.

    With several detectors, `metrics["leaderboard"]` tells what each costs through a calibrator of
    its own, and how much better or worse that is than what is shipped. `metrics["shipped"]` tells
    what the last step does.
    """
    alone = {
        row["name"]: row
        for row in metrics.get("leaderboard", [])
        if row["kind"] == "calibrated detector"
    }
    several = len(alone) > 1
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    width = _STAGE_WIDTH_OF_SEVERAL if several else _STAGE_WIDTH
    table.add_column("stage", no_wrap=True, max_width=width)
    measures = {"AUC": "auc"} if several else _MEASURES
    for name in ("log loss", "95 % interval", *_ALONE * several, *measures):
        table.add_column(name, justify="right", no_wrap=True, min_width=max(len(name), 5))
    for stage, found in metrics["stages"].items():
        loss = found["log_loss"]
        table.add_row(
            escape(shorten(_short_title(stage, metrics), width)),
            number(loss["value"]),
            f"{number(loss['low'])}-{number(loss['high'])}",
            *_calibrated_alone(alone.get(stage_name(stage))) * several,
            *(number(found[name]["value"], 3) for name in measures.values()),
            style="bold" if stage == SHIPPED else None,
        )
    out.print(table)
    if several:
        say("alone: through a calibrator of its own; against submitted: ± a standard error.")


def _short_title(stage: str, metrics: Mapping[str, Any]) -> str:
    """A stage in a column of a terminal: a detector's name, or what the last step does."""
    if stage != SHIPPED:
        return stage_name(stage)
    calibrates, clips = last_step(metrics.get("shipped")) or (True, True)
    return stage if calibrates else "clipped" if clips else "submitted"


#: Measures beside the log loss: how they are called -> their name in metrics.json.
_MEASURES = {"Brier": "brier", "AUC": "auc", "accuracy": "accuracy", "ECE": "ece_plain"}

#: Columns of a detector through a calibrator of its own.
_ALONE = ("alone", "against submitted")


def _calibrated_alone(row: Mapping[str, Any] | None) -> tuple[str, str]:
    if row is None:
        return "", ""
    against = better_or_worse(row["to_shipped"], row["to_shipped_error"], "±")
    return number(row["log_loss"]), against


def print_advice(advice: Sequence[Mapping[str, str]]) -> None:
    """What to do next, and the commands that do it."""
    if advice:
        out.print("[bold]Do this[/bold]")
    for one in advice:
        out.print(f"- {escape(one['text'])}")
        if one["command"]:
            out.print(f"    [cyan]{escape(one['command'])}[/cyan]", soft_wrap=True)


def print_alerts(alerts: Sequence[Note]) -> None:
    """What to beware of before the numbers are believed."""
    for alert in alerts:
        log.print(f"[bold red]![/bold red] {escape(str(alert))}")


def print_looks(report: Mapping[str, Any]) -> None:
    """What each look at a video was expected to be worth, what it cost, how many had it."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("frames", "detectors", "log loss", "95 % interval", "s/video", "videos"):
        table.add_column(name, justify="right", no_wrap=True)
    for look in report["looks"]:
        loss, seconds = look["log_loss"], look["seconds_a_video"]
        table.add_row(
            str(look["frames"]),
            str(len(look["detectors"])),
            number(loss["value"]),
            f"{number(loss['low'])}-{number(loss['high'])}",
            "-" if seconds is None else f"{seconds / report['threads']:.2f}",
            str(look["videos"]),
        )
    if report["not_looked_at"]:
        table.add_row("0", "0", "-", "-", "-", str(report["not_looked_at"]))
    out.print(table)


def print_slices(metrics: Mapping[str, Any]) -> None:
    """Log loss and AUC of the last stages on each method and data set; 80 columns at most."""
    for column, slices in metrics.get("slices", {}).items():
        stages = list(next(iter(slices.values()))["stages"])
        shown = [name for name in ("mean", SHIPPED) if name in stages]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(f"by {column}", no_wrap=True, max_width=_SLICE_WIDTH)
        table.add_column("videos", justify="right", no_wrap=True)
        for name in shown:
            table.add_column(_short_title(name, metrics), justify="right", no_wrap=True)
        for name in ("95 % interval", "AUC", "95 % interval"):
            table.add_column(name, justify="right", no_wrap=True)
        for value, found in slices.items():
            loss = found["stages"][shown[-1]]["log_loss"]
            area = found["stages"][shown[-1]]["auc"]
            table.add_row(
                escape(shorten(value, _SLICE_WIDTH)),
                str(found["rows"]),
                *(number(found["stages"][name]["log_loss"]["value"]) for name in shown),
                narrow_interval(loss),
                "-" if area is None else number(area["value"], 3),
                "" if area is None else narrow_interval(area, 3),
            )
        out.print(table)
