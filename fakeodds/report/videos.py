"""What each judged video costs."""

import numpy as np
import pandas as pd


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
