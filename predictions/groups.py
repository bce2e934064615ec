"""Groups as numbers: one coder for all that draws, weighs or keeps groups whole."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError


def names_none(groups: pd.Series, videos: ArrayLike) -> bool:
    """Whether groups were made up, as nobody named any: each video is one, called by its id.

    Args:
        groups: of each video. videos: their ids.
    """
    return bool((groups.astype(str).to_numpy() == np.asarray(videos, dtype=str)).all())


def linked(one: NDArray[np.int_], other: NDArray[np.int_], n: int) -> NDArray[np.int32]:
    """The connected component of each of `n` nodes; each of `one` is linked to that of `other`."""
    if not len(one):  # new videos, of which nothing is known, do not wait for scipy
        return np.arange(n, dtype=np.int32)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(n, n))
    component: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return component


def group_codes(groups: ArrayLike | None, n: int, *, sort: bool = False) -> NDArray[np.intp]:
    """The group of each row as a number.

    Args:
        groups: (n,) names of any type, none missing; None makes every row a group of its own.
            Objects are compared as text, so that 7 and "7" are one group.
        n: number of rows.
        sort: number the groups in the order of their names, so that what is drawn by number does
            not depend on the order of the rows; else in order of first appearance.

    Returns:
        (n,) codes 0 .. n_groups - 1, all of them used.

    Raises:
        InputError: another number of groups than rows, or a row without a group (all of those
            would be one).

    Examples:
        >>> from predictions import group_codes
        >>> group_codes(["bob", "ann", "bob"], 3).tolist()
        [0, 1, 0]
        >>> group_codes(["bob", "ann", "bob"], 3, sort=True).tolist()
        [1, 0, 1]
    """
    if groups is None:
        return np.arange(n, dtype=np.intp)
    names = np.asarray(groups)
    if names.shape != (n,):
        raise InputError(
            f"the groups have the shape {names.shape}", expected=f"{n} of them, one a row"
        )
    missing = np.flatnonzero(pd.isna(names))
    if len(missing):
        raise InputError(
            f"there is no group ({len(missing)} such row{'s' * (len(missing) > 1)})",
            row=int(missing[0]) + 1,
            remedy="give every row a group, its own id if it stands alone",
        )
    if names.dtype == object:
        names = pd.Series(names).astype(str).to_numpy(dtype=object)
    return pd.factorize(names, sort=sort)[0].astype(np.intp)
