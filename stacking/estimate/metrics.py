"""metrics.json: how good every stage is, with intervals."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import measure_all
from predictions.progress import Progress, silent
from stacking.estimate.nested import check_labels


def report_metrics(
    oof: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    *,
    n_boot: int = 1000,
    seed: int = 0,
    timing: Mapping[str, float] | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The measures of every stage column of `nested_predictions`, as metrics.json has them.

    Args:
        oof: (n, stages) out-of-fold probabilities of FAKE, in the order of the stages.
        y: (n,) 1 = FAKE, 0 = REAL.
        groups: (n,) what the bootstrap draws as a whole; None draws rows.
        n_boot: replicates behind each 95 % interval.
        timing: seconds a stage of the work took.

    Returns:
        rows, groups, prior (share of FAKE), stages (each log_loss, brier, auc, accuracy, ece with
        value, low, high; None where undefined, as the AUC of one class), timing.
    """
    labels = check_labels(y, len(oof))
    owner = np.arange(len(oof)) if groups is None else np.asarray(groups)
    codes = np.unique(owner.astype(str), return_inverse=True)[1]
    stages = {}
    progress("measures", 0, len(oof.columns))
    for done, name in enumerate(oof.columns, start=1):
        found = measure_all(labels, oof[name].to_numpy(), codes, n_boot=n_boot, seed=seed)
        stages[str(name)] = {
            measure: {key: _finite(value) for key, value in interval.items()}
            for measure, interval in found.items()
        }
        progress("measures", done, len(oof.columns))
    return {
        "rows": len(oof),
        "groups": int(codes.max()) + 1,
        "prior": float(labels.mean()),
        "stages": stages,
        "timing": {name: float(seconds) for name, seconds in (timing or {}).items()},
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
