"""Leave one domain out: what to expect where videos come from somewhere else."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from predictions.progress import Progress, silent
from stacking.estimate.domain_splits import DomainSplit
from stacking.estimate.metrics import report_metrics
from stacking.estimate.nested import judge_splits, kinds_of, stage_columns
from stacking.inputs import as_table, checked_labels
from stacking.procedure import Procedure
from stacking.stack import Stack


def domain_predictions(
    procedure: Procedure | Stack,
    X: pd.DataFrame | ArrayLike,
    y: ArrayLike,
    splits: Sequence[DomainSplit],
    groups: ArrayLike | None = None,
    kinds: Mapping[str, str] | None = None,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Probabilities of FAKE after every stage, from fits that knew neither domain nor group.

    Args:
        procedure, X, y, groups, kinds: as in `nested_predictions`.
        splits: of `domain_splits` for the same rows.

    Returns:
        The judged rows, in the order of the splits: `domain`, then the columns of
        `nested_predictions`; the index is X's. A row is judged at most once.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> method = np.where(y == 0, "none", np.where(actor % 2 == 0, "swap", "puppet"))
        >>> from stacking import Stack, domain_predictions, domain_splits
        >>> splits = domain_splits(y, actor, method)
        >>> judged = domain_predictions(Stack(meta="mean"), X, y, splits, actor)
        >>> sorted(judged["domain"].unique()), list(judged)[-1]
        (['puppet', 'swap'], 'calibrated')
    """
    X = as_table(X)
    labels, codes = checked_labels(y, groups, len(X))
    kind = kinds_of(X, kinds)
    parts = [(split.train, split.test) for split in splits]
    columns = stage_columns(kind)
    judged = judge_splits(procedure, X, labels, codes, parts, kind)
    pieces = []
    progress("domains left out", 0, len(splits))
    for done, (split, values) in enumerate(zip(splits, judged, strict=True), start=1):
        piece = pd.DataFrame(values, index=X.index[split.test], columns=columns)
        piece.insert(0, "domain", split.domain)
        pieces.append(piece)
        progress("domains left out", done, len(splits))
    return pd.concat(pieces)


def report_domains(
    judged: pd.DataFrame,
    y: "pd.Series[Any]",
    groups: "pd.Series[Any]",
    *,
    n_boot: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """The measures of every stage in every domain, as metrics.json has them.

    Args:
        judged: of `domain_predictions`. y, groups: on its index, or on more rows.

    Returns:
        {domain: {stage: {"log_loss": {"value", "low", "high"}, "brier": ..., ...}}}

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> method = np.where(y == 0, "none", np.where(actor % 2 == 0, "swap", "puppet"))
        >>> from stacking import Stack, domain_predictions, domain_splits, report_domains
        >>> splits = domain_splits(y, actor, method)
        >>> judged = domain_predictions(Stack(meta="mean"), X, y, splits, actor)
        >>> sorted(report_domains(judged, pd.Series(y), pd.Series(actor)))
        ['puppet', 'swap']
    """
    return {
        str(domain): report_metrics(
            rows.drop(columns="domain"),
            y.loc[rows.index].to_numpy(),
            groups.loc[rows.index].to_numpy(),
            n_boot=n_boot,
            seed=seed,
        )["stages"]
        for domain, rows in judged.groupby("domain", sort=True)
    }
