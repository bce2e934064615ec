"""Every calibrator of one detector's scores, side by side on the same held-out rows."""

from collections.abc import Mapping

import pandas as pd
from numpy.typing import ArrayLike

from predictions.progress import Progress, silent
from stacking.estimate.leaderboard import KINDS, leaderboard
from stacking.estimate.nested import NestedEstimate, nested_estimate
from stacking.estimate.stages import SHIPPED
from stacking.stack import Stack

#: What the rows of the two stages are called: before any calibrator, and by the choice inside.
NONE, AUTO = "none", "auto"


def compare_calibrators(
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    *,
    meta: str = "passthrough",
    n_splits: int = 5,
    n_boot: int = 1000,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: Progress = silent,
) -> pd.DataFrame:
    """The nested log loss of each calibrator, of none, and of the choice among them, lowest first.

    In each outer fold all learn from the same rows, and judge the same ones; none clips. What the
    stack combines goes through them, so of several detectors it is their combination.

    Args:
        X: (n, k) logits or raw scores, as `nested_predictions` takes them; folds, kinds: likewise.
        y: (n,) 1 = FAKE, 0 = REAL. groups: (n,) what is never split; None: each row is its own.
        meta: "passthrough" for one detector's logits, "platt" for raw scores.
        n_splits: inner folds. n_boot: replicates behind the intervals. seed: of all draws.
        n_jobs: processes side by side.

    Returns:
        `name`: "none", "auto", or one of `calibration.CALIBRATORS`; and of `leaderboard`
        `log_loss`, `low`, `high`, `difference` (to the first row), `standard_error`,
        `confidence_set`, `mcs_p`, `brier`, `auc`, `ece_plain`. Only the first two where too few
        rows or groups leave nothing to learn from.

    Raises:
        InputError: as `nested_predictions`.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 300)
        >>> X = pd.DataFrame({"sure": 6 * (2 * y - 1 + rng.normal(0, 1.5, 300))})
        >>> from predictions import assign_folds
        >>> from stacking import compare_calibrators
        >>> board = compare_calibrators(X, y, None, assign_folds(y, np.arange(300)))
        >>> board["name"].iloc[-1]
        'none'
    """
    stack = Stack(meta, "auto", "none", n_splits=n_splits, seed=seed, n_jobs=n_jobs)
    estimate = nested_estimate(stack, X, y, groups, folds, kinds, progress)
    calibrators = [
        name for name in map(str, estimate.alternatives) if name.startswith("calibrator/")
    ]
    alone = NestedEstimate(
        estimate.stages[["stacked", SHIPPED]], estimate.alternatives[calibrators]
    )
    board = leaderboard(alone, y, groups, n_boot=n_boot, seed=seed)
    stage = board["kind"] != KINDS["calibrator"]
    names = board["name"].mask(stage, board["name"].map({"stacked": NONE, SHIPPED: AUTO}))
    shown = [
        *("log_loss", "low", "high", "difference", "standard_error", "confidence_set", "mcs_p"),
        *("brier", "auc", "ece_plain"),
    ]
    return board[shown].assign(name=names)[["name", *shown]]
