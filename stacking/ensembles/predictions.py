"""The out-of-fold probabilities of a few ensembles, row by row."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from predictions.errors import InputError
from predictions.frame_rules import DEFAULT_RULE, rules_of
from predictions.order import column_order
from predictions.progress import Progress, silent
from stacking.choose.frame_rule import choose_rule, scores_by
from stacking.ensembles.judge import subset_predictions
from stacking.estimate.outer_folds import OuterFolds
from stacking.inputs import Array, is_score_column


def ensemble_predictions(
    X: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    ensembles: Sequence[Sequence[str]],
    *,
    seed: int = 0,
    n_jobs: int | None = 1,
    progress: Progress = silent,
) -> pd.DataFrame:
    """Out-of-fold probabilities of FAKE of some ensembles, each combined as `compare_subsets` does.

    Args:
        X, y, groups, folds, seed, n_jobs: as `compare_subsets` has them.
        ensembles: the detectors of each.

    Returns:
        Index of X; a column an ensemble, named "a + b" by its detectors in their order.

    Raises:
        InputError: as `compare_subsets`; or an ensemble of none, or of one that is not there.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> from predictions import assign_folds
        >>> from stacking import ensemble_predictions
        >>> p = ensemble_predictions(X, y, actor, assign_folds(y, actor), [["a"], ["b", "a"]])
        >>> list(p), len(p)
        (['a', 'a + b'], 120)
    """
    names = [str(column) for column in column_order(X.columns) if is_score_column(column)]
    for models in ensembles:
        unknown = [name for name in models if name not in names]
        if unknown or not models:
            raise InputError(
                f"there is no detector {unknown[0]}" if unknown else "an ensemble has no detector",
                expected=f"some of {', '.join(names)}",
            )
    masks = np.array([np.isin(names, models) for models in ensembles])
    ordered, outer = OuterFolds.in_order(X.reset_index(drop=True), y, groups, folds)
    by_fold = scores_by_fold(ordered, outer, seed, progress)
    p = np.empty((len(X), len(masks)))
    p[ordered.index] = subset_predictions(by_fold, outer, masks, seed, n_jobs, progress)
    columns = [" + ".join(names[j] for j in np.flatnonzero(mask)) for mask in masks]
    return pd.DataFrame(p, index=X.index, columns=columns)


def scores_by_fold(
    X: pd.DataFrame, outer: OuterFolds, seed: int, progress: Progress
) -> list[Array]:
    """The detectors' scores (n, k) as each outer fold takes them: where X holds them by several
    frame rules, by the one that the rows outside the fold choose."""
    if len(rules_of(X.columns)) < 2:
        return [scores_by(X, *DEFAULT_RULE)] * len(outer.held)
    by_fold = []
    progress("frame rules on outer folds", 0, len(outer.held))
    for done, held in enumerate(outer.held, start=1):
        own = choose_rule(X[~held], outer.labels[~held], outer.groups[~held], seed=seed)
        by_fold.append(scores_by(X, *(DEFAULT_RULE if own is None else own.names)))
        progress("frame rules on outer folds", done, len(outer.held))
    return by_fold
