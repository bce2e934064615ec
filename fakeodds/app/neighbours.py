"""How often labelled videos with about the same answer were FAKE: what an answer is worth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from predictions.errors import InputError
from stacking.estimate.stages import single_stage

#: Probabilities this near count as the same answer; the first that holds enough videos is taken.
_NEAR = (0.025, 0.05, 0.1)
#: Enough to be content with a width.
_PLENTY_VIDEOS, _PLENTY_GROUPS = 100, 40
#: The fewest that say anything.
LEAST_VIDEOS, LEAST_GROUPS = 20, 10


@dataclass(frozen=True)
class Neighbours:
    """Labelled videos whose out-of-fold answer is near one probability.

    Attributes:
        videos, groups: how many there are.
        share: of FAKE among them, with its 95 % interval over groups `low`, `high`; None where
            there are fewer than LEAST_VIDEOS videos or LEAST_GROUPS groups.
        lowest, highest: the answers they got, as probabilities.
    """

    videos: int
    groups: int
    share: float | None
    low: float | None
    high: float | None
    lowest: float
    highest: float

    @property
    def known(self) -> bool:
        """Whether there are enough of them."""
        return self.share is not None


def neighbours(oof: pd.DataFrame, probability: float) -> Neighbours:
    """The labelled videos whose calibrated out-of-fold probability is about `probability`.

    Args:
        oof: the columns `label` (1 = FAKE), `group` and `calibrated` (probability of FAKE).
        probability: of FAKE, calibrated.

    The share's interval is `prepare_reliability`'s for one bin: Wilson's over groups.

    Raises:
        InputError: a column is missing.
    """
    from calibration import prepare_reliability

    lacking = [name for name in ("label", "group", "calibrated") if name not in oof]
    if lacking:
        raise InputError(
            f"has no column {', '.join(lacking)}",
            file="oof.csv",
            remedy="run `fakeodds stack` again",
        )
    distance = np.abs(oof["calibrated"].to_numpy(np.float64) - probability)
    for width in _NEAR:
        # Rounding of what was written must not decide who is in.
        near = oof[distance <= width + 1e-9]
        groups = near["group"].nunique()
        if len(near) >= _PLENTY_VIDEOS and groups >= _PLENTY_GROUPS:
            break
    lowest = float(near["calibrated"].min()) if len(near) else probability
    highest = float(near["calibrated"].max()) if len(near) else probability
    if len(near) < LEAST_VIDEOS or groups < LEAST_GROUPS:
        return Neighbours(len(near), groups, None, None, None, lowest, highest)
    found = prepare_reliability(
        near["label"].to_numpy(), near["calibrated"].to_numpy(), near["group"].to_numpy(), n_bins=1
    ).bins.iloc[0]
    share, low, high = (float(found[name]) for name in ("share", "low", "high"))
    return Neighbours(len(near), groups, share, low, high, lowest, highest)


@dataclass(frozen=True)
class Standing:
    """Where a detector's own probability lies among those it gave labelled videos, out of fold.

    `above_real`, `above_fake`: the shares of REAL and of FAKE videos that got less.
    """

    above_real: float
    above_fake: float


def standing(oof: pd.DataFrame, detector: str, probability: float) -> Standing | None:
    """Where `probability` of a detector stands in `oof`; None where that cannot be told."""
    column = single_stage(detector)
    if column not in oof:
        return None
    known = oof[oof[column].notna()]
    shares = []
    for label in (0, 1):
        scores = known.loc[known["label"] == label, column].to_numpy(np.float64)
        if len(scores) < LEAST_VIDEOS:
            return None
        shares.append(float(np.mean((scores < probability) + 0.5 * (scores == probability))))
    return Standing(*shares)
