"""What is known of each video so far, kept so that a killed `predict --deadline` goes on.

What was kept is taken up only where the stack, the models and all else it depends on are the same
(the product `looks` of the run folder), and, video by video, where the file has the same content.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from base_models.compute.threads import available_threads
from fakeodds.deadline.workers import Workers
from fakeodds.run.folder import RunFolder
from predictions.files import replacing
from predictions.products import media_identity


class Answer(NamedTuple):
    """What is known of a video.

    Attributes:
        look: number of the closest look that it has had.
        identity: of the file that was looked at (see `media_identity`); "" where what came of it is
            not to be kept.
        probability: of FAKE; NaN where nothing was to be had of it.
        reason: why it has no scores, or no closer ones; "" where it has.
    """

    look: int
    identity: str
    probability: float
    reason: str


class KeptWork:
    """The answers for some videos, in memory and in `test/looks.parquet`.

    Args:
        run: the run folder.
        videos: ids, in the order of the submission.
        unseen: the probability of a video of which nothing is known.
        inputs: all that answers depend on beside the videos.

    Attributes:
        answers: by video, of those that were looked at.
        order: the detectors, the cheapest first; empty until they were timed.
        seconds: of looks that were timed, their number -> how many times, and the mean seconds of
            one thread.
    """

    def __init__(self, run: RunFolder, videos: Sequence[str], unseen: float, **inputs: Any) -> None:
        self.videos, self.unseen = list(videos), unseen
        self.answers: dict[str, Answer] = {}
        self.order: list[str] = []
        self.seconds: dict[int, tuple[int, float]] = {}
        self._run, self._key = run, run.begin("looks", **inputs)
        self._claims = self._read()

    def take_up(self, root: Path, left: Callable[[], float]) -> None:
        """Take up what was kept of files below `root` that are the same still, while `left()` > 0.

        What there was no time for stays kept.
        """
        if not self._claims:
            return
        workers: Workers[str, str] = Workers(
            lambda video: media_identity(root / video), available_threads()
        )
        for video, identity in workers.work(list(self._claims), left):
            kept = self._claims.pop(video)
            if kept.identity == identity:
                self.answers[video] = kept

    def time(self, look: int, seconds: float) -> None:
        """Learn what one look cost."""
        times, mean = self.seconds.get(look, (0, 0.0))
        self.seconds[look] = (times + 1, mean + (seconds - mean) / (times + 1))

    def probability(self) -> "pd.Series[float]":
        """Of FAKE, of every video (index `video`)."""
        known = {video: answer.probability for video, answer in self.answers.items()}
        return pd.Series(known, index=self.videos, dtype="float64").fillna(self.unseen)

    def save(self) -> None:
        """Write all that is to be kept, in one step."""
        rows = {v: answer for v, answer in (self._claims | self.answers).items() if answer.identity}
        index = pd.Index(list(rows), name="video", dtype=object)
        table = pd.DataFrame(list(rows.values()), index=index, columns=list(Answer._fields))
        table.attrs = {"order": self.order, "seconds": {str(k): v for k, v in self.seconds.items()}}
        with replacing(self._run.looks) as temporary:
            table.to_parquet(temporary, write_page_checksum=True)
        self._run.seal("looks", self._key)

    def _read(self) -> dict[str, Answer]:
        """What was kept of videos of these names; nothing where it is not there, or damaged."""
        try:
            table = pd.read_parquet(self._run.looks, page_checksum_verification=True)
            timed = {int(k): (int(n), float(s)) for k, (n, s) in table.attrs["seconds"].items()}
            order = [str(name) for name in table.attrs["order"]]
            rows = table.loc[table.index.isin(self.videos), list(Answer._fields)]
            kept = {
                str(video): Answer(int(look), str(identity), float(probability), str(reason))
                for video, look, identity, probability, reason in rows.itertuples(name=None)
            }
        except (OSError, ValueError, KeyError, TypeError, NotImplementedError):
            return {}
        self.order, self.seconds = order, timed
        return kept


def failed(look: int, error: BaseException) -> Answer:
    """The answer for a video whose look raised `error`."""
    said = f"{type(error).__name__}: {error}".removesuffix(".").removesuffix(": ")
    return Answer(look, "", math.nan, f"It could not be looked at ({said}).")
