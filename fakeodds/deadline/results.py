"""What a prediction by a deadline leaves at every moment: submission.csv and deadline.json."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from base_models.compute.threads import available_threads
from fakeodds.deadline.clock import Clock
from fakeodds.deadline.watchdog import Watchdog
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.decide import decide_answers
from fakeodds.workflows.probability import moved_to, share_said
from predictions.files import write_json
from predictions.products import key_of
from predictions.submission import make_submission, write_submission

if TYPE_CHECKING:
    from fakeodds.deadline.kept import KeptWork
    from fakeodds.workflows.settings import Prior
    from predictions.submission import Sample


class Results:
    """Writes what is known, again and again, so that the work may be broken off at any moment.

    Args:
        run: the run folder.
        about: what the stack must be told together with.
        prior: the share of fakes among the videos; see `share_said`.
        wanted: the sample submission; None without one.
        told: what run.json tells of submission.csv, see `RunFolder.answered`.
        clock: the deadline.
        watchdog: breaks the work off between two writes.

    Attributes:
        doing: what is broken off where nothing more is written (see `ending.DOING`); "" when done.
        took: seconds that the last write took.
    """

    def __init__(
        self,
        run: RunFolder,
        about: Mapping[str, Any],
        prior: "Prior",
        wanted: "Sample | None",
        told: Mapping[str, Any],
        clock: Clock,
        watchdog: Watchdog,
    ) -> None:
        self.doing, self.took = "opening", 0.0
        self._run, self._about, self._prior = run, dict(about), prior
        self._wanted, self._told = wanted, dict(told)
        self._clock, self._watchdog = clock, watchdog

    def first(self, videos: Sequence[str], unseen: float) -> None:
        """Write the answer for "nothing seen".

        What was predicted before, of other videos perhaps, goes with all that tells of it.
        """
        probability = pd.Series(unseen, index=list(videos))
        self._submission(probability)  # refused before anything goes
        with self._watchdog.writing():
            self._run.clear("submission")
            self._write(probability, self._report(len(videos)))

    def write(self, kept: "KeptWork", looks: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """Write what is known of each video, and of the looks; gives deadline.json."""
        began = time.monotonic()
        reasons = {
            video: kept.answers[video].reason
            for video in kept.videos
            if video in kept.answers and kept.answers[video].reason
        }
        with self._watchdog.writing():
            kept.save()
            report = self._report(len(kept.videos), len(kept.answers), looks, reasons)
            self._write(kept.probability(), report)
        self.took = time.monotonic() - began
        return report

    def draw(self, report: Mapping[str, Any]) -> None:
        """Draw the figure of deadline.json."""
        from fakeodds.deadline.plot import draw_cost

        if draw_cost(report, self._run.deadline_plot):
            with self._watchdog.writing():
                _seal(self._run, report)

    def _write(self, probability: pd.Series, report: dict[str, Any]) -> None:
        submission, share = self._submission(probability)
        write_submission(submission, self._run.submission)
        self._run.answered(share, **self._told)
        decide_answers(self._run, tell=not self.doing)
        write_json(report, self._run.deadline)
        _seal(self._run, report)

    def _submission(self, probability: pd.Series) -> tuple[pd.DataFrame, float | None]:
        """The submission, and the share of fakes that its answers were moved to."""
        # The share of fakes is told once, of all there is in the end.
        tell = _tell_nobody if self.doing else terminal.note
        share = share_said(self._prior, probability, self._about, tell=tell)
        moved = moved_to(share, probability, self._about)
        return make_submission(moved, self._wanted), share

    def _report(
        self,
        videos: int,
        looked_at: int = 0,
        looks: Sequence[Mapping[str, Any]] = (),
        reasons: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        return {
            "videos": videos,
            "not_looked_at": videos - looked_at,
            "deadline": self._clock.seconds,
            "seconds": self._clock.spent,
            "late": self._clock.late,
            "broken_off": self.doing,
            "threads": available_threads(),
            "looks": list(looks),
            "without_scores": dict(reasons or {}),
        }


def amend(path: Path, report: Mapping[str, Any]) -> None:
    """Write the deadline.json of a run folder again, as something was learned since."""
    run = RunFolder.existing(path)
    write_json(report, run.deadline)
    _seal(run, report)


def _seal(run: RunFolder, report: Mapping[str, Any]) -> None:
    run.seal("deadline", key_of(report=report))


def _tell_nobody(sentence: str) -> None:
    """Of an answer that is not the last one."""
