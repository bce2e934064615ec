"""Which video is looked at next, and how closely, until time is up.

First every video gets the cheapest look; then the time left goes where a closer look is expected to
lower log loss most. Whatever one video does (raise, hang, vanish) becomes its reason.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base_models.compute.threads import available_threads
from base_models.scoring.frame_scores import no_frames
from base_models.scoring.online import VideoScorer
from fakeodds.deadline.allocation import choose_looks, expected_gain
from fakeodds.deadline.kept import Answer, KeptWork, failed
from fakeodds.deadline.looks import Look
from fakeodds.deadline.workers import Workers
from predictions.products import media_identity
from predictions.progress import Progress

#: Seconds between two writes of what is done, at least; and so many times what the last one took.
_KEEP_EVERY, _WORKING = 1.0, 20.0
#: A look is begun only if so many times its usual seconds are left.
_CAUTION = 1.5
#: Seconds after which a look is given up: its video keeps the answer that it has.
_PATIENCE = 600.0
#: Seconds that a frame takes beside the detectors, guessed.
_FRAME = 0.05

Task = tuple[str, int]


class Schedule:
    """Looks at videos until a moment.

    Args:
        root: the folder of the videos.
        kept: what is known of them; it learns every look.
        scorer: the detectors of a run.
        looks: cheapest first.
        labelled: `label` and `group` of the videos that the looks were judged on.
        ends: when work must end, in seconds of `time.monotonic`.
        write: writes what is known, and what the looks are worth (see `judged`).
        seconds_a_crop: of each detector, by one thread.
        patience: seconds after which a look is given up.
    """

    def __init__(
        self,
        root: Path,
        kept: KeptWork,
        scorer: VideoScorer,
        looks: Sequence[Look],
        labelled: pd.DataFrame,
        ends: float,
        write: Callable[[KeptWork, Sequence[Mapping[str, Any]]], object],
        seconds_a_crop: dict[str, float],
        patience: float = _PATIENCE,
    ) -> None:
        self.kept, self.looks = kept, looks
        kept.unseen = looks[-1].answer(no_frames())
        self._root, self._scorer = root, scorer
        self._ends, self._write, self._seconds_a_crop = ends, write, seconds_a_crop
        self._threads = available_threads()
        self._workers: Workers[Task, tuple[Answer, float]] = Workers(
            self._look, self._threads, patience
        )
        self._labelled = labelled.reindex(looks[-1].probability.index)
        self._past = [
            np.asarray(look.probability.reindex(self._labelled.index), dtype=np.float64)
            for look in looks
        ]
        self._log_loss = self._judge()
        self._write_at = 0.0

    @property
    def left(self) -> float:
        """Seconds until work must end."""
        return self._ends - time.monotonic()

    def finish(self, progress: Progress) -> None:
        """Work until all is done or time is up."""
        self._keep()
        unseen = [video for video in self.kept.videos if video not in self.kept.answers]
        self._work([(video, 0) for video in unseen], "first look", progress)
        while self.left > 0 and (planned := self._plan()):
            # A part at a time: what looks cost is known better after each.
            part = planned[: max(4 * self._threads, len(planned) // 20)]
            if not self._work(part, "closer look", progress):
                break

    def usual_seconds(self, look: int) -> float:
        """What a look costs one thread: measured, or guessed; above 0."""
        timed = self.kept.seconds
        known = look if look in timed else min(timed, default=None)
        scale = 1.0 if known is None else timed[known][1] / self._effort(known)
        return max(scale * self._effort(look), 1e-6)

    def judged(self) -> list[dict[str, Any]]:
        """Of each look, what it is worth on the labelled videos, what it cost, who had it."""
        had = [answer.look for answer in self.kept.answers.values()]
        found = []
        for number, look in enumerate(self.looks):
            timed = self.kept.seconds.get(number)
            found.append(
                {
                    "frames": look.frames,
                    "detectors": list(look.detectors),
                    "log_loss": self._log_loss[number],
                    "seconds_a_video": None if timed is None else timed[1],
                    "videos": had.count(number),
                }
            )
        return found

    def _judge(self) -> list[dict[str, Any]]:
        """The log loss of each look on the labelled videos, with its interval."""
        from stacking import report_metrics

        label, groups = self._labelled["label"].astype(int), self._labelled["group"]
        judged = [report_metrics(pd.DataFrame({"p": past}), label, groups) for past in self._past]
        return [metrics["stages"]["p"]["log_loss"] for metrics in judged]

    def _keep(self) -> None:
        began = time.monotonic()
        self._write(self.kept, self.judged())
        now = time.monotonic()
        self._write_at = now + max(_KEEP_EVERY, _WORKING * (now - began))

    def _effort(self, number: int) -> float:
        """Seconds of a look, as guessed before one was taken."""
        look = self.looks[number]
        crops = sum(self._seconds_a_crop[name] for name in look.detectors) * self._threads
        return look.frames * (crops + _FRAME)

    def _look(self, task: Task) -> tuple[Answer, float]:
        """One look at one video, and its seconds."""
        video, number = task
        look, path = self.looks[number], self._root / video
        began = time.perf_counter()
        identity = media_identity(path)
        scored = self._scorer.score(path, look.frames, look.detectors)
        p = math.nan if scored.status == "unreadable" else look.answer(scored.frames)
        reason = "" if scored.status == "ok" else scored.reason
        if media_identity(path) != identity:
            identity = ""  # the file changed meanwhile
        return Answer(number, identity, p, reason), time.perf_counter() - began

    def _plan(self) -> list[Task]:
        """The looks that are worth their time, best first.

        Where none is, and time is left, the last look at all: only of that is a log loss promised.
        """
        from calibration import row_log_loss

        label = self._labelled["label"].to_numpy(np.float64)
        past = self._past
        loss = [row_log_loss(label, p) for p in past]
        costs = np.array([self.usual_seconds(look) for look in range(len(self.looks))])
        videos = [video for video in self.kept.videos if video in self.kept.answers]
        answers = [self.kept.answers[video] for video in videos]
        had = np.array([answer.look for answer in answers])
        now = np.array([answer.probability for answer in answers])
        gain = np.zeros((len(videos), len(self.looks)))
        for look in range(len(self.looks)):
            for before in range(look):
                # A file that gave nothing gives a closer look nothing.
                rows = (had == before) & ~np.isnan(now)
                gain[rows, look] = expected_gain(past[before], loss[before], loss[look], now[rows])
        if not gain.any():
            last = len(self.looks) - 1
            return [(videos[i], last) for i in np.flatnonzero((had < last) & ~np.isnan(now))]
        chosen = choose_looks(gain, costs, max(self.left, 0) * self._threads)
        rows = np.flatnonzero(chosen >= 0)
        worth = gain[rows, chosen[rows]] / costs[chosen[rows]]
        order = rows[np.argsort(-worth, kind="stable")]
        return [(videos[i], int(chosen[i])) for i in order]

    def _work(self, tasks: list[Task], stage: str, progress: Progress) -> bool:
        """Do the tasks there is time for, and keep what came; whether all were done."""
        done = 0
        progress(stage, 0, len(tasks))
        for task, result in self._workers.work(
            tasks, lambda: self.left, lambda task: _CAUTION * self.usual_seconds(task[1])
        ):
            self._learn(*task, result)
            done += 1
            progress(stage, done, len(tasks))
            if time.monotonic() > self._write_at:
                self._keep()
        self._keep()
        return done == len(tasks)

    def _learn(self, video: str, look: int, result: tuple[Answer, float] | BaseException) -> None:
        if isinstance(result, BaseException):
            answer = failed(look, result)
        else:
            answer, seconds = result
            self.kept.time(look, seconds)
        earlier = self.kept.answers.get(video)
        if earlier is not None and math.isnan(answer.probability):
            # The earlier answer stands.
            answer = answer._replace(probability=earlier.probability, identity=earlier.identity)
        self.kept.answers[video] = answer
