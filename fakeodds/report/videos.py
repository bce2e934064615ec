"""What is known of each judged video: which scores it lacks, and what it costs."""

import numpy as np
import pandas as pd

from stacking.estimate.stages import single_of, singles

#: A written number comes back to the last digit or the one beside it.
_TOLERANCE = 1e-12


def missing_scores(oof: pd.DataFrame) -> pd.DataFrame:
    """Which base scores were missing, (videos, detectors) of bool; a column a detector.

    oof.csv has no gaps: a missing base score counts as the share of fakes among the training folds
    (see `stacking.nested_predictions`). That share is known to the last digit, so whatever equals
    it was missing.
    """
    fakes = oof.groupby("fold")["label"].agg(["sum", "size"])
    others = fakes.sum() - fakes
    share = oof["fold"].map((others["sum"] + 0.5) / (others["size"] + 1.0)).to_numpy(np.float64)
    base = oof[singles(oof)]
    filled = np.isclose(base.to_numpy(np.float64), share[:, None], rtol=_TOLERANCE, atol=0.0)
    return pd.DataFrame(
        filled,
        index=base.index,
        columns=[single_of(str(name)) for name in base],
    )


def losses(oof: pd.DataFrame, stage: str = "calibrated") -> "pd.Series[float]":
    """Log loss (nats) of each video after a stage, index `video`."""
    from calibration import row_log_loss

    label = oof["label"].to_numpy(np.float64)
    return pd.Series(row_log_loss(label, oof[stage].to_numpy(np.float64)), index=oof.index)


def knowing_nothing(label: pd.Series, share: float) -> "pd.Series[float]":
    """Log loss (nats) of each video if every answer were `share`, on the index of `label`."""
    from calibration import row_log_loss

    y = label.to_numpy(np.float64)
    return pd.Series(row_log_loss(y, np.full(len(y), share)), index=label.index)
