"""The tables and figures that a judged stack leaves in the run folder."""

from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.view.figures import save_png
from fakeodds.view.format import in_figure


def with_members(board: pd.DataFrame, fitted: Any) -> pd.DataFrame:
    """The leaderboard with `models`: of each ensemble those that all rows select."""
    models = pd.Series("", index=board.index, dtype="string")
    if fitted.ensemble is not None:
        lengths = fitted.ensemble.table
        by_size = {str(len(names)): " + ".join(names) for names in lengths["models"]}
        mine = board["kind"] == "ensemble"
        models[mine] = board.loc[mine, "name"].map(by_size)
    return board.assign(models=models)


def measures_of(
    stages: pd.DataFrame, label: pd.Series, group: pd.Series, seed: int
) -> pd.DataFrame:
    """Every measure of every stage: columns stage, measure, value, low, high (95 %, groups)."""
    from calibration import measure_in_full

    found = [
        {"stage": stage, "measure": measure, **interval}
        for stage, p in stages.items()
        for measure, interval in measure_in_full(label, p, group, seed=seed).items()
    ]
    return pd.DataFrame(found)


def draw_reliability(label: pd.Series, group: pd.Series, stages: pd.DataFrame, path: Path) -> None:
    """Reliability diagrams of two stages (out-of-fold probabilities): before and after."""
    from matplotlib.figure import Figure

    from calibration import plot_reliability, prepare_reliability

    figure = Figure(figsize=(9, 5.8))
    # Its labels are as wide for every run: a layout that is worked out would double the time.
    figure.subplots_adjust(left=0.1, right=0.98, wspace=0.27, bottom=0.32, top=0.93)
    for axes, (name, p) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        plot_reliability(prepare_reliability(label, p, group), axes)
        _set_title(axes, name)
    save_png(figure, path)


def draw_clip(
    label: pd.Series, stages: pd.DataFrame, bounds: tuple[float, float] | None, path: Path
) -> None:
    """Log loss against the bound of two stages; what the shipped stack's bounds are."""
    from matplotlib.figure import Figure

    from calibration import clip_curve, plot_clip_curve

    figure = Figure(figsize=(9, 4))
    figure.subplots_adjust(left=0.085, right=0.985, wspace=0.2, bottom=0.13, top=0.92)
    # The two stages differ by far too much for one scale.
    for axes, (name, p) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        marked = bounds if name == "calibrated" else None
        plot_clip_curve(clip_curve(p, label), axes, marked)
        _set_title(axes, name)
    save_png(figure, path)


def _set_title(axes: Any, stage: Any) -> None:
    """A stage's name, short enough for half a figure."""
    title = f"{in_figure(str(stage), 36)}, out of fold"
    # Where its place is not told, all labels are measured for it first.
    axes.set_title(title, fontsize="medium", y=1.0)
