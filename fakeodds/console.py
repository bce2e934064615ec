"""What a person sees in the terminal: lines, tables, progress."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from predictions.progress import Progress as Report

#: Results go to standard output, everything about the work itself to standard error.
out = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
log = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def note(sentence: str) -> None:
    """Say a decision or an observation that the user should know of."""
    log.print(f"[dim]-[/dim] {_plain(sentence)}")


def heading(text: str) -> None:
    """Say which stage begins."""
    log.print(f"[bold]{_plain(text)}[/bold]")


def _plain(text: str) -> str:
    """Square brackets are rich's markup; in our sentences they are brackets."""
    return text.replace("[", "\\[")


@contextmanager
def progress_bars() -> Iterator[Report]:
    """Yield a `progress(stage, done, total)` that draws a bar a stage.

    Where standard error is no terminal, each stage leaves one line when it is finished.
    """
    if not log.is_terminal:
        yield _finished_lines()
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=14),
        MofNCompleteColumn(),
        _RateColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=log) as bars:
        tasks: dict[str, TaskID] = {}
        finished = _finished_lines()

        def report(stage: str, done: int, total: int) -> None:
            finished(stage, done, total)
            if done < total and stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            elif done < total:
                bars.update(tasks[stage], completed=done, total=total)
            elif stage in tasks:
                # Dozens of finished bars would push the one at work off the screen.
                bars.remove_task(tasks.pop(stage))

        yield report


class _RateColumn(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        """As rich asks for it."""
        return Text("" if task.speed is None else _rate(task.speed))


def _rate(per_second: float) -> str:
    """A rate in the unit that keeps its digits few."""
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{60 * per_second:.1f}/min"


def _finished_lines() -> Report:
    started: dict[str, float] = {}
    told: set[str] = set()

    def report(stage: str, done: int, total: int) -> None:
        began = started.setdefault(stage, time.monotonic())
        if done >= total and stage not in told:
            told.add(stage)
            seconds = time.monotonic() - began
            # What was there already took no time.
            rate = f", {_rate(total / seconds)}" if seconds > 0.1 else ""
            log.print(f"  {_plain(stage)}: {total} in {seconds:.1f} s{rate}")

    return report


def print_stages(metrics: Mapping[str, Any]) -> None:
    """The table of log losses: a row a stage, 95 % intervals over groups, 80 columns at most."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("stage", no_wrap=True, max_width=_STAGE_WIDTH)
    for name in ("log loss", "95 % interval", "Brier", "AUC", "accuracy", "ECE"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    for stage, measures in metrics["stages"].items():
        loss = measures["log_loss"]
        table.add_row(
            _shortened(stage),
            _number(loss["value"]),
            f"{_number(loss['low'])}-{_number(loss['high'])}",
            *(_number(measures[name]["value"], 3) for name in ("brier", "auc", "accuracy", "ece")),
            style="bold" if stage == "calibrated" else None,
        )
    out.print(table)


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
            _number(loss["value"]),
            f"{_number(loss['low'])}-{_number(loss['high'])}",
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
        shown = [name for name in ("mean", "calibrated") if name in stages]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column(f"by {column}", no_wrap=True, max_width=_STAGE_WIDTH)
        table.add_column("videos", justify="right", no_wrap=True)
        for name in shown:
            table.add_column(name, justify="right", no_wrap=True)
        for name in ("95 % interval", "AUC", "95 % interval"):
            table.add_column(name, justify="right", no_wrap=True)
        for value, found in slices.items():
            loss = found["stages"][shown[-1]]["log_loss"]
            area = found["stages"][shown[-1]]["auc"]
            table.add_row(
                _plain(_shortened(value)),
                str(found["rows"]),
                *(_number(found["stages"][name]["log_loss"]["value"]) for name in shown),
                f"{_number(loss['low'])}-{_number(loss['high'])}",
                "-" if area is None else _number(area["value"], 3),
                "" if area is None else f"{_number(area['low'], 3)}-{_number(area['high'], 3)}",
            )
        out.print(table)


_STAGE_WIDTH = 22


def _shortened(stage: str) -> str:
    """A long name keeps both of its ends, which tell models apart."""
    half = (_STAGE_WIDTH - 1) // 2
    return stage if len(stage) <= _STAGE_WIDTH else f"{stage[: half + 1]}…{stage[-half:]}"


def _number(value: float | None, digits: int = 4) -> str:
    """A measure; large ones with fewer digits, undefined ones (an AUC of one class) as a dash."""
    if value is None:
        return "-"
    return f"{value:.{digits if abs(value) < 10 else 2}f}"
