"""Looks at a video, from cheap to dear: so many frames and detectors, and a stack fitted for them.

The dearest look is the run's own: all its frames and detectors, and the stack that it ships. The
cheaper ones have stacks of their own, fitted and judged on the run's out-of-fold scores with as
many frames and detectors as they will have.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from base_models.scoring.fold_models import read_fold_scores
from fakeodds.run.folder import RunFolder
from fakeodds.workflows.probability import stack_probability
from fakeodds.workflows.settings import StackOptions
from fakeodds.workflows.substack import labelled_videos, restack
from predictions.frame_rules import aggregate, rule_table

#: Frames of the looks before the dearest one; their detectors are that share of all, rounded up.
_FIRST = ((4, 0.0), (8, 0.4), (16, 0.6))

#: The row of a table of one video.
_ONE = "video"


@dataclass(frozen=True)
class Look:
    """One way to look at a video.

    Attributes:
        frames: how many, at most.
        detectors: which, the cheapest first.
        stack: fitted for their scores.
        about: what the stack must be told together with (see `stacked.about`).
        probability: of the labelled videos, out of fold (index `video`).
        whole: whether it is the run's own.
    """

    frames: int
    detectors: tuple[str, ...]
    stack: Any
    about: dict[str, Any]
    probability: "pd.Series[float]"
    whole: bool = False

    def answer(self, frames: pd.DataFrame) -> float:
        """The probability of FAKE of one video, from its scores `frame, face, model, logit`.

        It depends on that video alone: a matrix product over several at once may differ in its last
        digit with how many they are.
        """
        frames = frames.assign(video=_ONE)
        if frames.empty:
            table = pd.DataFrame(index=[_ONE])
        else:
            table = rule_table(frames) if self.whole else aggregate(frames)
        return float(stack_probability(self.stack, table, self.about, gaps=True).iloc[0])


def make_looks(
    run: RunFolder,
    detectors: Sequence[str],
    frames: int,
    stack: Any,
    about: dict[str, Any],
    probability: pd.Series | None = None,
) -> list[Look]:
    """The looks of a run, cheapest first.

    Args:
        run: a finished run.
        detectors: those that can be asked, the cheapest first.
        frames: of the dearest look.
        stack, about: of the dearest look; the run's own, or one of fewer detectors.
        probability: of the labelled videos by that stack, out of fold; the run's when None.
    """
    videos = labelled_videos(run)
    if probability is None:
        probability = run.read_oof()["calibrated"]
    scores = read_fold_scores(run.path)
    options = StackOptions(meta="logistic", jobs=1)
    looks = []
    for least, share in _FIRST:
        n = max(1, int(np.ceil(share * len(detectors))))
        if least >= frames and n >= len(detectors):
            break
        looks.append(_fitted(videos, scores, min(least, frames), tuple(detectors[:n]), options))
    distinct = {(look.frames, look.detectors): look for look in looks}
    whole = Look(frames, tuple(detectors), stack, about, probability, whole=True)
    return [*distinct.values(), whole]


def _fitted(
    videos: pd.DataFrame,
    scores: pd.DataFrame,
    frames: int,
    detectors: tuple[str, ...],
    options: StackOptions,
) -> Look:
    scores = scores[scores["model"].isin(detectors)]
    scores = few_frames(scores, frames)
    features = aggregate(scores) if len(scores) else pd.DataFrame()
    features = features.reindex(index=videos.index, columns=list(detectors))
    return Look(frames, detectors, *restack(features, videos, options))


def few_frames(scores: pd.DataFrame, n: int) -> pd.DataFrame:
    """The scores of at most `n` frames of each video, evenly spaced among those that it has."""
    seen = scores[["video", "frame"]].drop_duplicates().sort_values(["video", "frame"])
    rank = seen.groupby("video", observed=True).cumcount().to_numpy()
    count = seen.groupby("video", observed=True)["frame"].transform("size").to_numpy()
    # The frame nearest to each of n places from the first frame to the last one.
    step = np.maximum(count - 1, 1) / max(n - 1, 1)
    nearest = np.round(np.round(rank / step) * step)
    kept = seen[(count <= n) | (nearest == rank) & (n > 1) | (n == 1) & (rank == count // 2)]
    return scores.merge(kept, on=["video", "frame"])
