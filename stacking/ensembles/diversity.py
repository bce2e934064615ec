"""How differently detectors err, in pairs (Kuncheva and Whitaker 2003).

The oracle measures look at who is right on each row: for two detectors, n11 rows both get right,
n00 neither, n10 and n01 one of the two.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from predictions.errors import InputError
from stacking.inputs import Array

#: The measures of a pair, in the order of the columns.
MEASURES = ("residual_correlation", "disagreement", "q", "double_fault")


def oracle_measures(first: ArrayLike, second: ArrayLike) -> dict[str, float]:
    """Disagreement, Yule's Q and double fault of two detectors.

    disagreement = (n10 + n01) / n, in [0, 1]; q = (n11 n00 - n01 n10) / (n11 n00 + n01 n10), in
    [-1, 1], 0 where they err independently, NaN where the denominator is 0; double_fault =
    n00 / n, in [0, 1].

    Args:
        first, second: (n,) whether each detector is right on a row.
    """
    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise InputError(
            f"two detectors have answers of the shapes {a.shape} and {b.shape}",
            remedy="give both on the same rows",
        )
    n11, n00 = int((a & b).sum()), int((~a & ~b).sum())
    n10, n01 = int((a & ~b).sum()), int((~a & b).sum())
    both = n11 * n00 + n01 * n10
    return {
        "disagreement": (n10 + n01) / len(a),
        "q": (n11 * n00 - n01 * n10) / both if both else float("nan"),
        "double_fault": n00 / len(a),
    }


def pair_diversity(y: ArrayLike, probability: pd.DataFrame) -> pd.DataFrame:
    """The diversity of every two detectors.

    Args:
        y: (n,) 1 = FAKE, 0 = REAL.
        probability: (n, k) probabilities of FAKE, a column a detector, none missing. They should
            be on one scale and out of fold; a detector is right where it is over 0.5 for FAKE.

    Returns:
        A row a pair: `first`, `second`, `residual_correlation` (of y - p; NaN where a detector is
        constant on each class), `disagreement`, `q`, `double_fault`.
    """
    labels = np.asarray(y, dtype=np.float64)
    p = probability.to_numpy(np.float64)
    residual = labels[:, None] - p
    right = (p > 0.5) == (labels[:, None] == 1)
    centred = residual - residual.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    names = list(probability.columns)
    rows = []
    for i, j in combinations(range(len(names)), 2):
        scale = float(length[i] * length[j])
        correlation = float(centred[:, i] @ centred[:, j]) / scale if scale > 0 else float("nan")
        rows.append(
            {
                "first": names[i],
                "second": names[j],
                "residual_correlation": correlation,
                **oracle_measures(right[:, i], right[:, j]),
            }
        )
    return pd.DataFrame(rows, columns=["first", "second", *MEASURES])


def subset_diversity(pairs: pd.DataFrame, masks: NDArray[np.bool_], names: list[str]) -> Array:
    """The mean of each measure over the pairs inside each subset, (s, 4); NaN for one detector.

    Args:
        pairs: of `pair_diversity`. masks: (s, k). names: (k,) the detectors of the columns.

    A pair without a value (NaN) is left out of the mean.
    """
    place = {name: j for j, name in enumerate(names)}
    first = [place[name] for name in pairs["first"]]
    second = [place[name] for name in pairs["second"]]
    inside = (masks[:, first] & masks[:, second]).astype(np.float64)
    values = pairs[list(MEASURES)].to_numpy(np.float64)
    known = ~np.isnan(values)
    count = inside @ known
    total = inside @ np.where(known, values, 0.0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
