"""One measure over many videos: quantiles and a histogram by label, and how well it tells them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

_QUANTILES = {"low": 0.05, "quarter": 0.25, "median": 0.5, "three_quarters": 0.75, "high": 0.95}
_BINS = 24


@dataclass(frozen=True)
class Numbers:
    """What is said of one measure.

    Attributes:
        by_label: label -> `n`, `min`, the quantiles, `max`, `bins` (counts).
        edges: bounds of the bins, shared by all labels; the outermost bins take what lies beyond.
        auc: chance that a fake's value is greater than a real one's, ties half; None without both.
        auc_error: standard error of the AUC if the measure told nothing.
    """

    by_label: dict[str, dict[str, Any]]
    edges: list[float] = field(repr=False)
    auc: float | None
    auc_error: float | None

    def as_json(self) -> dict[str, Any]:
        """JSON values."""
        return {
            **self.by_label,
            "edges": self.edges,
            "auc": self.auc,
            "auc_error": self.auc_error,
        }


def describe_numbers(values: "pd.Series[float]", label: "pd.Series[str]") -> Numbers:
    """Describe finite values, one a video, by the label of the video; missing ones are left out."""
    known = np.isfinite(values.to_numpy(np.float64, na_value=np.nan))
    numbers = values.to_numpy(np.float64, na_value=np.nan)[known]
    labels = label.to_numpy(dtype=object)[known]
    edges = _edges(numbers)
    by_label = {}
    for name in sorted(set(labels)):
        here = numbers[labels == name]
        counts, _ = np.histogram(np.clip(here, edges[0], edges[-1]), edges)
        by_label[str(name)] = {
            "n": len(here),
            "min": _rounded(here.min()),
            **{key: _rounded(np.quantile(here, q)) for key, q in _QUANTILES.items()},
            "max": _rounded(here.max()),
            "bins": counts.tolist(),
        }
    auc, error = _auc(numbers[labels == "fake"], numbers[labels == "real"])
    return Numbers(by_label, [_rounded(edge) for edge in edges], auc, error)


def _edges(numbers: np.ndarray) -> np.ndarray:
    """Equal bins over the middle 98 %; a single value gets one bin around it."""
    low, high = np.quantile(numbers, [0.01, 0.99]) if len(numbers) else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(high), 1.0):
        half = max(abs(low) * 0.05, 0.5)
        return np.array([low - half, low + half])
    return np.linspace(low, high, _BINS + 1)


def _auc(fake: np.ndarray, real: np.ndarray) -> tuple[float | None, float | None]:
    if not len(fake) or not len(real):
        return None, None
    ranks = rankdata(np.concatenate([fake, real]))
    above = ranks[: len(fake)].sum() - len(fake) * (len(fake) + 1) / 2
    error = ((len(fake) + len(real) + 1) / (12 * len(fake) * len(real))) ** 0.5
    return round(float(above / (len(fake) * len(real))), 4), round(float(error), 4)


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
