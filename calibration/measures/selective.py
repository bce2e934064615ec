"""Selective classification: how often calls are wrong if only the surest are made."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from calibration.inputs import Floats, check_scored


class SurestFirst:
    """Rows sorted once, so that their risks under many weightings cost only sums.

    Args:
        y: labels, (n,). p: probabilities of FAKE, (n,).
    """

    def __init__(self, y: Floats, p: Floats) -> None:
        sure = np.maximum(p, 1 - p)
        self._order = np.argsort(-sure, kind="stable")
        sure = sure[self._order]
        self._wrong = ((p > 0.5) != (y == 1))[self._order]
        self._last = np.append(np.flatnonzero(np.diff(sure)), len(sure) - 1)
        #: Of the least sure that are called, falling.
        self.sureness = sure[self._last]

    def of(self, weight: Floats) -> tuple[Floats, Floats]:
        """Coverage and risk at each sureness; the risk is 0 where nothing is called."""
        ordered = weight[self._order]
        called = np.cumsum(ordered)[self._last]
        wrong = np.cumsum(np.where(self._wrong, ordered, 0.0))[self._last]
        risk = np.divide(wrong, called, out=np.zeros_like(wrong), where=called > 0)
        return called / called[-1], risk

    def area(self, weight: Floats) -> float:
        """`aurc` of the rows with these weights (n,)."""
        coverage, risk = self.of(weight)
        return float(np.diff(np.append(0.0, coverage)) @ risk)


def risk_coverage(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> pd.DataFrame:
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
    labels, probability, weight = check_scored(y, p, w)
    rows = SurestFirst(labels, probability)
    coverage, risk = rows.of(weight)
    kept = coverage > 0
    table = {"sureness": rows.sureness, "coverage": coverage, "risk": risk}
    return pd.DataFrame(table)[kept].reset_index(drop=True)


def aurc(y: ArrayLike, p: ArrayLike, w: ArrayLike | None = None) -> float:
    """Area under the curve of `risk_coverage` (Geifman, Uziel and El-Yaniv 2019).

    The mean over the videos, from the surest on, of the share of calls so far that are wrong: 0 is
    perfect, and the share of errors at 0.5 is what an order that knows nothing comes to.

    Examples:
        >>> from calibration import aurc
        >>> round(aurc([1, 0, 0], [0.9, 0.2, 0.6]), 3)
        0.111
    """
    labels, probability, weight = check_scored(y, p, w)
    return SurestFirst(labels, probability).area(weight)
