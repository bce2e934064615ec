"""How `fakeodds predict --deadline` ends, and what is said of it: in time, broken off, late."""

import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from fakeodds.cli.json_output import answer, show
from fakeodds.deadline.clock import Clock
from fakeodds.deadline.watchdog import Watchdog
from fakeodds.run.lock import FolderLock
from fakeodds.view import terminal
from predictions.file_names import temporary_ending
from predictions.notes import NoteKind

#: `broken_off` of deadline.json -> what was being done then.
DOING = {
    "opening": "the detectors were being opened",
    "looking": "videos were being looked at",
}

BROKEN_OFF = NoteKind(
    "deadline.broken-off",
    lambda seconds, doing: (
        f"{seconds:.0f} s were over while {DOING[doing]}; what was known by then is written, and "
        "the same command goes on from there."
    ),
)
LATE = NoteKind(
    "deadline.late",
    "it ended {late:.1f} s after the deadline of {seconds:.0f} s, because {why}.",
)
_FIRST = "listing the videos and writing the first answer took longer than that"
_BUSY = "this machine was too busy to end it earlier"


def guarded(run: Path, seconds: float, shared: Mapping[str, Any]) -> tuple[Watchdog | None, float]:
    """Go on in a process that ends in time, where the command has a process to itself.

    Args:
        run: the run folder, which is locked.
        seconds: the deadline.
        shared: what the command and its process tell each other; see `main.run`.

    Returns:
        what watches this process, if anything does, and the moment from which the deadline counts.

    Raises:
        InputError: another command is at work in the folder.
    """
    if not shared.get("own_process"):
        return None, shared["began"]
    clock = Clock.of_this_process(seconds)
    if (run / "run.json").is_file():
        FolderLock(run).take()
    watchdog = Watchdog()
    ending = _Ending(run, clock, watchdog, as_json=shared["json"])
    watchdog.guard(clock.breaks_off, ending.leave)
    return watchdog, clock.began


def tell(report: Mapping[str, Any], run: Path) -> dict[str, Any]:
    """Say what came out, from deadline.json; gives what `--json` prints."""
    terminal.print_looks(report)
    for video, reason in list(report["without_scores"].items())[:5]:
        terminal.note(f"{video}: {reason}")
    if (run / "deadline.png").exists():
        terminal.note(f"log loss against seconds a video: {run / 'deadline.png'}")
    terminal.say(f"{report['videos']} videos -> {run / 'submission.csv'}")
    if (run / "report.html").exists():
        terminal.note_outdated(run)
    return answer(report, run, "deadline.json", "deadline.png", "submission.csv")


class _Ending:
    """Leaves the command when its work has ended or was broken off. Imports nothing heavy."""

    def __init__(self, run: Path, clock: Clock, watchdog: Watchdog, *, as_json: bool) -> None:
        self._run, self._clock, self._watchdog, self._as_json = run, clock, watchdog, as_json

    def leave(self, ended: int | None) -> int:
        """Say what is to be said, and give the exit code; see `watchdog.Leave`."""
        if ended is None or ended < 0:
            self._remove_halves()
        if ended is None:
            return self._broken_off()
        if ended < 0:
            return self._ended_by(-ended)
        if ended == 0:
            self._say_late(self._report())
        return ended

    def _broken_off(self) -> int:
        if not self._watchdog.has_answer:
            return self._fail(
                f"the videos were not listed after {self._clock.spent:.0f} s, so that nothing "
                "could be answered; look whether their folder can be read"
            )
        report = self._report()
        terminal.note(
            str(BROKEN_OFF(seconds=self._clock.seconds, doing=report["broken_off"] or "looking"))
        )
        found = tell(report, self._run)
        if self._as_json:
            show(found, sys.__stdout__)
        self._say_late(report)
        return 0

    def _ended_by(self, number: int) -> int:
        """The work was ended by a signal: one that was meant for the command, or by the system."""
        if number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        why = signal.strsignal(number)
        left = "submission.csv is whole, with what was known; " if self._watchdog.has_answer else ""
        self._fail(
            f"the work was ended from outside or by an error in C code ({why}); {left}the same "
            "command goes on from there"
        )
        return 128 + number

    def _fail(self, problem: str) -> int:
        if self._as_json:
            show({"error": {"problem": problem}}, sys.__stdout__)
        click.echo(f"fakeodds: {problem}.", err=True)
        return 1

    def _report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._run / "deadline.json").read_text("utf-8"))
        return found

    def _say_late(self, report: dict[str, Any]) -> None:
        late = self._clock.late
        if not late:
            return
        # Files that were still being written when time was up know of it themselves.
        first = report["late"] and report["broken_off"] == "opening"
        terminal.note(
            str(LATE(late=late, seconds=self._clock.seconds, why=_FIRST if first else _BUSY))
        )
        if not report["late"]:
            from fakeodds.deadline.results import amend

            amend(self._run, {**report, "late": late})

    def _remove_halves(self) -> None:
        """Remove what an ended process was writing; see `predictions.files.replacing`."""
        half = f".*.{temporary_ending(self._watchdog.child)}"
        places = [self._run, self._run / "products", self._run / "test"]
        for path in [p for place in places for p in place.glob(half)] + [
            *(self._run / "models").rglob(half)
        ]:
            path.unlink(missing_ok=True)
