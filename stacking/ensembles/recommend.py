"""Which ensemble to take: the smallest, then cheapest, within one standard error of the best."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from stacking.ensembles.costs import COSTS
from stacking.inputs import Array


@dataclass(frozen=True)
class Choice:
    """A row of the candidates and the one it is measured against.

    `difference`: its mean log loss minus that of `best`; `standard_error`: of that difference.
    """

    chosen: int
    best: int
    difference: float
    standard_error: float


def paired_differences(sums: Array, counts: Array, to: int) -> tuple[Array, Array]:
    """Mean loss of each candidate minus that of candidate `to`, and its standard error, (s,) each.

    Args:
        sums: (groups, s) losses summed over the rows of a group.
        counts: (groups,) rows of a group.

    The standard error is `calibration.standard_error` of the row differences over groups:
    infinite with one group.
    """
    gaps = sums - sums[:, to : to + 1]
    mean = gaps.sum(axis=0) / counts.sum()
    n_groups = len(counts)
    if n_groups < 2:
        return mean, np.full(len(mean), np.inf)
    spread = ((gaps - counts[:, None] * mean) ** 2).sum(axis=0)
    return mean, np.sqrt(n_groups / (n_groups - 1) * spread) / counts.sum()


def choose(
    sums: Array,
    counts: Array,
    sizes: NDArray[np.intp],
    costs: pd.DataFrame,
    allowed: NDArray[np.bool_],
) -> Choice:
    """The smallest allowed candidate within one standard error of the best allowed one.

    Among candidates of one size the fewest seconds decide, then the fewest MB (costs that are not
    known come last), then the lowest loss.

    Args:
        sums, counts: as in `paired_differences`.
        sizes: (s,) detectors in each candidate.
        costs: (s rows) `seconds` and `mb`.
        allowed: (s,) which candidates take part, at least one.
    """
    means = np.where(allowed, sums.sum(axis=0), np.inf)
    best = int(np.argmin(means))
    difference, error = paired_differences(sums, counts, best)
    near = np.flatnonzero(allowed & (difference <= error))
    near = near if best in near else np.append(near, best)
    keys = [means, *(costs[cost].fillna(np.inf).to_numpy() for cost in reversed(COSTS)), sizes]
    chosen = int(near[np.lexsort([np.asarray(key)[near] for key in keys])[0]])
    return Choice(chosen, best, float(difference[chosen]), float(error[chosen]))


def pareto_front(cost: Array, loss: Array) -> NDArray[np.bool_]:
    """Candidates (s,) for which none is as cheap and better, or cheaper and as good.

    NaN costs are never on the front; of equal candidates the first is.
    """
    order = np.lexsort([loss, cost])
    front = np.zeros(len(cost), dtype=bool)
    least = np.inf
    for i in order:
        if not np.isnan(cost[i]) and loss[i] < least:
            front[i] = True
            least = loss[i]
    return front


def explain(choice: Choice, table: pd.DataFrame, budget: dict[str, float]) -> str:
    """Why that candidate, in one or two sentences.

    Args:
        table: a row a candidate: `models` (tuple), `size`, `log_loss`, `seconds`, `mb`.
    """
    chosen, best = table.iloc[choice.chosen], table.iloc[choice.best]
    within = "".join(f" within {most:g} {COSTS[cost]}" for cost, most in budget.items())
    of_all = f"{chosen['size']} of {int(table['size'].max())} detectors"
    start = f"Take {', '.join(chosen['models'])} ({of_all}): log loss {chosen['log_loss']:.4f}"
    if choice.chosen == choice.best:
        return f"{start}, the lowest{within}; nothing smaller is within one standard error of it."
    alike = (
        f"{start}, {choice.difference:.4f} behind the best{within}, which takes {best['size']} "
        f"({best['log_loss']:.4f}), and one standard error of that difference is "
        f"{choice.standard_error:.4f}; nothing smaller is as near."
    )
    saved = [
        f"{_rounded(chosen[cost])} instead of {_rounded(best[cost])} {name}"
        for cost, name in COSTS.items()
        if chosen[cost] < best[cost]
    ]
    return f"{alike} It costs {' and '.join(saved)}." if saved else alike


def _rounded(cost: float) -> str:
    """Three digits; thousands as they are."""
    return f"{cost:.3g}" if cost < 100 else f"{cost:.0f}"
