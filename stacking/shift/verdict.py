"""Are new videos like the labelled ones, do only their labels come in another share, or neither?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration import estimate_prior
from predictions.groups import group_codes
from predictions.order import column_order, row_order
from stacking.inputs import Array, Codes
from stacking.shift.two_sample import TwoSample, bounded, tell_apart

#: What a sample is called that can be told apart with less than this chance.
_LEVEL = 0.05
#: AUC of telling new from labelled below which they differ by little, however surely.
LITTLE = 0.55
#: Drawn memberships of the groups, and shares at which two distributions are compared.
_DRAWS, _SHARES = 999, np.linspace(0.025, 0.975, 39)

#: The share of either sample's scores that must be there for two distributions to be compared.
_KNOWN = 0.5

Kind = Literal["alike", "share", "little", "other", "unknown"]


@dataclass(frozen=True)
class Moved:
    """A column whose scores lie elsewhere.

    Attributes:
        name: of the column.
        gap: the largest distance of the two distribution functions, in [0, 1].
        p_value: of so large a gap by chance, over groups, corrected for the number of columns.
    """

    name: str
    gap: float
    p_value: float


@dataclass(frozen=True)
class ShiftVerdict:
    """Whether new videos are like the labelled ones, as far as their scores tell.

    Attributes:
        kind: `alike`: they cannot be told apart; `share`: only their share of fakes is another;
            `little`: they differ, but by little; `other`: they are of another kind; `unknown`:
            there are too few groups to tell.
        test: of the samples as they are. matched: with as many fakes among the labelled ones as
            are estimated among the new ones; None where that was not needed, or not known.
        share: of fakes among the new ones, by EM from the stack's probabilities; None where the
            scores do not tell it.
        moved: columns that lie elsewhere, the furthest first.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from stacking import judge_shift
        >>> draw = np.random.default_rng(0)
        >>> y = draw.integers(0, 2, 200)
        >>> X = pd.DataFrame({"a": 2 * y + draw.normal(size=200), "b": y + draw.normal(size=200)})
        >>> new = X.assign(b=X["b"] + 5)
        >>> verdict = judge_shift(X, y, None, new, None, np.full(200, 0.5))
        >>> verdict.kind, [one.name for one in verdict.moved]
        ('other', ['b'])
    """

    kind: Kind
    test: TwoSample | None
    matched: TwoSample | None
    share: float | None
    moved: tuple[Moved, ...]

    @property
    def judged(self) -> TwoSample | None:
        """The test that decided."""
        return self.test if self.matched is None else self.matched

    def facts(self) -> dict[str, Any]:
        """What a note tells of it, as JSON values."""
        judged = self.judged
        return {
            "kind": self.kind,
            "auc": None if judged is None else judged.auc,
            "p_value": None if judged is None else judged.p_value,
            "groups": 0 if judged is None else min(judged.groups),
            "share": self.share,
            "moved": {one.name: [one.gap, one.p_value] for one in self.moved},
        }


def judge_shift(
    labelled: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    new: pd.DataFrame,
    new_groups: ArrayLike | None,
    probability: ArrayLike,
    seed: int = 0,
    *,
    source: float | None = None,
) -> ShiftVerdict:
    """Compare the scores of new videos with those of the labelled ones; no label of a new one is
    needed.

    Args:
        labelled: (n, k) scores as the stack takes them, out of fold. y: their labels, (n,).
        groups: (n,) what is drawn as a whole. new, new_groups: the same of the new videos (m,).
        probability: the stack's, of the new videos, (m,). seed: of what is drawn.
        source: the share of fakes that the probabilities are for; that of `y` where none is said.

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from stacking import judge_shift
        >>> draw = np.random.default_rng(0)
        >>> y = draw.integers(0, 2, 200)
        >>> X = pd.DataFrame({"a": 2 * y + draw.normal(size=200)})
        >>> p = 1 / (1 + np.exp(-X["a"] + 1))
        >>> judge_shift(X[:100], y[:100], None, X[100:], None, p[100:]).kind
        'alike'
    """
    labels = np.asarray(y, dtype=np.float64)
    columns = column_order(list(labelled.columns))
    # What is drawn is drawn by place, so the places are those of what the rows hold.
    rows, new_rows = row_order(labelled[columns], labels), row_order(new[columns], probability)
    labelled, labels, new = labelled.iloc[rows], labels[rows], new.iloc[new_rows]
    probability = np.asarray(probability)[new_rows]
    groups = None if groups is None else np.asarray(groups)[rows]
    new_groups = None if new_groups is None else np.asarray(new_groups)[new_rows]
    codes = group_codes(groups, len(labelled), sort=True)
    moved = _moved(
        labelled[columns].to_numpy(np.float64),
        codes,
        new[columns].to_numpy(np.float64),
        group_codes(new_groups, len(new), sort=True),
        columns,
        seed,
    )
    test = tell_apart(labelled, groups, new, new_groups, seed)
    if test is None:
        return ShiftVerdict("unknown", None, None, None, moved)
    if test.p_value > _LEVEL:
        return ShiftVerdict("alike", test, None, None, moved)
    source = float(labels.mean()) if source is None else source
    share = _share(probability, source, new_groups)
    matched = None
    if share is not None and 0 < labels.mean() < 1:
        kept = with_share(labels, share, seed)
        matched = tell_apart(
            labelled[kept],
            None if groups is None else np.asarray(groups)[kept],
            new,
            new_groups,
            seed,
        )
    if matched is not None and matched.p_value > _LEVEL:
        return ShiftVerdict("share", test, matched, share, moved)
    least = min(one.auc for one in (test, matched) if one is not None)
    return ShiftVerdict("other" if least >= LITTLE else "little", test, matched, share, moved)


def _share(probability: ArrayLike, source: float, groups: ArrayLike | None) -> float | None:
    if not 0 < source < 1:
        return None
    estimate = estimate_prior(probability, source, groups)
    return estimate.prior.value if estimate.identifiable else None


def with_share(y: ArrayLike, share: float, seed: int = 0) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which rows (n,) to keep so that `share` of them are fakes: all of one label, and some of the
    other, by chance.

    Args:
        y: labels, (n,), both there. share: in (0, 1).

    Examples:
        >>> from stacking.shift.verdict import with_share
        >>> int(with_share([1] * 50 + [0] * 50, 0.2).sum())
        62
    """
    fake = np.asarray(y) == 1
    fakes, reals = int(fake.sum()), int((~fake).sum())
    kept = np.ones(len(fake), dtype=bool)
    draw = np.random.default_rng(seed)
    if fakes / len(fake) > share:
        rarer, wanted = fake, round(share / (1 - share) * reals)
    else:
        rarer, wanted = ~fake, round((1 - share) / share * fakes)
    places = np.flatnonzero(rarer)
    kept[draw.permutation(places)[max(wanted, 1) :]] = False
    return kept


