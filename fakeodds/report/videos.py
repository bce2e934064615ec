"""What is known of each judged video: which scores it lacks, and what it costs."""

from typing import Any, cast

import numpy as np
import pandas as pd

#: A written number comes back to the last digit or the one beside it.
_TOLERANCE = 1e-12


def missing_scores(oof: pd.DataFrame) -> pd.DataFrame:
    """Which base scores were missing, (videos, detectors) of bool; columns without "base/".

    oof.csv has no gaps: a missing base score counts as the share of fakes among the training folds
    (see `stacking.nested_predictions`). That share is known to the last digit, so whatever equals
    it was missing.
    """
    fakes = oof.groupby("fold")["label"].agg(["sum", "size"])
    others = fakes.sum() - fakes
    share = oof["fold"].map((others["sum"] + 0.5) / (others["size"] + 1.0)).to_numpy(np.float64)
    base = oof.filter(regex="^base/")
    filled = np.isclose(base.to_numpy(np.float64), share[:, None], rtol=_TOLERANCE, atol=0.0)
    return pd.DataFrame(
        filled,
        index=base.index,
        columns=[str(name).removeprefix("base/") for name in base],
    )


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table by the names of its columns."""
    return cast(list[dict[str, Any]], table.to_dict(orient="records"))


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
