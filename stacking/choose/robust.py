"""The settings of a stack, chosen by the worst domain instead of the mean.

A public board is not a private board: what wins on the mean of the known domains may lose in the
next one. Here each candidate is judged on domains it was not fitted on, and counts for what it is
worth in the worst of them.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.base import clone

from calibration import create_calibrator
from calibration.measures.scores import log_loss_of_logits
from predictions.errors import InputError
from predictions.logits import to_logit
from predictions.notes import Note, NoteKind
from stacking.choose.column_sets import column_sets
from stacking.clipping import learned_clip
from stacking.estimate.domain_splits import DomainSplit, domain_splits, domains_of_fakes
from stacking.inputs import Array, Codes
from stacking.recording import RecordingStack
from stacking.stack import Stack

Clip = Literal["auto", "none"] | tuple[float, float]

#: What is tried where a setting is "auto", from the simplest to the most flexible. Trees and the
#: network are not among them: they would take most of the time, on fits that are many already.
METAS = ("mean", "mean_logit", "nonneg", "logistic", "splines")
CALIBRATIONS = ("none", "temperature", "affine")
CLIPS: tuple[Clip, ...] = ("auto", (0.01, 0.99), (0.02, 0.98), (0.05, 0.95), (0.1, 0.9))

#: The settings of a Stack that are chosen beside the columns.
SETTINGS = ("meta", "calibration", "clip")

#: The choice looks at no more rows than this, drawn at random; the stack is fitted on all.
MOST_ROWS = 4_000

#: Where no clip is asked for, probabilities are still kept this far from 0 and 1.
_OPEN = (1e-15, 1.0 - 1e-15)

#: Rows to judge a domain by, for the choice.
_ENOUGH_ROWS = 150


def _sentence(
    meta: str,
    calibration: str,
    clip: str | list[float],
    columns: int,
    of: int,
    domain: str,
    worst: float,
    mean: float,
    lowest_mean: float,
) -> str:
    bounds = clip if isinstance(clip, str) else tuple(clip)
    return (
        f"Robust: {meta}, calibration {calibration}, clip {bounds}, {columns} of {of} columns, "
        f"because its worst domain ({domain}) has {worst:.4f}; the lowest mean over domains would "
        f"be {lowest_mean:.4f}, this one has {mean:.4f}."
    )


#: The settings that were taken; how many `columns` `of` all; the log loss in the `worst` domain,
#: which is `domain`, the `mean` over domains, and the `lowest_mean` of all candidates.
CHOSEN = NoteKind("stacking.robust", _sentence)

UNCHANGED = NoteKind(
    "stacking.robust-unchanged",
    "Robust: fewer than two domains name a fake, so the settings stay as they are.",
)


@dataclass(frozen=True)
class RobustChoice:
    """The settings with the lowest log loss in the worst domain.

    Attributes:
        columns: the columns of X that take part.
        table: a row a candidate, as tried: `columns` (how many), `meta`, `calibration`, `clip`,
            `worst` (log loss of the worst domain), `mean` (over domains), and the log loss of
            each domain in `domain NAME`.
        chosen: its row.
        note: what was chosen, and why.
    """

    columns: list[Any]
    table: pd.DataFrame
    chosen: int
    note: Note

    @property
    def settings(self) -> dict[str, Any]:
        """`meta`, `calibration` and `clip`, as Stack takes them."""
        return {name: self.table[name].iloc[self.chosen] for name in SETTINGS}

    def to_dict(self) -> dict[str, Any]:
        """robust.json: what was chosen, and every candidate with its log loss by domain."""
        row = self.table.iloc[self.chosen]
        return {
            "columns": [str(name) for name in self.columns],
            **self.settings,
            "worst": float(row["worst"]),
            "mean": float(row["mean"]),
            "reason": str(self.note),
            "candidates": self.table.to_dict(orient="records"),
        }


def choose_robust(
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
    domains: NDArray[np.str_],
    template: Stack,
) -> RobustChoice | None:
    """The settings whose worst domain has the lowest log loss; None where none can be judged.

    Each candidate is fitted without one domain (see `domain_splits`) and judged on it. There is
    nothing to choose by where fewer than two domains name a fake, or where the rows without one of
    them are a single class.

    Args:
        X, y, groups: (n, k) scores; (n,) labels of 0.0 and 1.0; (n,) codes.
        domains: of `domain_names`, (n,).
        template: unfitted; its settings that are "auto" are chosen, the others kept.
    """
    n_splits, seed = template.n_splits, template.seed
    if len(X) > MOST_ROWS:
        drawn = np.random.default_rng(seed).permutation(len(X))[:MOST_ROWS]
        rows = np.sort(drawn)
        X, y, groups, domains = X.iloc[rows], y[rows], groups[rows], domains[rows]
    try:
        splits = domain_splits(y, groups, domains, enough=_ENOUGH_ROWS, seed=seed)
    except InputError:
        return None
    names = domains_of_fakes(domains, y)
    metas = METAS if template.meta == "auto" else (template.meta,)
    calibrations = CALIBRATIONS if template.calibration == "auto" else (template.calibration,)
    clips: tuple[Clip, ...] = CLIPS if template.clip == "auto" else (template.clip,)
    sets = list(column_sets(X, y, domains, names))
    candidates: list[dict[str, Any]] = []
    tried: list[tuple[int, str]] = []  # of each candidate: which columns, which meta-learner

    def try_out(which: int, one: str) -> None:
        if (which, one) in tried:
            return
        stack = RecordingStack(one, "none", n_splits=n_splits, seed=seed)
        losses = _losses(stack, X[sets[which]], y, groups, splits, calibrations, clips)
        for (kind, bounds), by_domain in losses.items():
            means = {name: float(np.concatenate(by_domain[name]).mean()) for name in names}
            settings = {"columns": len(sets[which]), "meta": one, "calibration": kind}
            worth = {"worst": max(means.values()), "mean": float(np.mean(list(means.values())))}
            of_each = {_column(name): value for name, value in means.items()}
            candidates.append({**settings, "clip": bounds, **worth, **of_each})
            tried.append((which, one))

    def leader() -> int:
        return int(np.argmin([row["worst"] for row in candidates]))

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
    table = pd.DataFrame(candidates)
    chosen = leader()
    row, columns = candidates[chosen], sets[tried[chosen][0]]
    note = CHOSEN(
        **{name: row[name] for name in ("meta", "calibration", "columns", "worst", "mean")},
        clip=row["clip"] if isinstance(row["clip"], str) else list(row["clip"]),
        of=X.shape[1],
        domain=max(names, key=lambda name: row[_column(name)]),
        lowest_mean=float(table["mean"].min()),
    )
    return RobustChoice(columns, table, chosen, note)


def _column(domain: str) -> str:
    """Of the table: a domain may be called `mean`."""
    return f"domain {domain}"


def _losses(
    stack: RecordingStack,
    X: pd.DataFrame,
    y: Array,
    groups: Codes,
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
            logit, limits = raw, _OPEN
            if fitted.learned_from_ is not None:
                known, labels, owner = fitted.learned_from_
                if kind != "none":
                    map_of = create_calibrator(kind).fit_logits(known, labels)
                    logit, known = map_of.map_logits(raw), map_of.map_logits(known)
                probability = np.clip(expit(known), *_OPEN)
                limits = learned_clip(probability, labels, owner) or limits
            for bounds in clips:
                named = {"auto": limits, "none": _OPEN}
                low, high = to_logit(named[bounds] if isinstance(bounds, str) else bounds)
                loss = log_loss_of_logits(y[split.test], np.clip(logit, low, high))
                answer[kind, bounds][split.domain].append(loss)
    return answer