def _moved(
    one: Array, codes: Codes, other: Array, other_codes: Codes, names: list[Any], seed: int
) -> tuple[Moved, ...]:
    """Columns whose gap is beyond chance, by groups drawn into the samples at random."""
    one, codes = bounded(one, codes, np.random.default_rng((seed, 0)))
    other, other_codes = bounded(other, other_codes, np.random.default_rng((seed, 1)))
    counts = int(codes.max(initial=-1)) + 1, int(other_codes.max(initial=-1)) + 1
    if min(counts) < 2:
        return ()
    group = np.concatenate([codes, other_codes + counts[0]])
    member = (np.arange(sum(counts)) >= counts[0]).astype(np.float64)
    draw = np.random.default_rng(seed)
    drawn = np.vstack([member, *(draw.permutation(member) for _ in range(_DRAWS))])
    found = []
    for name, column in zip(names, np.vstack([one, other]).T, strict=True):
        there = ~np.isnan(column)
        if min(there[: len(one)].mean(), there[len(one) :].mean()) < _KNOWN:
            continue  # of what is missing, the classifier knows
        edges = np.unique(np.quantile(column[there], _SHARES))
        below = column[there][:, None] <= edges
        sums = np.zeros((sum(counts), len(edges)))
        np.add.at(sums, group[there], below)
        sizes = np.bincount(group[there], minlength=sum(counts))
        with np.errstate(invalid="ignore", divide="ignore"):
            gaps = np.abs(
                drawn @ sums / (drawn @ sizes)[:, None]
                - (1 - drawn) @ sums / ((1 - drawn) @ sizes)[:, None]
            ).max(axis=1)
        p_value = float((np.nan_to_num(gaps) >= gaps[0] - 1e-12).mean())
        found.append(Moved(str(name), float(gaps[0]), min(1.0, p_value * len(names))))
    elsewhere = [one for one in found if one.p_value <= _LEVEL]
    return tuple(sorted(elsewhere, key=lambda one: (-one.gap, one.name)))
