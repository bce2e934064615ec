"""Selective classification: how often calls are wrong if only the surest are made."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.inputs import Floats, check_scored


def risk_coverage(y: ArrayLike, p: ArrayLike) -> pd.DataFrame:
    """Errors among the surest videos, for every number of them (El-Yaniv and Wiener 2010).

    FAKE is called where p > 0.5; how sure that is, is max(p, 1 - p). Rows that are equally sure are
    called together.

    Returns:
        A row a step, from the surest: `sureness` (in [.5, 1]) of the least sure that are called,
        `coverage`, the share of videos that are called, and `risk`, how many of those are wrong.

    Examples:
        >>> from calibration import risk_coverage
        >>> risk_coverage([1, 0, 0], [0.9, 0.2, 0.6])["risk"].round(3).tolist()
        [0.0, 0.0, 0.333]
    """
    labels, probability, _ = check_scored(y, p)
    sure = np.maximum(probability, 1 - probability)
    wrong = ((probability > 0.5) != (labels == 1)).astype(np.float64)
    order = np.argsort(-sure, kind="stable")
    sure, wrong = sure[order], np.cumsum(wrong[order])
    last = np.append(np.flatnonzero(np.diff(sure)), len(sure) - 1)
    called = last + 1.0
    return pd.DataFrame(
        {
            "sureness": sure[last],
            "coverage": called / len(sure),
            "risk": wrong[last] / called,
        }
    )


def aurc(y: ArrayLike, p: ArrayLike) -> float:
    """Area under the curve of `risk_coverage` (Geifman, Uziel and El-Yaniv 2019).

    The mean over the videos, from the surest on, of the share of calls so far that are wrong: 0 is
    perfect, and the share of errors at 0.5 is what an order that knows nothing comes to.

    Examples:
        >>> from calibration import aurc
        >>> round(aurc([1, 0, 0], [0.9, 0.2, 0.6]), 3)
        0.111
    """
    curve = risk_coverage(y, p)
    steps: Floats = np.diff(np.append(0.0, curve["coverage"].to_numpy()))
    return float(steps @ curve["risk"].to_numpy())
