"""Which scores were missing when out-of-fold probabilities were made.

A table of them has no gaps: `nested_predictions` counts a missing base score as the share of fakes
among the training folds. That share is known to the last digit, so whatever equals it was missing.
"""

from typing import Any

import numpy as np
import pandas as pd

from stacking.estimate.stages import single_of, single_stage, singles

#: A written number comes back to the last digit or the one beside it.
WRITTEN = 1e-12


def share_for_missing(fakes: Any, rows: Any) -> Any:
    """What a missing base score counts as: the share of fakes among rows that teach, with half an
    imaginary row of each label. Numbers or arrays of them."""
    return (fakes + 0.5) / (rows + 1.0)


def missing_scores(oof: pd.DataFrame) -> pd.DataFrame:
    """Which base scores were missing, (videos, detectors) of bool; a column a detector.

    Args:
        oof: `label`, `fold` and the probabilities of `nested_predictions`, as oof.csv has them.
    """
    fakes = oof.groupby("fold")["label"].agg(["sum", "size"])
    others = fakes.sum() - fakes
    by_fold = share_for_missing(others["sum"], others["size"])
    share = oof["fold"].map(by_fold).to_numpy(np.float64)
    base = oof[singles(oof)]
    filled = np.isclose(base.to_numpy(np.float64), share[:, None], rtol=WRITTEN, atol=0.0)
    return pd.DataFrame(
        filled,
        index=base.index,
        columns=[single_of(str(name)) for name in base],
    )


def with_gaps(oof: pd.DataFrame) -> pd.DataFrame:
    """The same table with the base scores that were missing as NaN."""
    missing = missing_scores(oof)
    return oof.assign(
        **{
            single_stage(name): oof[single_stage(name)].mask(missing[name].to_numpy())
            for name in missing
        }
    )
