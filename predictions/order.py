"""One order for the rows and columns of a table, in whatever order they come.

Sums of floating-point numbers depend on the order of what is summed, and draws by number on who has
which number. What is learned or measured is therefore put into an order of its own first: columns
by their names, rows by what they hold. Rows that hold the same are the same to whoever looks at
them, so no name is needed. Columns of a matrix without names stay where they are.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def row_order(*keys: ArrayLike) -> NDArray[np.intp]:
    """The positions (n,) that put rows in order by the first key, ties by the next, and so on.

    Args:
        keys: numbers, (n,) or (n, k) for k keys; NaN comes last. At least one.
    """
    table = np.column_stack([np.asarray(key, dtype=np.float64) for key in keys])
    n_keys = table.shape[1]
    first = 1
    while True:  # most rows differ in the first few keys already
        order = np.lexsort(table[:, :first].T[::-1])
        if first >= n_keys:
            return order
        ordered = table[order, :first]
        below, above = ordered[:-1], ordered[1:]
        alike = ((below == above) | (np.isnan(below) & np.isnan(above))).all(axis=1)
        if not alike.any():
            return order
        first = min(4 * first, n_keys)


def column_order(names: Iterable[Any]) -> list[Any]:
    """The names in their order where all are text; others as they are: they are positions."""
    names = list(names)
    return sorted(names) if all(isinstance(name, str) for name in names) else names
