"""What happens when the probability has to become a yes or no."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, cell, count
from fakeodds.view.figures import CLOUD, FAKE, GREY, REAL, SERIES, STRONG, plain_axes
from fakeodds.view.format import apart_in_figure, number, percent
from stacking.estimate.stages import singles

#: Points of a ROC curve that are drawn.
_POINTS = 500

_BINS = 40

#: From this AUC on, only so much of the ROC's upper left corner is drawn.
_GOOD, _CORNER = 0.97, 0.2

#: With a smaller share of one class, accuracy hides how that class fares.
_UNEVEN = 0.4

_COUNTS = {
    "true_fake": "FAKE found",
    "false_real": "FAKE missed",
    "true_real": "REAL passed",
    "false_fake": "false alarms",
}


def build(contents: Contents) -> Section | None:
    """ROC curves, confusion at thresholds that were chosen on other folds, and histograms."""
    oof, shown = contents.oof, contents.before_and_after
    if oof is None or not shown:
        return None
    final = shown[-1]
    decisions = prepare_decisions(oof, final)
    parts: list[Part] = [
        _roc(contents, oof, _curves(contents, final)),
        _matrix(decisions),
        _table(decisions),
        *(_histogram(oof, stage, contents.title_of(stage)) for stage in shown),
    ]
    return Section("decisions", "Decisions", _lead(oof, decisions), parts)


def prepare_roc(y: ArrayLike, p: ArrayLike) -> pd.DataFrame:
    """The ROC curve, from (0, 0) to (1, 1).

    Returns:
        A row a threshold, at most 500 and evenly along the curve: `false_alarms`, the share of
        reals called FAKE, and `found`, the share of fakes called so. Empty with one class.
    """
    from calibration import error_rates

    labels = np.asarray(y, dtype=np.float64)
    if labels.min() == labels.max():
        return pd.DataFrame({"false_alarms": [], "found": []})
    _, rising, misses = error_rates(labels, p)
    false_alarms, found = rising[::-1], 1.0 - misses[::-1]
    if len(found) > _POINTS:
        way = np.linspace(0.0, 2.0, _POINTS)
        kept = np.unique(np.searchsorted(found + false_alarms, way - 1e-12))
        found, false_alarms = found[kept], false_alarms[kept]
    return pd.DataFrame({"false_alarms": false_alarms, "found": found})


def best_threshold(y: ArrayLike, p: ArrayLike, *, balanced: bool = False) -> float:
    """The threshold with the highest accuracy if FAKE is called where p > threshold.

    Args:
        y, p: labels and probabilities of FAKE, (n,).
        balanced: both classes count alike, however many rows they have (balanced accuracy).

    Of several as good the one nearest to 0.5.
    """
    labels, probability = np.asarray(y, dtype=np.float64), np.asarray(p, dtype=np.float64)
    fakes, reals = labels.sum(), (1 - labels).sum()
    if balanced and (fakes == 0 or reals == 0):
        return 0.5
    weight = (reals, fakes) if balanced else (1.0, 1.0)
    values, place = np.unique(probability, return_inverse=True)
    fakes_at = np.bincount(place, weights=labels)
    reals_at = np.bincount(place, weights=1 - labels)
    # Threshold i lies between the values i - 1 and i: those below it are called REAL.
    right = weight[0] * (fakes - np.append(0.0, np.cumsum(fakes_at)))
    right += weight[1] * np.append(0.0, np.cumsum(reals_at))
    edges = np.concatenate([[min(0.0, values[0])], values, [max(1.0, values[-1])]])
    low, high = edges[:-1], edges[1:]
    thresholds = np.where((low <= 0.5) & (high > 0.5), 0.5, (low + high) / 2)
    near = np.flatnonzero(right >= right.max() - 1e-9 * max(1.0, float(right.max())))
    return float(thresholds[near[np.argmin(np.abs(thresholds[near] - 0.5))]])


def prepare_decisions(oof: pd.DataFrame, stage: str) -> pd.DataFrame:
    """How the videos are called at 0.5, and at thresholds that the other folds chose.

    Args:
        oof: label, fold and the out-of-fold probabilities of `stage`.

    Returns:
        A row a rule, "0.5", "accuracy" and, where a class has less than 0.4 of the rows,
        "balanced": `threshold` for new videos (chosen on all rows), `lowest` and `highest` of
        those that the folds were judged with, the counts `true_fake`, `false_real`, `true_real`,
        `false_fake`, and `accuracy` and `balanced` accuracy (NaN with one class).
    """
    from calibration import confusion

    label, p = oof["label"].to_numpy(np.float64), oof[stage].to_numpy(np.float64)
    fold = oof["fold"].to_numpy()
    is_uneven = min(label.mean(), 1 - label.mean()) < _UNEVEN
    rows = []
    for rule in ("0.5", "accuracy", *(["balanced"] if is_uneven else [])):
        taken, counts = [], np.zeros(4)
        for name in np.unique(fold):
            held = fold == name
            threshold = 0.5
            if rule != "0.5" and not held.all():
                threshold = best_threshold(label[~held], p[~held], balanced=rule == "balanced")
            found = confusion(label[held], p[held], threshold=threshold)
            counts += [getattr(found, name) for name in _COUNTS]
            taken.append(threshold)
        true_fake, false_real, true_real, false_fake = counts
        shares = [_share(true_fake, false_real), _share(true_real, false_fake)]
        rows.append(
            {
                "rule": rule,
                "threshold": 0.5
                if rule == "0.5"
                else best_threshold(label, p, balanced=rule == "balanced"),
                "lowest": min(taken),
                "highest": max(taken),
                **{name: int(count) for name, count in zip(_COUNTS, counts, strict=True)},
                "accuracy": float(true_fake + true_real) / len(label),
                "balanced": float(np.mean(shares)),
            }
        )
    return pd.DataFrame(rows)


def prepare_histogram(y: ArrayLike, p: ArrayLike) -> pd.DataFrame:
    """Where the probabilities of each class lie.

    Returns:
        40 rows of equal width: `from`, `to`, and the shares of all REAL and of all FAKE rows in
        it, `real` and `fake` (0 for a class without rows).
    """
    labels, probability = np.asarray(y), np.asarray(p, dtype=np.float64)
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    shares = {}
    for label, name in ((0, "real"), (1, "fake")):
        counts = np.histogram(probability[labels == label], edges)[0]
        shares[name] = counts / max(counts.sum(), 1)
    return pd.DataFrame({"from": edges[:-1], "to": edges[1:], **shares})


def _share(right: float, wrong: float) -> float:
    return float(right / (right + wrong)) if right + wrong else float("nan")


def _curves(contents: Contents, final: str) -> list[str]:
    """The stages whose ROC curves are shown: the final one, the mean, the best detector."""
    oof = contents.oof
    assert oof is not None
    from calibration import log_loss

    alone = singles(contents.stages)
    best = min(alone, key=lambda name: log_loss(oof["label"], oof[name]))
    return list(dict.fromkeys([final, *(["mean"] if "mean" in oof else []), best]))


def _lead(oof: pd.DataFrame, decisions: pd.DataFrame) -> str:
    half = decisions.iloc[0]
    prior = float(oof["label"].mean())
    always = "FAKE" if prior >= 0.5 else "REAL"
    return (
        "When a yes or no is needed: calling FAKE whatever has a probability over 0.5 is right for "
        f"{percent(half['accuracy'], 1)} of the videos; always saying {always} would be right for "
        f"{percent(max(prior, 1 - prior), 1)}."
    )


def _roc(contents: Contents, oof: pd.DataFrame, stages: Sequence[str]) -> Figure:
    from calibration import auc

    areas = {stage: auc(oof["label"], oof[stage]) for stage in stages}
    curves = {stage: prepare_roc(oof["label"], oof[stage]) for stage in stages}
    titles = [contents.title_of(stage) for stage in stages]
    data = pd.concat([curve.assign(stage=stage) for stage, curve in curves.items()])
    # Good curves cling to the corner: the figure goes there.
    corner = _CORNER if areas[stages[0]] > _GOOD else 1.0
    zoomed = "" if corner == 1 else " Only the upper left corner is shown."
    return Figure(
        "roc",
        "Fakes found against false alarms (ROC)",
        "Each point is a threshold: how many of the fakes are found if so many of the reals are "
        f"called FAKE too. Further up and left is better; the dotted line is guessing.{zoomed}",
        partial(_plot_roc, curves=curves, titles=titles, areas=areas, corner=corner),
        data[["stage", "false_alarms", "found"]],
        size=(4.6, 4.2),
    )


def _plot_roc(
    canvas: Any,
    curves: Mapping[str, pd.DataFrame],
    titles: Sequence[str],
    areas: Mapping[str, float],
    corner: float,
) -> None:
    axes = plain_axes(canvas)
    axes.plot([0, 1], [0, 1], color=CLOUD, linestyle=":", linewidth=1.4)
    # The stage that counts is drawn last, above the others.
    styles = (STRONG, 2.0, "-"), (SERIES[1], 1.4, "--"), (GREY, 1.4, "-")
    names = apart_in_figure(titles, 28)
    for (stage, curve), name, (colour, width, dashes) in reversed(
        list(zip(curves.items(), names, styles, strict=False))
    ):
        axes.plot(
            curve["false_alarms"],
            curve["found"],
            color=colour,
            linewidth=width,
            linestyle=dashes,
            label=f"{name}: AUC {number(areas[stage], 3)}",
        )
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], loc="lower right", fontsize="small", frameon=True,
        framealpha=0.85, edgecolor="none",
    )  # fmt: skip
    axes.set(
        xlim=(-0.01 * corner, 1.01 * corner), ylim=(1 - 1.01 * corner, 1 + 0.01 * corner),
        aspect="equal", xlabel="share of reals called FAKE", ylabel="share of fakes found",
    )  # fmt: skip


def _matrix(decisions: pd.DataFrame) -> Figure:
    half = decisions.iloc[0]
    data = pd.DataFrame(
        {
            "is": ["FAKE", "REAL"],
            "called FAKE": [half["true_fake"], half["false_fake"]],
            "called REAL": [half["false_real"], half["true_real"]],
        }
    )
    return Figure(
        "confusion",
        "Who is called what, at 0.5",
        "Videos, and their share of those that are FAKE or REAL. Green: called right.",
        partial(_plot_matrix, counts=data.iloc[:, 1:].to_numpy(np.int64)),
        data,
        size=(4.6, 4.2),
    )


def _plot_matrix(canvas: Any, counts: NDArray[np.int64]) -> None:
    from matplotlib.patches import Rectangle

    axes = canvas.subplots()
    for i, j in np.ndindex(2, 2):
        total = counts[i].sum()
        share = counts[i, j] / total if total else 0.0
        axes.add_patch(
            Rectangle(
                (j - 0.48, i - 0.48), 0.96, 0.96,
                facecolor=REAL if i == j else FAKE, alpha=0.08 + 0.37 * share, linewidth=0,
            )
        )  # fmt: skip
        axes.text(j, i - 0.05, f"{counts[i, j]:,}", ha="center", va="center", fontsize=15)
        axes.text(j, i + 0.16, percent(share, 1), ha="center", va="center", fontsize="small")
    axes.set_xticks([0, 1], ["called FAKE", "called REAL"])
    axes.set_yticks([0, 1], ["is FAKE", "is REAL"])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.set(xlim=(-0.5, 1.5), ylim=(1.5, -0.5))
    axes.spines[:].set_visible(False)


_RULES = {
    "0.5": "0.5",
    "accuracy": "most right of all videos",
    "balanced": "most right of both classes alike",
}


def _table(decisions: pd.DataFrame) -> Table:
    note = (
        "Each fold was judged at the threshold that was best on the other folds, so that no video "
        "chose the threshold it was judged at. “For new videos” is best on all videos here; take "
        "it only where its row is better than that of 0.5."
    )
    if len(decisions) > 2:
        note += (
            " The classes are uneven: balanced accuracy is the mean of the shares of fakes and of "
            "reals that are called right, 50 % is guessing."
        )

    def in_the_folds(row: Row) -> str:
        return " to ".join(dict.fromkeys(number(row[name], 3) for name in ("lowest", "highest")))

    return Table.of(
        decisions,
        {
            "threshold": cell("rule", _RULES.__getitem__),
            "for new videos": cell("threshold", number, 3),
            "in the folds": in_the_folds,
            **{title: count(name) for name, title in _COUNTS.items()},
            "accuracy": cell("accuracy", percent, 1),
            "balanced": cell("balanced", percent, 1),
        },
        title="Thresholds",
        note=note,
    )


def _histogram(oof: pd.DataFrame, stage: str, title: str) -> Figure:
    data = prepare_histogram(oof["label"], oof[stage])
    is_last = stage == "calibrated"
    return Figure(
        f"histogram_{'calibrated' if is_last else 'before'}",
        f"Where the answers lie: {title}",
        "FAKE upwards, REAL downwards, each as a share of its class; the heights grow with the "
        "square root, so that few videos are seen too. Where both are high, they are mixed up.",
        partial(_plot_histogram, data=data),
        data,
        size=(4.6, 3.2),
    )


def _plot_histogram(canvas: Any, data: pd.DataFrame) -> None:
    axes = plain_axes(canvas)
    width = data["to"] - data["from"]
    sides = (("fake", 1, FAKE, "FAKE"), ("real", -1, REAL, "REAL"))
    for column, sign, colour, name in sides:
        heights = sign * np.sqrt(data[column])
        axes.bar(
            data["from"], heights, width, align="edge", color=colour, alpha=0.75, label=name,
            linewidth=0,
        )  # fmt: skip
    highest = float(data[["fake", "real"]].to_numpy().max())
    steps = [step for step in (0.01, 0.04, 0.1, 0.25, 0.5, 1.0) if step <= max(highest, 0.01)]
    shown = steps[-3:]
    at = [-np.sqrt(step) for step in reversed(shown)] + [0.0] + [np.sqrt(step) for step in shown]
    texts = [percent(step) for step in reversed(shown)] + ["0"] + [percent(step) for step in shown]
    axes.set_yticks(at, texts)
    axes.axhline(0, color=GREY, linewidth=0.8)
    edge = 1.08 * np.sqrt(highest)
    axes.set(
        xlim=(-0.01, 1.01), ylim=(-edge, edge), xlabel="probability of FAKE",
        ylabel="share of its class",
    )  # fmt: skip
    axes.legend(fontsize="small", frameon=True, framealpha=0.7, edgecolor="none", loc="best")
