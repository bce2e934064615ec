"""How good every stage is on parts of the rows: each way of making fakes, each data set.

The parts are judged by the same out-of-fold probabilities as the whole; nothing is fitted anew (for
that, see `domains.py`).
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import mean_interval, measure_all, row_log_loss
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.scores import said_variance
from predictions.progress import Progress, silent
from stacking.estimate.domain_splits import domain_names
from stacking.estimate.metrics import finite_measures
from stacking.inputs import checked_labels


def report_slices(
    oof: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike,
    values: ArrayLike,
    *,
    n_boot: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, dict[str, Any]]:
    """Log loss and AUC of every stage on the rows of each value of a column.

    The log loss is that of the slice's own rows, so that the slices' log losses, weighted by their
    rows, add up to that of the whole. The AUC of a slice that holds only fakes (a method) is
    against all REAL rows that no slice with fakes claims.

    Args:
        oof: (n, stages) out-of-fold probabilities of FAKE.
        y: (n,) 1 = FAKE, 0 = REAL.
        groups: (n,) what the bootstrap draws as a whole.
        values: (n,) the slice of each row; missing is none.
        n_boot: replicates behind each 95 % interval.
        seed: of the draws.

    Returns:
        {value: {"rows", "fakes", "stages": {stage: {"log_loss": {"value", "low", "high"}, "auc":
        the same, or None where there is one class}}}}, slices without fakes first. Of a single
        group there is no interval: its ends are None.

    Examples:
        >>> import pandas as pd
        >>> from stacking import report_slices
        >>> oof = pd.DataFrame({"calibrated": [0.9, 0.1, 0.2, 0.65]})
        >>> method = ["swap", None, None, "puppet"]
        >>> slices = report_slices(oof, [1, 0, 0, 1], groups=list("abcd"), values=method)
        >>> round(slices["puppet"]["stages"]["calibrated"]["log_loss"]["value"], 3)
        0.431
    """
    labels, owner = checked_labels(y, groups, len(oof))
    names = domain_names(values)
    with_fakes = np.unique(names[labels == 1])
    free_reals = (labels == 0) & ~np.isin(names, with_fakes[with_fakes != ""])
    order = sorted({*names.tolist()} - {""}, key=lambda name: (name in with_fakes, name))
    slices = {}
    progress("measures of parts", 0, len(order))
    for done, name in enumerate(order, start=1):
        own = names == name
        ranked = own | free_reals if labels[own].min() == 1 else own
        stages = {}
        for stage, p in oof.items():
            column = p.to_numpy(dtype=np.float64)
            losses = row_log_loss(labels[own], column[own])
            loss = mean_interval(
                *(losses, owner[own]),
                n_boot=n_boot,
                seed=seed,
                bounds=LOG_LOSS,
                said=said_variance(losses),
            )
            known = {"log_loss": loss.as_dict()}
            if labels[ranked].min() < labels[ranked].max():
                measures = measure_all(
                    labels[ranked], column[ranked], owner[ranked], n_boot=n_boot, seed=seed
                )
                known["auc"] = measures["auc"]
            stages[str(stage)] = {"auc": None, **finite_measures(known)}
        slices[name] = {
            "rows": int(own.sum()),
            "fakes": int(labels[own].sum()),
            "stages": stages,
        }
        progress("measures of parts", done, len(order))
    return slices
