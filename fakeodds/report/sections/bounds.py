"""What bounding the probabilities is worth: log loss against the clip bound."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from fakeodds.report.contents import Contents
from fakeodds.report.elements import Figure, Part, Row, Section, Table, Words, cell
from fakeodds.view.format import number
from stacking.estimate.stages import SHIPPED

#: A bound nearer to 0 or 1 than this is none.
_OPEN = 1e-12

#: More digits than these cannot be counted by a reader.
_DIGITS = 6


def build(contents: Contents) -> Section | None:
    """Log loss against the bound, before and after, and the bounds that were taken."""
    oof, stages = contents.oof, contents.before_and_after
    if oof is None or not stages:
        return None
    found = prepare_bounds(oof, stages)
    bounds = None if contents.stack is None else contents.stack["clip"]
    curves = [_figure(contents, oof, stage, bounds) for stage in stages]
    parts: list[Part] = [
        *curves,
        _table(found, contents),
        *(Words(text) for text in _taken(contents)),
    ]
    return Section("bounds", "Bounds", _lead(found.iloc[-1]), parts)


def prepare_bounds(oof: pd.DataFrame, stages: list[str]) -> pd.DataFrame:
    """What each stage pays at its ends.

    Returns:
        A row a stage: `stage`, `log_loss`, `best_margin` and `best` (the log loss with both
        bounds at the best margin for these very rows), `gain` (log_loss - best), `dearest` (the
        largest log loss of a single row), `lowest` and `highest` probability.
    """
    from calibration import clip_curve, row_log_loss

    rows = []
    for stage in stages:
        curve = clip_curve(oof[stage], oof["label"])
        best = curve.iloc[int(curve["both"].to_numpy().argmin())]
        none = float(best["none"])
        pays = bool(best["both"] < none)
        p = oof[stage].to_numpy(np.float64)
        rows.append(
            {
                "stage": stage,
                "log_loss": none,
                "best_margin": float(best["margin"]) if pays else np.nan,
                "best": min(float(best["both"]), none),
                "gain": none - min(float(best["both"]), none),
                "dearest": float(row_log_loss(oof["label"].to_numpy(np.float64), p).max()),
                "lowest": float(p.min()),
                "highest": float(p.max()),
            }
        )
    return pd.DataFrame(rows)


def _lead(final: pd.Series) -> str:
    return (
        "One confident mistake can cost more than a hundred right answers gain: a fake called real "
        "at 0.999 costs 6.9, at 0.98 only 3.9. So no answer goes further than it has shown to be "
        f"right. Here the answers lie between {_p(final['lowest'])} and {_p(final['highest'])}, "
        f"and the dearest mistake costs {number(final['dearest'], 2)}."
    )


def _figure(
    contents: Contents, oof: pd.DataFrame, stage: str, bounds: list[float] | None
) -> Figure:
    from calibration import clip_curve

    curve = clip_curve(oof[stage], oof["label"])
    is_last = stage == SHIPPED
    title = contents.title_of(stage)
    shown = (bounds[0], bounds[1]) if is_last and bounds is not None else None
    if shown is not None:
        caption = (
            "These answers are bounded already where that paid, so that further bounds should "
            "have hardly anything left to gain."
        )
    elif curve["both"].min() >= curve["none"].iloc[0]:
        caption = "No bound would help: wherever the answers are cut off, they get worse."
    else:
        caption = (
            "A minimum inside says that the answers go too far out: everything nearer to 0 or 1 "
            "than the dot would better be moved there."
        )
    return Figure(
        f"bounds_{'calibrated' if is_last else 'before'}",
        f"As submitted ({title})" if is_last else f"Before ({title})",
        caption,
        partial(_plot_curve, curve=curve, bounds=shown),
        curve,
        size=(4.6, 3.7),
    )


def _plot_curve(canvas: Any, curve: pd.DataFrame, bounds: tuple[float, float] | None) -> None:
    from calibration import plot_clip_curve

    plot_clip_curve(curve, canvas.subplots(), bounds)


def _table(found: pd.DataFrame, contents: Contents) -> Table:
    def bound(row: Row) -> str:
        margin = row["best_margin"]
        return "none" if np.isnan(margin) else f"{margin:.2g} from the ends"

    return Table.of(
        found,
        {
            "stage": cell("stage", contents.title_of),
            "log loss": cell("log_loss", number),
            "with the best bound": cell("best", number),
            "which is": bound,
            "dearest mistake": cell("dearest", number, 2),
        },
        note="The best bound is the best for these very videos, so that it flatters a little; the "
        "bounds of the stack were learned where they were not judged.",
    )


def _taken(contents: Contents) -> list[str]:
    """Which bounds the stack has, and why."""
    stack = contents.stack
    if stack is None:
        return []
    who = "as asked for" if contents.robust is None else "as chosen by --robust"
    asked, bounds = stack["settings"]["clip"], stack["clip"]
    if asked == "none":
        return [f"The stack has no bounds, {who}."]
    if asked != "auto":
        return [f"The stack holds answers between {_p(bounds[0])} and {_p(bounds[1])}, {who}."]
    if bounds is None:
        return ["The stack has no bounds: on its inner folds they gained no more than chance."]
    low, high = bounds
    open_low, open_high = low < _OPEN, high > 1 - _OPEN
    told = f"The stack holds new answers between {_p(low)} and {_p(high)}"
    if open_low:
        told = f"The stack lets no new answer go above {_p(high)}"
    elif open_high:
        told = f"The stack lets no new answer go below {_p(low)}"
    return [
        f"{told}. A bound is taken where it gains more than chance on out-of-fold answers of the "
        "inner folds, with up to half a video of each class added beyond it, so that it does not "
        f"rest on a handful. Each fold that judged here learned its own.{_saved(contents)}"
    ]


def _saved(contents: Contents) -> str:
    """What the bounds do on the inner folds, where that is known."""
    told = [note.facts["saved"] for note in contents.stack_notes if note.code == "stacking.clip"]
    if not told or round(told[0], 4) == 0:
        return ""
    if told[0] > 0:
        return f" On the inner folds they save {number(told[0])} of the log loss."
    return (
        f" On the inner folds they cost {number(-told[0])} of the log loss: they guard against a "
        "confident mistake that these videos do not show."
    )


def _p(value: float) -> str:
    """A probability with as many digits as its distance from 0 or 1 needs."""
    margin = min(value, 1 - value)
    if margin < _OPEN:
        return f"{round(value)}"
    digits = max(3, 1 - int(np.floor(np.log10(margin))))
    if digits > _DIGITS:
        return f"1 - {margin:.0e}" if value > 0.5 else f"{margin:.0e}"
    return f"{value:.{digits}f}"
