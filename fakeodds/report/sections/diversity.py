"""How differently the detectors err."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Section, Table, cell
from fakeodds.view.figures import STRONG
from fakeodds.view.format import apart_in_figure, number, percent, stage_name
from stacking.estimate.stages import single_stage, singles

#: So many detectors are drawn, the best ones: more cells could not be read.
_DRAWN = 30

#: Pairs of each end in the table.
_LISTED = 5

#: From which number of detectors on a map takes the whole width of the page.
_WIDE = 8

#: How strong the least and the strongest cell is; text stays readable on either.
_FAINTEST, _STRONGEST = 0.04, 0.5

_MAPS = {
    "residual_correlation": (
        "Correlation of their errors",
        "1: the errors (label minus probability) rise and fall together, so that a second one adds "
        "nothing; 0: they have nothing in common. It is high among weak detectors anyway, as what "
        "none of them sees is in all their errors.",
    ),
    "disagreement": (
        "Share of videos on which they disagree",
        "How often one says FAKE and the other REAL, at 0.5. Detectors that never disagree cannot "
        "correct each other.",
    ),
}


def build(contents: Contents) -> Section | None:
    """Maps of two measures, and the pairs at both ends; None with fewer than two detectors."""
    pairs, order = _pairs(contents)
    if pairs is None or not len(pairs):
        return None
    parts: list[Part] = []
    if len(order) > 2:
        parts += [_figure(pairs, order, measure) for measure in _MAPS]
    parts.append(_table(pairs))
    return Section("diversity", "Diversity", _lead(pairs), parts)


def prepare_map(pairs: pd.DataFrame, order: Sequence[str], measure: str) -> pd.DataFrame:
    """A symmetric table of one measure, rows and columns in `order`; NaN on the diagonal."""
    table = pd.DataFrame(np.nan, index=list(order), columns=list(order))
    for first, second, value in zip(pairs["first"], pairs["second"], pairs[measure], strict=True):
        if first in table.index and second in table.index:
            table.loc[first, second] = table.loc[second, first] = value
    return table


def prepare_ends(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs most alike and least alike, by Q and then by how seldom they disagree.

    The correlation of the errors would not do: what no detector sees is in all of them, so that
    two weak ones come out alike that have nothing in common. Pairs without a Q (never both wrong)
    are left out, but where there is no other.
    """
    alike = pairs["q"]
    if alike.isna().all():
        alike = -pairs["disagreement"]
    ordered = pairs.assign(alike=alike, rounded=-alike.round(3))
    ordered = ordered.sort_values(["rounded", "disagreement"], kind="stable")
    ordered = ordered[ordered["alike"].notna()].drop(columns=["alike", "rounded"])
    if len(ordered) <= 2 * _LISTED:
        return ordered
    return pd.concat([ordered.head(_LISTED), ordered.tail(_LISTED)])


def _pairs(contents: Contents) -> tuple[pd.DataFrame | None, list[str]]:
    """The measures of all pairs, and the detectors, the best first."""
    from stacking.ensembles.compare import Comparison
    from stacking.ensembles.diversity import pair_diversity

    if contents.compare is not None:
        found = Comparison.from_dict(contents.compare)
        alone = found.table[found.table["size"] == 1].sort_values("log_loss", kind="stable")
        return found.pairs, [models[0] for models in alone["models"]]
    oof = contents.oof
    if oof is None or len(contents.detectors) < 2:
        return None, []
    probability = oof[singles(oof)].rename(columns=stage_name)
    order = list(probability.columns)
    if contents.metrics is not None:
        stages = contents.metrics["stages"]
        order.sort(key=lambda name: stages[single_stage(name)]["log_loss"]["value"])
    return pair_diversity(oof["label"], probability), order


def _lead(pairs: pd.DataFrame) -> str:
    told = "Detectors help each other where they err on different videos."
    ends = prepare_ends(pairs)
    if not len(ends):
        return told
    most, least = ends.iloc[0], ends.iloc[-1]
    if len(pairs) == 1:
        return (
            f"{told} {most['first']} and {most['second']} disagree on "
            f"{percent(most['disagreement'], 1)} of the videos, and both are wrong on "
            f"{percent(most['double_fault'], 1)}."
        )
    return (
        f"{told} {most['first']} and {most['second']} say most nearly the same (Q "
        f"{number(most['q'], 2)}; they disagree on {percent(most['disagreement'], 1)} of the "
        f"videos), {least['first']} and {least['second']} differ most (Q {number(least['q'], 2)}; "
        f"{percent(least['disagreement'], 1)})."
    )


def _table(pairs: pd.DataFrame) -> Table:
    ends = prepare_ends(pairs)
    shown = f"The {_LISTED} pairs most alike and the {_LISTED} least alike"
    return Table.of(
        ends,
        {
            "pair": lambda row: f"{row['first']}, {row['second']}",
            "Q": cell("q", number, 3),
            "disagree": cell("disagreement", percent, 1),
            "both wrong": cell("double_fault", percent, 1),
            "correlation of errors": cell("residual_correlation", number, 3),
        },
        title=shown if len(ends) < len(pairs) else "Pairs, the most alike first",
        note="Q (Yule's): 1 where they are right and wrong on the same videos, 0 where one tells "
        "nothing of the other, below 0 where one is right when the other is wrong. Both wrong: the "
        "share of videos that neither calls right at 0.5, where they cannot help each other.",
    )


def _figure(pairs: pd.DataFrame, order: Sequence[str], measure: str) -> Figure:
    shown = list(order)[:_DRAWN]
    title, caption = _MAPS[measure]
    left_out = len(order) - len(shown)
    if left_out:
        caption += f" The {_DRAWN} best detectors of {len(order)} are shown."
    table = prepare_map(pairs, shown, measure)
    wide = len(shown) > _WIDE
    cell = 0.3 if wide else 0.36
    return Figure(
        f"diversity_{measure}",
        title,
        f"{caption} Best detector first; the stronger the colour, the higher.",
        partial(_plot_map, table=table),
        table.rename_axis("detector").reset_index(),
        size=(9.4 if wide else 4.6, 0.5 + cell * len(shown)),
    )


def _plot_map(canvas: Any, table: pd.DataFrame) -> None:
    from matplotlib.patches import Rectangle

    axes = canvas.subplots()
    values: NDArray[np.float64] = table.to_numpy(np.float64)
    k = len(values)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    digits = 2 if high - low > 0.05 else 3
    room = (canvas.get_figwidth() - 1.8) * 72 / k
    size = min(12.0, room / (0.64 * (digits + 2)))
    for i, j in np.ndindex(k, k):
        if not np.isfinite(values[i, j]):
            continue
        share = (values[i, j] - low) / (high - low) if high > low else 0.5
        alpha = _FAINTEST + (_STRONGEST - _FAINTEST) * share
        axes.add_patch(
            Rectangle((j - 0.48, i - 0.48), 0.96, 0.96, facecolor=STRONG, alpha=alpha, linewidth=0)
        )
        text = f"{values[i, j]:.{digits}f}".replace("0.", ".", 1)
        text = "1" if float(text) == 1 else text
        axes.text(j, i, text, ha="center", va="center", fontsize=size)
    # Names stand once, at the rows; columns go by the rows' numbers.
    names = [
        f"{name}  {row}" for row, name in enumerate(apart_in_figure(list(table.index)), start=1)
    ]
    axes.set_yticks(range(k), names)
    axes.set_xticks(range(k), [str(row) for row in range(1, k + 1)])
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5))
    axes.spines[:].set_visible(False)
