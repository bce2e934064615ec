"""Which rows teach and which are judged when a domain is left out.

A domain is a data set, or a method of making fakes. Domains that name only fakes (methods, attacks)
cross the groups, as one person is faked by every method, and are judged beside real rows of no such
domain. No row is ever judged by a fit that knew its domain or its group.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError
from predictions.folds import assign_folds
from predictions.tables.columns import count
from stacking.inputs import Array, Codes, Rows, checked_labels

#: Rows to judge a domain by where its groups are spread over the others: one fit reaches them in
#: a large table, one for each of `_PARTS` parts of the groups in a small one. Fewer parts are fewer
#: fits, on fewer groups each: with 3 they still learn from two thirds.
ENOUGH_ROWS = 300
_PARTS = 3

#: Fits to share out over the domains, at least one each: three times the fits of the estimate on
#: the mean of the domains. With many domains each is judged on a part of its rows.
_MOST_FITS = 15

#: Share of the other domains' rows that may be kept from teaching for the sake of one domain.
_AFFORDABLE = 0.5


@dataclass(frozen=True)
class DomainSplit:
    """One fit: the rows (n,) that teach, and the rows of a domain that are judged."""

    domain: str
    train: Rows
    test: Rows


def domain_splits(
    y: ArrayLike,
    groups: ArrayLike | None,
    domains: ArrayLike,
    *,
    enough: int = ENOUGH_ROWS,
    seed: int = 0,
) -> list[DomainSplit]:
    """The fits that leave out each domain that names a fake, domain by domain.

    - A domain whose groups are mostly its own is judged whole, by one fit. Where leaving out its
      groups too would cost more than half of the other rows, the groups are put into 3 parts, and
      a fit knows neither the domain nor the groups of the part that is judged; as many parts are
      judged as it takes to reach `enough` rows, and fewer where many domains would take more than
      15 fits together.
    - A domain that names only fakes takes its share of the real rows that belong to no domain
      with fakes: whole groups, its own first and then by chance, until its reals stand to its
      judged fakes as in the table, at least one group while there are any. No real row is judged
      twice.

    Args:
        y: (n,) 1 = FAKE, 0 = REAL, none missing.
        groups: (n,) what is never split, or None when each row is its own.
        domains: (n,) names, missing for none.

    Raises:
        InputError: fewer than two domains name a fake, or one class alone would teach a fit.

    Examples:
        >>> from stacking import domain_splits
        >>> y, actor = [1, 0] * 60, [i // 2 for i in range(120)]
        >>> method = ["swap", "none"] * 30 + ["puppet", "none"] * 30
        >>> [split.domain for split in domain_splits(y, actor, method)]
        ['puppet', 'swap']
    """
    names = domain_names(domains)
    labels, codes = checked_labels(y, groups, len(names))
    left_out = domains_of_fakes(names, labels)
    n_parts = min(_PARTS, int(codes.max()) + 1)
    most = max(1, _MOST_FITS // len(left_out))
    part = assign_folds(labels, codes, n_parts, seed) if n_parts > 1 else np.zeros(len(codes))
    tests = [
        (name, test)
        for i, name in enumerate(left_out)
        for test in islice(_own_rows(names == name, codes, part, i, enough), most)
    ]
    shares = _shares(labels, codes, part, names, tests, seed)
    splits = []
    for (name, own), share in zip(tests, shares, strict=True):
        test = own | share
        train = (names != name) & ~np.isin(codes, codes[test])
        if not train.any() or labels[train].min() == labels[train].max():
            raise InputError(
                f"without the domain {name!r} and its groups, the rows hold one class only",
                remedy="give more domains or more groups",
            )
        splits.append(DomainSplit(name, train, test))
    return splits


def domain_names(domains: ArrayLike) -> NDArray[np.str_]:
    """The domain of each row as text, (n,), empty where it is missing."""
    column = pd.Series(np.asarray(domains, dtype=object))
    return np.asarray(column.where(column.notna(), "").astype(str).to_numpy(), dtype=np.str_)


def domains_of_fakes(names: NDArray[np.str_], y: Array) -> list[str]:
    """The domains that name a fake, sorted.

    Raises:
        InputError: fewer than two.
    """
    domains = sorted({str(name) for name in names[y == 1]} - {""})
    if len(domains) < 2:
        raise InputError(
            f"the domain column names {count(len(domains), 'domain')} with fakes",
            remedy="give at least 2, to leave one out",
        )
    return domains


def _own_rows(
    inside: Rows, codes: Codes, part: NDArray[Any], first: int, enough: int
) -> Iterator[Rows]:
    """The rows of a domain that each of its fits judges; the parts begin at `first`, in turn."""
    touched = np.isin(codes, codes[inside]) & ~inside
    if touched.sum() <= _AFFORDABLE * (~inside).sum():
        yield inside
        return
    names = np.unique(part)
    judged = 0
    for i in range(len(names)):
        test = inside & (part == names[(first + i) % len(names)])
        if test.any():
            judged += int(test.sum())
            yield test
        if judged >= enough:
            return


def _shares(
    y: Array,
    codes: Codes,
    part: NDArray[Any],
    names: NDArray[np.str_],
    tests: Sequence[tuple[str, Rows]],
    seed: int,
) -> list[Rows]:
    """The real rows that each test takes from the pool: those of no domain with fakes."""
    owners = {name for name, _ in tests}
    with_reals = {str(name) for name in names[y == 0]}
    pool = (y == 0) & ~np.isin(names, sorted(owners))
    fakes = (y == 1) & np.isin(names, sorted(owners - with_reals))
    ratio = pool.sum() / max(1, fakes.sum())
    free = pool.copy()
    order = np.random.default_rng(seed).permutation(int(codes.max()) + 1)
    shares = []
    for name, test in tests:
        share = np.zeros(len(y), dtype=bool)
        if name not in with_reals:
            # Where a domain is judged part by part, its reals come from the same groups.
            whole = bool(((names == name) == test).all())
            here = free & (whole | np.isin(part, part[test]))
            # Its own groups first, which cannot teach anyway.
            turn = order[np.argsort(~np.isin(order, codes[test]), kind="stable")]
            sizes = np.bincount(codes[here], minlength=len(turn))[turn]
            quota = ratio * test.sum()
            before = np.cumsum(sizes) - sizes
            taken = turn[(sizes > 0) & (before + sizes / 2 <= quota)]
            if not len(taken):
                taken = turn[sizes > 0][:1]
            share = here & np.isin(codes, taken)
            free &= ~share
        shares.append(share)
    return shares
