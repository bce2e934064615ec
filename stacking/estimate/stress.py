"""What becomes of the answers when the videos are altered, by stacks that knew neither.

The detectors' scores of altered copies of the rows come from elsewhere. A row's copies are judged
by the fit that judges the row: it has learned from other groups alone, and from their rows as they
are, or, where it is hardened, from altered copies of those too.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError
from predictions.groups import group_codes
from predictions.order import column_order, row_order
from predictions.parallel import side_by_side
from predictions.progress import Progress, silent
from predictions.words import first_names
from stacking.ensembles.judge import subset_probabilities
from stacking.estimate.nested import kinds_of, stage_columns, stages_of
from stacking.estimate.outer_folds import OuterFolds
from stacking.inputs import Array, Codes, Rows, checked_labels, in_order
from stacking.procedure import FittedProcedure, Procedure
from stacking.stack import Stack

#: What the rows as they are go by, beside the alterations.
CLEAN = "clean"

_ALONE = "alone/"


def alone_of(stage: object) -> str | None:
    """The detector whose stage with a map of its own it is; None of others."""
    name = str(stage)
    return name.removeprefix(_ALONE) if name.startswith(_ALONE) else None


def stressed_predictions(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    altered: Mapping[str, pd.DataFrame],
    y: ArrayLike,
    groups: ArrayLike | None,
    folds: ArrayLike,
    kinds: Mapping[str, str] | None = None,
    *,
    taught: Sequence[str] = (),
    progress: Progress = silent,
) -> dict[str, pd.DataFrame]:
    """Out-of-fold probabilities of FAKE of rows as they are and altered, after every stage.

    For each outer fold the procedure is fitted once on the other folds, and applied to the fold's
    rows and to each altered copy of them.

    Args:
        procedure: what is judged, or an unfitted Stack; its `n_jobs` folds are fitted side by side.
        X: (n, k) logits or raw scores of the rows as they are, unique index.
        altered: by the name of an alteration, scores of altered copies: rows of X's index, perhaps
            not all of them, with the columns of X. NaN = no score.
        y, groups, folds, kinds: of the rows of X, as in `nested_predictions`.
        taught: alterations of which the fits learn too (see `hardened_rows`).
        progress: told the folds done.

    Returns:
        By name, `CLEAN` first: the columns of `nested_predictions`, and `alone/MODEL`: each
        detector with a map of its own, an L2-logistic regression learned on the same rows. Of
        `CLEAN`, with none `taught`, the former are what `nested_predictions` gives.

    Raises:
        InputError: as `nested_predictions`; an alteration is called `clean`, has rows that X has
            not, one twice, or lacks columns; or one that is `taught` is not there.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> actor = np.arange(120) // 3
        >>> X = pd.DataFrame({"a": 2 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> blurred = X.assign(a=rng.normal(size=120))  # a sees nothing any more
        >>> from predictions import assign_folds
        >>> from stacking import Stack, stressed_predictions
        >>> folds = assign_folds(y, actor)
        >>> stack = Stack(meta="logistic")
        >>> stressed = stressed_predictions(stack, X, {"blur": blurred}, y, actor, folds)
        >>> list(stressed), list(stressed["blur"])[-2:]
        (['clean', 'blur'], ['alone/a', 'alone/b'])
    """
    outer = OuterFolds.of(y, groups, folds, len(X))
    kind = kinds_of(X, kinds)
    check_altered(X, altered, taught)
    alone = column_order(list(kind))
    columns = [*stage_columns(kind), *(f"{_ALONE}{model}" for model in alone)]
    copies = {CLEAN: X, **{name: copy[X.columns] for name, copy in altered.items()}}
    at = {name: X.index.get_indexer(copy.index) for name, copy in copies.items()}
    filled = {name: np.full((len(copy), len(columns)), np.nan) for name, copy in copies.items()}
    judged = Procedure.of(procedure)
    single = judged.with_jobs(1)
    answers = side_by_side(
        _judge,
        (
            (
                single,
                *_teaching(X, {name: altered[name] for name in taught}, outer, held, single),
                {name: copy[held[at[name]]] for name, copy in copies.items()},
                kind,
                alone,
            )
            for held in outer.held
        ),
        judged.stack.n_jobs,
    )
    progress("stressed folds", 0, len(outer.held))
    for done, (held, values) in enumerate(zip(outer.held, answers, strict=True), start=1):
        for name in copies:
            own = held[at[name]]
            if own.any():
                filled[name][own] = values[name]
        progress("stressed folds", done, len(outer.held))
    return {
        name: pd.DataFrame(filled[name], index=copy.index, columns=columns)
        for name, copy in copies.items()
    }


def _teaching(
    X: pd.DataFrame,
    taught: Mapping[str, pd.DataFrame],
    outer: OuterFolds,
    held: Rows,
    procedure: Procedure,
) -> tuple[pd.DataFrame, Array, Codes]:
    """Scores, labels and groups that teach where a fold is held out."""
    known = X[~held]
    copies = {name: copy[copy.index.isin(known.index)] for name, copy in taught.items()}
    labels, groups = outer.labels[~held], outer.groups[~held]
    if not copies:
        return known, labels, groups
    return hardened_rows(known, copies, labels, groups, procedure.stack.seed)


def hardened_rows(
    X: pd.DataFrame,
    altered: Mapping[str, pd.DataFrame],
    y: ArrayLike,
    groups: ArrayLike | None,
    seed: int = 0,
) -> tuple[pd.DataFrame, Array, Codes]:
    """What a hardened stack learns from: each row as it is, and one altered copy of it.

    The alterations are dealt out over the rows of each label in turn, in an order that is drawn, so
    that each has as many rows of either as the others, no row counts more than another, and half
    of what is learned from is as it is, however many alterations there are. A copy stays in the
    group of its row. A row that none of the alterations has is there once.

    Args:
        X: (n, k) scores of the rows as they are, unique index.
        altered: by name, scores of altered copies of rows of X, with its columns.
        y: (n,) 1 = FAKE, 0 = REAL. groups: (n,) what is never split; None: each row its own.
        seed: of the order.

    Returns:
        Scores (up to 2 n, k), labels and groups (codes), the rows as they are first; the order of
        the rows of X, and of the alterations, changes nothing but the order of what is returned.

    Examples:
        >>> import pandas as pd
        >>> from stacking import hardened_rows
        >>> X = pd.DataFrame({"a": [3.0, -2.0, 1.0, -1.0]})
        >>> copies = {"blur": X / 2, "jpeg": X / 4}
        >>> rows, y, group = hardened_rows(X, copies, [1, 0, 1, 0], None)
        >>> len(rows), y.tolist(), rows.index.tolist()
        (8, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], [0, 1, 2, 3, 0, 1, 2, 3])
    """
    labels, codes = checked_labels(y, groups, len(X))
    names = sorted(altered)
    if not names:
        return X, labels, codes
    copies = [altered[name].reindex(X.index) for name in names]
    there = np.column_stack([X.index.isin(altered[name].index) for name in names])
    # Rows that are alike but for their copies are told apart by those.
    scores = [copy[column_order(X.columns)].to_numpy(np.float64) for copy in copies]
    order = row_order(
        X[column_order(X.columns)].to_numpy(np.float64), labels, codes, *scores, there
    )
    dealt = _dealt(labels[order], there[order], seed)
    which = np.empty(len(X), dtype=np.intp)
    which[order] = dealt
    parts = [copy[which == number] for number, copy in enumerate(copies)]
    rows = [np.flatnonzero(which == number) for number in range(len(names))]
    place = np.concatenate(rows)
    back = np.argsort(place, kind="stable")
    place = place[back]
    second = pd.concat(parts).iloc[back]
    return (
        pd.concat([X, second[X.columns]]),
        np.concatenate([labels, labels[place]]),
        np.concatenate([codes, codes[place]]),
    )


def _dealt(y: Array, there: NDArray[np.bool_], seed: int) -> Codes:
    """Which alteration each row gets, (n,), -1 for none: of those that have it, the least dealt."""
    rng = np.random.default_rng(seed)
    which = np.full(len(y), -1, dtype=np.intp)
    for label in (0.0, 1.0):
        counts = np.zeros(there.shape[1])
        for row in rng.permutation(np.flatnonzero(y == label)):
            if there[row].any():
                which[row] = int(np.argmin(np.where(there[row], counts, np.inf)))
                counts[which[row]] += 1
    return which


def check_altered(
    X: pd.DataFrame, altered: Mapping[str, pd.DataFrame], taught: Sequence[str] = ()
) -> None:
    """Refuse altered copies that are not of these rows.

    Raises:
        InputError: see `stressed_predictions`.
    """
    if not X.index.is_unique:
        raise InputError("rows of the scores have the same index", remedy="name each row once")
    for name, copy in altered.items():
        if name == CLEAN:
            raise InputError(
                f"an alteration is called {CLEAN!r}, as the rows as they are", remedy="rename it"
            )
        strange = copy.index[~copy.index.isin(X.index)]
        lacking = [column for column in X.columns if column not in copy]
        if len(strange) or not copy.index.is_unique:
            first = strange if len(strange) else copy.index[copy.index.duplicated()]
            raise InputError(
                f"{name}: {first_names(first)} is not one of the rows, or is there twice",
                remedy="give an altered copy of each row at the most",
            )
        if lacking:
            raise InputError(
                f"{name}: has no column {first_names(lacking)}",
                remedy="give the scores of all detectors",
            )
    for name in taught:
        if name not in altered:
            raise InputError(
                f"there are no altered copies called {name!r}", remedy="name one that is there"
            )


def fit_hardened(
    procedure: Procedure | Stack,
    X: pd.DataFrame,
    altered: Mapping[str, pd.DataFrame],
    y: ArrayLike,
    groups: ArrayLike | None,
) -> FittedProcedure:
    """The procedure fitted on all rows and one altered copy of each (`hardened_rows`).

    Args, bad input: as in `stressed_predictions`, all of `altered` being taught.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> y = rng.integers(0, 2, 120)
        >>> X = pd.DataFrame({"a": 4 * y + rng.normal(size=120), "b": y + rng.normal(size=120)})
        >>> blurred = X.assign(a=rng.normal(size=120))
        >>> from stacking import Stack, fit_hardened
        >>> stack = Stack(meta="logistic", calibration="none", clip="none")
        >>> hardened = fit_hardened(stack, X, {"blur": blurred}, y, None)
        >>> surer = stack.fit(X, y).predict_proba(X)[:, 1]
        >>> bool(hardened.predict_stages(X)["calibrated"].max() < surer.max())
        True
    """
    judged = Procedure.of(procedure)
    check_altered(X, altered)
    return judged.fit(*hardened_rows(X, altered, y, groups, judged.stack.seed))


def _judge(
    procedure: Procedure,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    copies: Mapping[str, pd.DataFrame],
    kinds: Mapping[Any, str],
    alone: Sequence[Any],
) -> dict[str, Array]:
    """Of each of the copies the stages, and those of each detector alone, (m, columns).

    Each copy by itself: a product over more rows may differ in its last digit.
    """
    fitted = procedure.fit(X, y, groups)
    taught, order = in_order(fitted.by_rule(X)[alone], y, groups)
    single = partial(
        subset_probabilities,
        taught.to_numpy(np.float64),
        y[order],
        group_codes(groups[order], len(order)),
        masks=np.eye(len(alone), dtype=bool),
        seed=procedure.stack.seed,
    )
    return {
        name: np.column_stack(
            [
                stages_of(fitted, X, y, new, kinds),
                single(fitted.by_rule(new)[alone].to_numpy(np.float64)),
            ]
        )
        for name, new in copies.items()
        if len(new)
    }
