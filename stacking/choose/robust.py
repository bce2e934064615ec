"""A stack whose settings are chosen by the worst domain instead of the mean.

A public board is not a private board: what wins on the mean of the known domains may lose in the
next one. Here each candidate is judged on domains it was not fitted on, and counts for what it is
worth in the worst of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data

from calibration import auc, create_calibrator
from calibration.inputs import binary_targets
from predictions.errors import InputError
from predictions.logits import to_logit
from stacking.clipping import learned_clip
from stacking.estimate.domains import DomainSplit, domain_names, domain_splits, domains_of_fakes
from stacking.learners.base import Array, Codes, group_codes
from stacking.solvers import log_losses
from stacking.stack import Stack, is_score_column

Clip = Literal["auto", "none"] | tuple[float, float]

#: What is tried where a setting is "auto", from the simplest to the most flexible. Trees and the
#: network are not among them: they would take most of the time, on fits that are many already.
METAS = ("mean", "mean_logit", "nonneg", "logistic", "splines")
CALIBRATIONS = ("none", "temperature", "affine")
CLIPS: tuple[Clip, ...] = ("auto", (0.01, 0.99), (0.02, 0.98), (0.05, 0.95), (0.1, 0.9))

#: The choice looks at no more rows than this, drawn at random; the stack is fitted on all.
MOST_ROWS = 4_000

#: Where no clip is asked for, probabilities are still kept this far from 0 and 1.
_EDGE = 1e-15

#: Rows to judge a domain by, for the choice.
_ENOUGH_ROWS = 150


@dataclass(frozen=True)
class RobustChoice:
    """The settings with the lowest log loss in the worst domain.

    `table`: a row a candidate, as tried: `columns` (how many), `meta`, `calibration`, `clip`,
    `worst` (log loss of the worst domain), `mean` (over domains), and the log loss of each domain.
    `chosen`: its row. `columns`: the columns of X that take part.
    """

    columns: list[Any]
    meta: str
    calibration: str
    clip: Clip
    table: pd.DataFrame
    chosen: int
    note: str

    def to_dict(self) -> dict[str, Any]:
        """robust.json: what was chosen, and every candidate with its log loss by domain."""
        row = self.table.iloc[self.chosen]
        return {
            "columns": [str(name) for name in self.columns],
            "meta": self.meta,
            "calibration": self.calibration,
            "clip": self.clip,
            "worst": float(row["worst"]),
            "mean": float(row["mean"]),
            "reason": self.note,
            "candidates": self.table.to_dict(orient="records"),
        }


class RobustStack(Stack):
    """A Stack that chooses columns, meta-learner, calibrator and clip by the worst domain.

    In fit, each candidate is fitted without one domain (see `domain_splits`) and judged on it; the
    one whose worst domain has the lowest log loss is then fitted as a plain `Stack` on all rows.
    Without domains, or with fewer than two among the rows, there is nothing to choose by: it is a
    plain `Stack` of the same settings.

    Args:
        domains: the domain of each video, on the index of every X that will come to fit, which
            must be a DataFrame then; None for none.
        meta, calibration, clip: chosen where "auto", else used as they are.
        n_splits, seed, n_jobs: as for Stack.

    Attributes:
        stack_: the fitted plain Stack, to be saved; choice_: what was chosen, or None.
    """

    def __init__(
        self,
        domains: "pd.Series[Any] | None" = None,
        meta: str = "auto",
        calibration: str = "auto",
        clip: Clip = "auto",
        n_splits: int = 5,
        seed: int = 0,
        n_jobs: int | None = 1,
    ) -> None:
        super().__init__(meta, calibration, clip, n_splits, seed, n_jobs)
        self.domains = domains

    def fit(self, X: Any, y: Any, groups: Any = None) -> Self:
        """Choose and learn from scores X (n, k) and labels y (n,).

        Raises:
            InputError: domains without a DataFrame of scores, rows that `domains` does not hold,
                or as Stack.
        """
        settings: dict[str, Any] = {
            "meta": self.meta,
            "calibration": self.calibration,
            "clip": self.clip,
        }
        validate_data(self, X, skip_check_array=True)  # for the columns of X, which may be more
        self.choice_ = None
        if self.domains is not None:
            self.choice_ = self._choose(self.domains, X, y, groups, settings)
        if self.choice_ is not None:
            X = X[self.choice_.columns]
            settings = {name: getattr(self.choice_, name) for name in settings}
        self.stack_ = Stack(
            **settings, n_splits=self.n_splits, seed=self.seed, n_jobs=self.n_jobs
        ).fit(X, y, groups)
        self.classes_ = self.stack_.classes_
        missing = "Robust: fewer than two domains name a fake, so the settings stay as they are."
        self.notes_ = [self.choice_.note if self.choice_ else missing, *self.stack_.notes_]
        return self

    def _choose(
        self, domains: "pd.Series[Any]", X: Any, y: Any, groups: Any, settings: dict[str, Any]
    ) -> RobustChoice | None:
        if not isinstance(X, pd.DataFrame):
            raise InputError("domains are found by the index of the scores; give a DataFrame.")
        if not X.index.isin(domains.index).all():
            raise InputError("some rows of the scores are not in `domains`; name theirs too.")
        return choose_robust(
            X,
            binary_targets(y, len(X))[0],
            group_codes(groups, len(X)),
            domain_names(domains.loc[X.index]),
            **settings,
            n_splits=self.n_splits,
            seed=self.seed,
        )

    def _stages(self, X: Any) -> tuple[Array, Array]:
        check_is_fitted(self)
        return self.stack_._stages(X if self.choice_ is None else self.stack_.align(X))


class _Recording(Stack):
    """A Stack that keeps what its calibrator would learn from: logits, labels and groups."""

    learned_from_: tuple[Array, Array, Codes] | None = None

    def _fit_calibrator(self, logit: Array, y: Array, group: Codes) -> None:
        self.learned_from_ = (logit, y, group)


def choose_robust(
    X: pd.DataFrame,
    y: Array,
    groups: NDArray[Any],
    domains: NDArray[np.str_],
    *,
    meta: str = "auto",
    calibration: str = "auto",
    clip: Clip = "auto",
    n_splits: int = 5,
    seed: int = 0,
) -> RobustChoice | None:
    """The settings whose worst domain has the lowest log loss; None with one domain of fakes.

    Args:
        X, y, groups: as in Stack.fit. domains: of `domain_names`, (n,).
        meta, calibration, clip: tried alone where not "auto".
    """
    if len(set(domains[y == 1]) - {""}) < 2:
        return None
    if len(X) > MOST_ROWS:
        drawn = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
        rows = np.sort(drawn)
        X, y, groups, domains = X.iloc[rows], y[rows], groups[rows], domains[rows]
    try:
        splits = domain_splits(y, groups, domains, enough=_ENOUGH_ROWS, seed=seed)
    except InputError:
        return None  # without one of its domains the table has a single class
    names = domains_of_fakes(domains, y)
    metas = METAS if meta == "auto" else (meta,)
    calibrations = CALIBRATIONS if calibration == "auto" else (calibration,)
    clips = CLIPS if clip == "auto" else (clip,)
    sets = list(_column_sets(X, y, domains, names))
    found: list[dict[str, Any]] = []
    tried: list[tuple[int, str]] = []  # of each row of `found`: which columns, which meta-learner

    def try_out(which: int, one: str) -> None:
        if (which, one) in tried:
            return
        stack = _Recording(one, n_splits=n_splits, seed=seed)
        losses = _losses(stack, X[sets[which]], y, groups, splits, calibrations, clips)
        for (kind, bounds), by_domain in losses.items():
            means = {name: float(np.concatenate(by_domain[name]).mean()) for name in names}
            settings = {"columns": len(sets[which]), "meta": one, "calibration": kind}
            worth = {"worst": max(means.values()), "mean": float(np.mean(list(means.values())))}
            found.append({**settings, "clip": bounds, **worth, **means})
            tried.append((which, one))

    def leader() -> int:
        return int(np.argmin([row["worst"] for row in found]))

    # All meta-learners on all columns, the leader on other columns, and then all on the best ones:
    # a third of the fits of every pair, which are most of the time.
    for one in metas:
        try_out(0, one)
    first = tried[leader()][1]
    for which in range(1, len(sets)):
        try_out(which, first)
    which = tried[leader()][0]
    for one in metas:
        try_out(which, one)
    table = pd.DataFrame(found)
    chosen = leader()
    row, columns = found[chosen], sets[tried[chosen][0]]
    worst = max(names, key=lambda name: row[name])
    note = (
        f"Robust: {row['meta']}, calibration {row['calibration']}, clip {row['clip']}, "
        f"{len(columns)} of {X.shape[1]} columns, because its worst domain ({worst}) has "
        f"{row['worst']:.4f}; the lowest mean over domains would be {table['mean'].min():.4f}, "
        f"this one has {row['mean']:.4f}."
    )
    return RobustChoice(columns, row["meta"], row["calibration"], row["clip"], table, chosen, note)


def _column_sets(
    X: pd.DataFrame, y: Array, domains: NDArray[np.str_], names: list[str]
) -> Iterator[list[Any]]:
    """All columns; those of the detectors that point the same way in every domain; of the half that
    ranks best in its worst domain; the scores alone."""
    everything = list(X.columns)
    sets = [everything]
    scores = [column for column in everything if is_score_column(column)]
    own = {name: (y == 1) & (domains == name) for name in names}
    steady, worst = [], []
    for column in scores:
        values = X[column].to_numpy(np.float64)
        known = ~np.isnan(values)
        sides = []
        for fakes in own.values():
            reals = (y == 0) & (domains == domains[fakes][0])
            rows = (fakes | (reals if reals.any() else y == 0)) & known
            if 0 < y[rows].mean() < 1:
                ranks = pd.Series(values[rows]).rank(pct=True).to_numpy()
                sides.append(auc(y[rows], ranks))
        # A detector that ranks backwards everywhere is as good as one that never does.
        worst.append(max(min(sides), 1 - max(sides)) if sides else 0.5)
        if worst[-1] >= 0.5:
            steady.append(column)
    order = np.argsort(-np.array(worst), kind="stable")
    half = [scores[j] for j in sorted(order[: (len(scores) + 1) // 2])]
    for kept in (steady, half):
        names_kept = set(map(str, kept))
        sets.append([c for c in everything if str(c).partition(":")[0] in names_kept])
    sets.append(scores)
    seen: list[list[Any]] = []
    for columns in sets:
        if columns and columns not in seen:
            seen.append(columns)
            yield columns


def _losses(
    stack: Stack,
    X: pd.DataFrame,
    y: Array,
    groups: NDArray[Any],
    splits: list[DomainSplit],
    calibrations: tuple[str, ...],
    clips: tuple[Clip, ...],
) -> dict[tuple[str, Clip], dict[str, list[Array]]]:
    """Row losses by (calibration, clip) and domain: one fit a split serves them all."""
    answer: dict[tuple[str, Clip], dict[str, list[Array]]] = {
        key: {split.domain: [] for split in splits} for key in product(calibrations, clips)
    }
    for split in splits:
        fitted = clone(stack).fit(X[split.train], y[split.train], groups=groups[split.train])
        raw = to_logit(fitted.predict_stages(X[split.test])["stacked"])
        for kind in calibrations:
            logit, limits = raw, (_EDGE, 1.0 - _EDGE)
            if fitted.learned_from_ is not None:
                known, labels, owner = fitted.learned_from_
                if kind != "none":
                    map_of = create_calibrator("temperature" if kind == "auto" else kind)
                    map_of.fit_logits(known, labels)
                    logit, known = map_of.map_logits(raw), map_of.map_logits(known)
                probability = np.clip(expit(known), _EDGE, 1.0 - _EDGE)
                limits = learned_clip(probability, labels, owner) or limits
            for bounds in clips:
                low, high = to_logit(
                    limits
                    if bounds == "auto"
                    else (_EDGE, 1.0 - _EDGE)
                    if bounds == "none"
                    else bounds
                )
                loss = log_losses(y[split.test], np.clip(logit, low, high))
                answer[kind, bounds][split.domain].append(loss)
    return answer
