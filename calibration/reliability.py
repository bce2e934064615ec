"""The reliability diagram: as data (prepare_reliability), and drawn (plot_reliability)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.fft import dct, idct

from calibration.inputs import Codes, Floats, check_judged
from calibration.measures.ece import Binning, bin_rows, ece
from calibration.measures.scores import log_loss
from calibration.measures.smooth import smooth_ece, spread_on_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Normal quantile of a central 95 %.
_Z = 1.959963984540054

#: Where less than this share of the rows lies within a kernel's width, no curve is drawn.
_THIN = 2e-3

_INK, _BAND, _REAL, _FAKE = "#1b3a5c", "#c9d3de", "#4c9f70", "#d1495b"


@dataclass(frozen=True)
class ReliabilityDiagram:
    """What a reliability diagram shows.

    Attributes:
        bins: a row a bin that holds rows, in order: `mean_p`, `share` of FAKE with its 95 %
            interval `low`, `high`; `consistent_low`, `consistent_high`, between which the share
            of a perfectly calibrated score would lie in 95 %; `count` of rows, `reals`, `fakes`.
        curve: `p` and the smoothed `share` of FAKE (NaN where there are hardly any rows), with
            the smoothed densities `reals` and `fakes`, which together integrate to 1.
        n_rows, n_groups, share: of the table.
        log_loss, ece, smooth_ece: of the probabilities; `ece` over these bins, debiased.
        ece_plain: the literature's, over 15 bins of equal width, not debiased.

    Examples:
        >>> from calibration import prepare_reliability
        >>> diagram = prepare_reliability([0, 1] * 50, [0.2, 0.8] * 50, n_bins=2)
        >>> diagram.bins[["mean_p", "share", "count"]].round(2).values.tolist()
        [[0.2, 0.0, 50.0], [0.8, 1.0, 50.0]]
    """

    bins: pd.DataFrame
    curve: pd.DataFrame
    n_rows: int
    n_groups: int
    share: float
    log_loss: float
    ece: float
    ece_plain: float
    smooth_ece: float


def prepare_reliability(
    y: ArrayLike,
    p: ArrayLike,
    groups: ArrayLike | None = None,
    *,
    n_bins: int = 15,
    binning: Binning = "mass",
) -> ReliabilityDiagram:
    """The data of a reliability diagram.

    Intervals of the shares are Wilson's with the number of rows divided by the bin's design
    effect over groups (at least 1; where all rows of a bin have one label, that of rows wholly
    alike within a group), so that a bin of one label still has an interval. The curve is a kernel
    regression with the kernel of the smooth calibration error (Blasiok and Nakkiran 2023) and the
    normal reference width 1.06 sd(p) n^(-1/5), held between 0.01 and 0.1.

    Args:
        y, p: labels and probabilities of FAKE, (n,).
        groups: rows that are not independent of each other, (n,).
        n_bins, binning: equal "mass" or equal "width".

    Examples:
        >>> from calibration import prepare_reliability
        >>> diagram = prepare_reliability([0, 0, 0, 1] * 25, [0.25] * 100, n_bins=1)
        >>> diagram.bins["share"].tolist(), diagram.n_groups
        ([0.25], 100)
    """
    labels, probability, codes = check_judged(y, p, groups)
    bins = bin_rows(probability, np.ones(len(labels)), n_bins, binning)
    rows = [
        _describe_bin(labels[bins == b], probability[bins == b], codes[bins == b])
        for b in np.unique(bins)
    ]
    return ReliabilityDiagram(
        bins=pd.DataFrame(rows),
        curve=_smooth_curve(labels, probability),
        n_rows=len(labels),
        n_groups=int(codes.max()) + 1,
        share=float(labels.mean()),
        log_loss=log_loss(labels, probability),
        ece=ece(labels, probability, n_bins=n_bins, binning=binning),
        ece_plain=ece(labels, probability, binning="width", debias=False),
        smooth_ece=smooth_ece(labels, probability),
    )


def _describe_bin(y: Floats, p: Floats, codes: Codes) -> dict[str, float]:
    n = len(y)
    share, mean_p = float(y.mean()), float(p.mean())
    rows = n / _design_effect(y - share, codes)
    # Wilson 1927.
    centre = (share + _Z**2 / (2 * rows)) / (1 + _Z**2 / rows)
    half = _Z * np.sqrt(share * (1 - share) / rows + _Z**2 / (4 * rows**2)) / (1 + _Z**2 / rows)
    expected = _Z * float(np.sqrt(np.sum(p * (1 - p)) / (n * rows)))
    return {
        "mean_p": mean_p,
        "share": share,
        "low": min(max(float(centre - half), 0.0), share),
        "high": max(min(float(centre + half), 1.0), share),
        "consistent_low": max(mean_p - expected, 0.0),
        "consistent_high": min(mean_p + expected, 1.0),
        "count": n,
        "reals": int((y == 0).sum()),
        "fakes": int((y == 1).sum()),
    }


def _design_effect(residual: Floats, codes: Codes) -> float:
    """Variance of the mean over groups, over that of independent rows; at least 1."""
    _, inside = np.unique(codes, return_inverse=True)
    sizes = np.bincount(inside)
    largest = float((sizes**2).sum() / sizes.sum())
    independent = float((residual**2).sum())
    if independent == 0:
        return largest
    grouped = float((np.bincount(inside, weights=residual) ** 2).sum())
    return min(max(grouped / independent, 1.0), max(largest, 1.0))


def _smooth_curve(y: Floats, p: Floats) -> pd.DataFrame:
    width = min(max(1.06 * float(p.std()) * len(p) ** -0.2, 0.01), 0.1)
    spread = spread_on_grid(p)
    masses = np.vstack([spread @ (1 - y), spread @ y]) / len(y)
    size = masses.shape[1]
    decay = np.exp(-((np.pi * np.arange(size) * width) ** 2) / 2)
    reals, fakes = np.maximum(idct(dct(masses, axis=1) * decay, axis=1), 0)
    near = (reals + fakes) * size * width
    share = np.divide(fakes, reals + fakes, out=np.full(size, np.nan), where=near > _THIN)
    grid = (np.arange(size) + 0.5) / size
    return pd.DataFrame({"p": grid, "share": share, "reals": reals * size, "fakes": fakes * size})


def plot_reliability(data: ReliabilityDiagram, ax: "Axes | None" = None) -> "Axes":
    """Draw a reliability diagram; on new axes if none are given. Returns the axes.

    Grey: where the points of a perfectly calibrated score would lie in 95 %. Points and bars:
    share of FAKE a bin with its 95 % interval. Line: the smoothed share. At the foot: where the
    rows are, REAL and FAKE. Legend and measures stand below the axes.

    Examples:
        >>> from matplotlib.figure import Figure
        >>> from calibration import plot_reliability, prepare_reliability
        >>> diagram = prepare_reliability([0, 1] * 50, [0.2, 0.8] * 50)
        >>> axes = plot_reliability(diagram, Figure().subplots())
        >>> axes.get_xlabel()
        'probability of FAKE'
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=(5, 6), layout="constrained").add_subplot()
    bins, curve = data.bins, data.curve
    rows = np.maximum(curve["reals"] + curve["fakes"], 1e-12)
    # The square root keeps the thin middle visible beside the crowded ends; it is taken of the
    # whole height, which REAL and FAKE then share as they share the rows.
    height = np.sqrt(rows / rows.max()) * 0.16
    border = height * curve["reals"] / rows
    for floor, top, colour, name in (
        (0 * height, border, _REAL, "REAL"),
        (border, height, _FAKE, "FAKE"),
    ):
        ax.fill_between(
            curve["p"], floor, top, color=colour, alpha=0.35, linewidth=0, label=f"rows: {name}"
        )
    ax.fill_between(
        bins["mean_p"],
        bins["consistent_low"],
        bins["consistent_high"],
        color=_BAND,
        linewidth=0,
        alpha=0.9,
        label="calibrated, 95 %",
    )
    ax.plot([0, 1], [0, 1], color="#7c8894", linewidth=0.8)
    ax.plot(curve["p"], curve["share"], color=_INK, linewidth=1.6, alpha=0.75, label="smoothed")
    ax.errorbar(
        bins["mean_p"],
        bins["share"],
        yerr=[bins["share"] - bins["low"], bins["high"] - bins["share"]],
        fmt="o",
        markersize=4,
        color=_INK,
        elinewidth=1,
        label="bins, 95 %",
    )
    ax.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        anchor="N",
        xlabel="probability of FAKE",
        ylabel="share of FAKE",
    )
    ax.grid(color="#e6eaee", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    # Curves and bars may lie anywhere between the axes, so what is said of them stands below, where
    # the axes leave what is to spare of the height.
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
        ncols=2,
        fontsize="small",
        frameon=False,
        title=f"log loss {data.log_loss:.4f}, ECE {data.ece_plain:.4f}\n"
        f"debiased ECE {data.ece:.4f}, smooth ECE {data.smooth_ece:.4f}",
        title_fontsize="small",
    )
    return ax
