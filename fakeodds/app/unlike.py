"""Whether a video is unlike those that a run was made from, by its detectors' scores.

A conformal rule (Laxhammar and Falkman 2010; Angelopoulos and Bates 2023): the video's distance to
its nearest labelled videos is compared with the distances that those have to each other, groups
kept apart, all out of fold. A video like them is called unlike in one case of a hundred, or, of
fewer than a hundred videos, in one of as many as there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from predictions.logits import to_logit
from stacking.estimate.stages import single_stage

Floats = NDArray[np.float64]

#: Videos whose mean distance counts, and the fewest that tell anything.
_NEAREST, _LEAST_VIDEOS = 5, 20
#: The share of the labelled videos that may lie further out.
_FURTHER = 0.01
#: Labelled videos that are looked at; more tell no more. Drawn once, always the same.
_MOST = 2000
#: Logits are kept this short: beyond, detectors differ by rounding.
_LONGEST = 20.0


@dataclass(frozen=True)
class Distance:
    """How far a video lies from the labelled ones, by the scores that both have.

    Attributes:
        nearer: share of the labelled videos that lie nearer to the others than this video does.
        videos: how many were compared.
    """

    nearer: float
    videos: int

    @property
    def unlike(self) -> bool:
        """Whether it lies further out than all but one of a hundred of them."""
        return 1 - self.nearer <= _FURTHER


def distance(oof: pd.DataFrame, own: Mapping[str, float]) -> Distance | None:
    """How far a video lies out; None where too few labelled videos have the same scores.

    Args:
        oof: `group` and the out-of-fold probabilities `base/DETECTOR` of the labelled videos.
        own: probabilities of FAKE of the new video, by detector; those that saw nothing left out.
    """
    columns = {name: single_stage(name) for name in own if single_stage(name) in oof}
    if not columns:
        return None
    known = oof[list(columns.values())].notna().all(axis=1)
    rows = oof[known]
    if len(rows) > _MOST:
        rows = rows.sample(_MOST, random_state=0)
    if len(rows) < _LEAST_VIDEOS:
        return None
    scores = _logits(rows[list(columns.values())].to_numpy(np.float64))
    new = _logits(np.array([[own[name] for name in columns]]))
    scale = scores.std(axis=0)
    scale[scale == 0] = 1.0
    scores, new = scores / scale, new / scale
    group = pd.factorize(rows["group"])[0]
    among = _to_nearest(scores, scores, group[:, None] == group)
    apart = among[np.isfinite(among)]
    if len(apart) < _LEAST_VIDEOS:
        return None
    own_distance = _to_nearest(new, scores, np.zeros((1, len(scores)), dtype=bool))[0]
    return Distance(float(np.mean(apart < own_distance)), len(apart))


def _logits(probability: Floats) -> Floats:
    return np.clip(to_logit(probability), -_LONGEST, _LONGEST)


def _to_nearest(points: Floats, others: Floats, own: NDArray[np.bool_]) -> Floats:
    """Mean distance (n,) of points (n, k) to the nearest of others (m, k), those of `own` (n, m)
    left out; infinite where too few remain."""
    squares = (points**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * points @ others.T
    apart = np.where(own, np.inf, np.sqrt(np.maximum(squares, 0.0)))
    nearest = np.partition(apart, min(_NEAREST, apart.shape[1]) - 1, axis=1)[:, :_NEAREST]
    return np.asarray(nearest.mean(axis=1))
