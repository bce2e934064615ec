"""The leaderboard: all that was judged on the same videos, in one order."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import auc, ece, holm
from calibration.measures.bootstrap import group_sums, mean_intervals
from calibration.measures.few_groups import LOG_LOSS
from calibration.measures.many import confidence_set_of
from calibration.measures.paired import mean_tests
from calibration.measures.scores import row_log_loss, said_variance
from predictions.threads import one_blas_thread
from stacking.ensembles.differences import paired_differences
from stacking.estimate.nested import NestedEstimate
from stacking.estimate.stages import SHIPPED, single_of
from stacking.inputs import Array, checked_labels

#: The kinds of rows: prefix of a column -> what it is.
KINDS = {
    "base": "detector",
    "alone": "calibrated detector",
    "ensemble": "ensemble",
    "meta": "meta-learner",
    "calibrator": "calibrator",
}


def leaderboard(
    estimate: NestedEstimate,
    y: ArrayLike,
    groups: ArrayLike | None,
    *,
    n_boot: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every stage and alternative by its log loss, the lowest first.

    Args:
        estimate: of n rows.
        y: (n,) 1 = FAKE, 0 = REAL.
        groups: (n,) what the bootstrap draws as a whole; None draws rows.
        n_boot: replicates behind the 95 % intervals of the log loss. seed: of the draws.

    Returns:
        Columns `kind` (a value of KINDS, or "stack"), `name`, `log_loss` (nats) with `low`, `high`;
        `brier`, `auc` (NaN with one class), `accuracy`, `ece`, `ece_plain` (see
        `calibration.measure_all`);
        `difference` of the log loss to the first row's and its `standard_error` (paired, over
        groups); likewise `to_shipped` and `to_shipped_error` (negative is better); `holm_p`: the
        p-value of being as good as the shipped one, for as many comparisons as there are (NaN of
        itself); `confidence_set`: whether the row may be the best of all (95 %), and `mcs_p`, its
        p-value (`calibration.confidence_set`); `shipped`.

    With the first row nothing is tested by pairs: it is the first because it came out best, and a
    correction for the number of rows does not undo that.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import Stack, leaderboard, nested_estimate
        >>> folds = assign_folds(y, actor)
        >>> estimate = nested_estimate(Stack(meta="logistic"), X, y, actor, folds)
        >>> board = leaderboard(estimate, y, actor)
        >>> bool(board["log_loss"].is_monotonic_increasing), int(board["shipped"].sum())
        (True, 1)
    """
    labels, codes = checked_labels(y, groups, len(estimate.stages))
    table = pd.concat([estimate.stages, estimate.alternatives], axis=1)
    p = table.to_numpy(np.float64)
    losses = row_log_loss(labels[:, None], p)
    counts = np.bincount(codes).astype(np.float64)
    sums = group_sums(losses, codes, len(counts))
    said = group_sums(said_variance(losses), codes, len(counts))
    with one_blas_thread():
        intervals = mean_intervals(
            sums, counts, n_boot=n_boot, seed=seed, bounds=LOG_LOSS, said=said
        )
    shipped = list(table.columns).index(SHIPPED)
    best = int(np.argmin([one.value for one in intervals]))
    pairs = {
        name: paired_differences(sums, counts, to)
        for name, to in (("best", best), ("shipped", shipped))
    }
    others = np.arange(p.shape[1]) != shipped
    corrected = np.full(p.shape[1], np.nan)
    with one_blas_thread():
        gaps = sums[:, others] - sums[:, [shipped]]
        corrected[others] = holm(mean_tests(gaps, counts, seed=seed).p_value)
        may_be_best = confidence_set_of(sums, seed=seed)
    both = labels.min() < labels.max()
    kinds, names = zip(*map(_kind_and_name, table.columns), strict=True)
    board = pd.DataFrame(
        {
            "kind": kinds,
            "name": names,
            "log_loss": [one.value for one in intervals],
            "low": [one.low for one in intervals],
            "high": [one.high for one in intervals],
            "brier": ((p - labels[:, None]) ** 2).mean(axis=0),
            "auc": [auc(labels, column) if both else np.nan for column in p.T],
            "accuracy": ((p > 0.5) == (labels[:, None] == 1)).mean(axis=0),
            "ece": [ece(labels, column) for column in p.T],
            "ece_plain": [ece(labels, column, binning="width", debias=False) for column in p.T],
            "difference": pairs["best"][0],
            "standard_error": _finite(pairs["best"][1]),
            "to_shipped": pairs["shipped"][0],
            "to_shipped_error": _finite(pairs["shipped"][1]),
            "holm_p": corrected,
            "confidence_set": may_be_best.members,
            "mcs_p": may_be_best.p_values,
            "shipped": ~others,
        }
    )
    return board.sort_values("log_loss", kind="stable", ignore_index=True)


def _kind_and_name(column: str) -> tuple[str, str]:
    if single_of(column) is not None:
        return KINDS["base"], str(single_of(column))
    prefix, slash, name = column.partition("/")
    return (KINDS[prefix], name) if slash and prefix in KINDS else ("stack", column)


def _finite(error: Array) -> Array:
    """With one group nothing is known of the spread: NaN."""
    return np.where(np.isfinite(error), error, np.nan)
