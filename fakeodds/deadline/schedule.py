"""`fakeodds predict --deadline`: a complete submission in time, and the time spent where it helps.

At once every video has the stack's answer for "nothing seen". Then each gets the cheapest look, and
the time left goes where a closer look is expected to lower log loss most. What is done is kept
below test/, so that a killed run goes on; submission.csv is complete at every moment.
"""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from base_models.compute.threads import available_threads
from base_models.scoring.frame_scores import no_frames
from base_models.scoring.online import ScoredVideo, VideoScorer
from fakeodds.deadline.looks import Look
from fakeodds.deadline.workers import Crew
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.submission import answer_with_gaps
from predictions.files import write_json, write_table
from predictions.progress import Progress

#: Seconds between two writes of what is done.
_KEEP_EVERY = 20.0
#: A look is begun only if so many times its usual seconds are left.
_CAUTION = 1.5

Task = tuple[str, int]


@dataclass
class _State:
    """What is known of each video: the look it has had (-1 none), its probability, and why not."""

    look: pd.Series
    probability: pd.Series
    reason: pd.Series  # empty but for videos that cannot be read or show no face
    seconds: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    waiting: dict[int, list[tuple[str, ScoredVideo]]] = field(
        default_factory=lambda: defaultdict(list)
    )


class DeadlineRun:
    """Predicts videos until a moment.

    Args:
        root: the videos' folder.
        videos: ids, paths below `root`.
        run: a finished run.
        scorer: its detectors.
        looks: cheapest first.
        ends: when work must end, in seconds of `clock` (see `in_time.work_ends`).
        write: writes the submission from probabilities by video.
        seconds_a_crop: of each detector, by one thread.
        kept_as: names the work; what another work kept is not taken up.
    """

    def __init__(
        self,
        root: Path,
        videos: list[str],
        run: RunFolder,
        scorer: VideoScorer,
        looks: list[Look],
        *,
        began: float,
        ends: float,
        write: Callable[[pd.Series], None],
        seconds_a_crop: dict[str, float],
        kept_as: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root, self.videos, self.run = root, videos, run
        self.scorer, self.looks = scorer, looks
        self.began, self.clock = began, clock
        self.ends = ends
        self.write, self.seconds_a_crop, self.kept_as = write, seconds_a_crop, kept_as
        self.threads = available_threads()
        labelled = pd.read_parquet(run.videos).set_index("video")
        self._labelled = labelled.reindex(looks[-1].probability.index)
        self._past = [
            np.asarray(look.probability.reindex(self._labelled.index), dtype=np.float64)
            for look in looks
        ]
        self.state = self._begin()
        self._kept_at = clock()

    def finish(self, progress: Progress) -> dict[str, Any]:
        """Work until all is done or time is up; the report, which is deadline.json too."""
        crew: Crew[Task, ScoredVideo] = Crew(self._score, self.threads)
        first = [(video, 0) for video in self.videos if self.state.look[video] < 0]
        self._work(crew, first, "first look", progress)
        while self.left > 0:
            planned = self._plan()
            if not planned:
                break
            # A part at a time: what looks cost is known better after each.
            part = planned[: max(4 * self.threads, len(planned) // 20)]
            if not self._work(crew, part, "closer look", progress):
                break
        self._keep(write=True)
        return self._report()

    @property
    def left(self) -> float:
        """Seconds until work must end."""
        return self.ends - self.clock()

    def usual_seconds(self, look: int) -> float:
        """What a look costs one thread: measured, or guessed from the first look."""
        known = self.state.seconds[look]
        if known:
            return float(np.mean(known))
        measured = self.state.seconds[0]
        if not measured:
            return 0.0
        first, asked = self.looks[0], self.looks[look]

        def work(of: Look) -> float:
            crops = sum(self.seconds_a_crop[name] for name in of.detectors) * self.threads
            return of.frames * (crops + 0.05)

        return float(np.mean(measured)) * work(asked) / work(first)

    def _begin(self) -> _State:
        nothing = self.looks[-1].features(_no_frames(), self.videos)
        unseen = self._answers(len(self.looks) - 1, nothing)
        state = _State(pd.Series(-1, index=unseen.index), unseen, pd.Series("", index=unseen.index))
        path = self.run.looks
        if path.exists():
            kept = pd.read_csv(path, dtype={"video": str, "reason": str}).set_index("video")
            if list(kept["work"].unique()) == [self.kept_as] and set(kept.index) <= set(
                unseen.index
            ):
                state.look.update(kept["look"])
                state.probability.update(kept["probability"])
                state.reason.update(kept["reason"])
                terminal.note(f"{len(kept)} videos were looked at before; they are taken up.")
        self.write(state.probability)
        return state

    def _score(self, task: Task) -> ScoredVideo:
        video, look = task
        asked = self.looks[look]
        return self.scorer.score(self.root / video, asked.frames, asked.detectors)

    def _plan(self) -> list[Task]:
        """The looks that are worth their time, best first."""
        from calibration import row_log_loss
        from fakeodds.deadline.allocation import choose_looks, expected_gain

        label = self._labelled["label"].to_numpy(np.float64)
        past = self._past
        loss = [row_log_loss(label, p) for p in past]
        costs = np.array([self.usual_seconds(look) for look in range(len(self.looks))])
        gain = np.zeros((len(self.videos), len(self.looks)))
        had, now = self.state.look.to_numpy(), self.state.probability.to_numpy()
        for look in range(len(self.looks)):
            for before in range(look):
                rows = had == before
                gain[rows, look] = expected_gain(past[before], loss[before], loss[look], now[rows])
        chosen = choose_looks(gain, costs, max(self.left, 0) * self.threads)
        rows = np.flatnonzero(chosen >= 0)
        worth = gain[rows, chosen[rows]] / costs[chosen[rows]]
        order = rows[np.argsort(-worth, kind="stable")]
        return [(self.videos[i], int(chosen[i])) for i in order]

    def _work(
        self, crew: Crew[Task, ScoredVideo], tasks: list[Task], stage: str, progress: Progress
    ) -> bool:
        """Do the tasks that there is time for; whether all of them were done."""
        todo, done = list(reversed(tasks)), 0
        progress(stage, 0, len(tasks))
        while todo or crew.busy:
            while todo and crew.idle:
                if self.left < _CAUTION * self.usual_seconds(todo[-1][1]):
                    todo.clear()
                    break
                crew.give(todo.pop())
            if not crew.busy:
                break
            came = crew.take(self.left)
            if came is None:
                return False
            (video, look), scored = came
            self.state.waiting[look].append((video, scored))
            self.state.seconds[look].append(sum(scored.seconds.values()))
            done += 1
            progress(stage, done, len(tasks))
            if self.clock() - self._kept_at > _KEEP_EVERY:
                self._keep(write=True)
        self._keep(write=False)
        return done == len(tasks)

    def _keep(self, *, write: bool) -> None:
        """Turn frame scores into probabilities and keep them."""
        for look, scored in self.state.waiting.items():
            names = [video for video, _ in scored]
            frames = pd.concat([_no_frames(), *(s.frames.assign(video=v) for v, s in scored)])
            found = self._answers(look, self.looks[look].features(frames, names))
            self.state.probability.update(found)
            self.state.look[names] = look
            self.state.reason[names] = [s.reason if s.status != "ok" else "" for _, s in scored]
        self.state.waiting.clear()
        known = self.state.look >= 0
        table = pd.DataFrame(
            {
                "look": self.state.look[known],
                "probability": self.state.probability[known],
                "reason": self.state.reason[known],
            }
        )
        write_table(table.assign(work=self.kept_as).rename_axis("video"), self.run.looks)
        if write:
            self.write(self.state.probability)
        self._kept_at = self.clock()

    def _answers(self, look: int, features: pd.DataFrame) -> pd.Series:
        asked = self.looks[look]
        return answer_with_gaps(asked.stack, features, asked.about, None)

    def _report(self) -> dict[str, Any]:
        from stacking import report_metrics

        label, groups = self._labelled["label"].astype(int), self._labelled["group"]
        counts = self.state.look.value_counts()
        looks = []
        for number, look in enumerate(self.looks):
            judged = report_metrics(pd.DataFrame({"p": self._past[number]}), label, groups)
            seconds = self.state.seconds[number]
            looks.append(
                {
                    "frames": look.frames,
                    "detectors": list(look.detectors),
                    "log_loss": judged["stages"]["p"]["log_loss"],
                    "seconds_a_video": float(np.mean(seconds)) if seconds else None,
                    "videos": int(counts.get(number, 0)),
                }
            )
        report = {
            "videos": len(self.videos),
            "not_looked_at": int(counts.get(-1, 0)),
            "seconds": self.clock() - self.began,
            "threads": self.threads,
            "looks": looks,
            "without_scores": {v: reason for v, reason in self.state.reason.items() if reason},
        }
        write_json(report, self.run.deadline)
        return report


def _no_frames() -> pd.DataFrame:
    return no_frames().assign(video=pd.Series(dtype=str))
