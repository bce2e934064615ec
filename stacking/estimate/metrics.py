"""metrics.json: how good every stage is, with intervals."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from calibration import measure_all
from predictions.parallel import side_by_side
from predictions.progress import Progress, silent
from stacking.inputs import checked_labels


def report_metrics(
    oof: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    *,
    n_boot: int = 1000,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: Progress = silent,
) -> dict[str, Any]:
    """The measures of every stage column of `nested_predictions`, as metrics.json has them.

    Args:
        oof: (n, stages) out-of-fold probabilities of FAKE, in the order of the stages.
        y: (n,) 1 = FAKE, 0 = REAL.
        groups: (n,) what the bootstrap draws as a whole; None draws rows.
        n_boot: replicates behind each 95 % interval.
        n_jobs: processes that measure stages side by side.

    Returns:
        rows, groups, prior (share of FAKE), stages (each log_loss, brier, auc, accuracy, ece with
        value, low, high; None where undefined, as the AUC of one class).

    Examples:
        >>> import pandas as pd
        >>> from stacking import report_metrics
        >>> oof = pd.DataFrame({"calibrated": [0.9, 0.1, 0.2, 0.65]})
        >>> metrics = report_metrics(oof, [1, 0, 0, 1], groups=["ann", "ann", "bob", "bob"])
        >>> metrics["groups"], round(metrics["stages"]["calibrated"]["log_loss"]["value"], 4)
        (2, 0.2162)
    """
    labels, codes = checked_labels(y, groups, len(oof))
    stages = {}
    work = ((labels, oof[name].to_numpy(), codes, n_boot, seed) for name in oof.columns)
    measured = zip(oof.columns, side_by_side(measure_all, work, n_jobs), strict=True)
    progress("measures", 0, len(oof.columns))
    for done, (name, measures) in enumerate(measured, start=1):
        stages[str(name)] = finite_measures(measures)
        progress("measures", done, len(oof.columns))
    return {
        "rows": len(oof),
        "groups": int(codes.max()) + 1,
        "prior": float(labels.mean()),
        "stages": stages,
    }


def finite_measures(
    measures: Mapping[str, Mapping[str, float]],
) -> dict[str, dict[str, float | None]]:
    """Measures with their intervals as JSON values: None where one is not defined."""
    return {
        name: {key: float(value) if math.isfinite(value) else None for key, value in one.items()}
        for name, one in measures.items()
    }
