"""`fakeodds calibrate`: one detector's scores -> calibrated probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import pandas as pd

from fakeodds import console
from fakeodds.options import (
    CALIBRATION,
    FILE,
    Clip,
    TableOptions,
    jobs_option,
    out_option,
    table_options,
)
from fakeodds.run_folder import RunFolder
from fakeodds.stacked import Scored, StackOptions, finish_metrics, fit_and_judge
from fakeodds.submitting import submit_scored
from predictions.columns import first_names
from predictions.errors import InputError
from predictions.files import replacing
from predictions.scores import ScoreTable


@click.command()
@click.argument("scores", type=FILE)
@click.option("--labels", type=FILE, help="CSV of labels, when the scores have none.")
@click.option("--test", type=FILE, help="Scores of the videos to predict, in the same column.")
@click.option("--sample", type=FILE, help="Sample submission, whose order and names are kept.")
@out_option
@table_options
@click.option(
    "--calibration",
    type=click.Choice(CALIBRATION),
    default="auto",
    show_default=True,
    help="How the score is calibrated.",
)
@click.option(
    "--clip", type=Clip(), default="auto", show_default=True, help="Bounds of the probability."
)
@click.option(
    "--prior",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of fakes expected among new videos, when it differs.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    default=5,
    show_default=True,
    help="Outer folds that judge; groups stay whole.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@jobs_option
def calibrate(
    scores: Path,
    labels: Path | None,
    test: Path | None,
    sample: Path | None,
    out: Path,
    columns: TableOptions,
    calibration: str,
    clip: Any,
    prior: float | None,
    folds: int,
    seed: int,
    jobs: int,
) -> None:
    """Turn the SCORES of one detector into calibrated probabilities.

    SCORES is a CSV or Parquet file with a row a video and one column of scores; --drop leaves
    further ones out. Writes the honest before and after (metrics.json, oof.csv), the reliability
    diagram of both, log loss against the clip bound, and the fitted calibrator for `apply`.

    \b
    fakeodds calibrate xception.csv --label label --out runs/xception
    fakeodds apply runs/xception new.csv --out submission.csv
    """
    run = RunFolder.open(out)
    table = columns.read([scores], labels)
    model = _only_model(table, scores)
    tested = None if test is None else columns.read_new([test], table.kinds)

    # A raw score is no logit yet; of one detector, "best" is Platt's map.
    meta = "passthrough"
    if table.kinds[model] == "raw":
        meta = "best"
        console.note(f"{model} holds raw scores: Platt's map makes them logits first.")
    options = StackOptions(meta, calibration, clip, prior, folds, seed, jobs)
    run.settings(command="calibrate", scores=str(scores), **asdict(options))
    scored = Scored(table.rows, table.logits, table.kinds, columns.reverse)
    # With one detector there is nothing between its own probability and the calibrated one.
    stages = (f"base/{model}", "calibrated")
    fitted = fit_and_judge(scored, run, options, only=stages)
    _draw_clip(run, stages)
    console.print_stages(finish_metrics(run))
    submit_scored(fitted, scored, tested, run, prior, sample)


def _only_model(table: ScoreTable, source: Path) -> str:
    """The one score column there is.

    Raises:
        InputError: there are several.
    """
    models = list(table.scores.columns)
    if len(models) > 1:
        raise InputError(
            f"{source}: holds {len(models)} score columns ({first_names(models)}) and calibrate "
            "takes one; combine them with `fakeodds stack`, or leave the others out with --drop."
        )
    return str(models[0])


def _draw_clip(run: RunFolder, stages: Sequence[str]) -> None:
    """clip.png, from the out-of-fold probabilities that were written."""
    from calibration import clip_curve

    oof = pd.read_csv(run.oof)
    curves = {name: clip_curve(oof[name], oof["label"]) for name in stages}
    with replacing(run.path / "clip.png") as temporary:
        _draw_clip_curve(curves, temporary)


def _draw_clip_curve(curves: Mapping[Any, pd.DataFrame], path: Path) -> None:
    """Log loss against the bound, a panel a stage: what clipping (further) would gain or cost."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    # The two differ by far too much for one scale.
    for axes, (name, curve) in zip(figure.subplots(1, 2), curves.items(), strict=True):
        axes.plot(curve["margin"], curve["both"], label="clipped to [m, 1 - m]")
        axes.axhline(curve["none"].iloc[0], color="grey", linestyle="dotted", label="as it is")
        axes.set_xscale("log")
        axes.set(xlabel="margin m of the bounds", ylabel="log loss", title=f"{name}, out of fold")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150, format="png")
