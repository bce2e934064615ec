"""`fakeodds calibrate`: one detector's scores -> calibrated probabilities."""

from collections.abc import Mapping
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
    jobs_option,
    out_option,
    read_kinds,
    table_options,
)
from fakeodds.run_folder import RunFolder, versions
from fakeodds.stacked import (
    Scored,
    StackOptions,
    _check_labels,
    _folds,
    about,
    finish_metrics,
)
from fakeodds.submitting import features_for, out_of_fold, stack_probability, write_probabilities
from predictions.columns import first_names
from predictions.errors import InputError
from predictions.files import write_json, write_table
from predictions.scores import ScoreTable, read_scores


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
    id_: str | None,
    label: str | None,
    group: str | None,
    fold: str | None,
    drop: tuple[str, ...],
    kind: tuple[str, ...],
    reverse: tuple[str, ...],
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
    columns = {"id": id_, "drop": drop, "reverse": reverse, "kind": read_kinds(kind)}
    table = read_scores([scores], labels=labels, label=label, group=group, fold=fold, **columns)
    model = _only_model(table, scores)
    for sentence in table.notes:
        console.note(sentence)
    tested = None
    if test is not None:
        new = read_scores([test], **{**columns, "kind": dict(table.kinds)}, missing_ok=True)
        tested = features_for(new, [model], str(test))

    # A raw score is no logit yet; of one detector, "best" is Platt's map.
    meta = "best" if table.kinds[model] == "raw" else "passthrough"
    options = StackOptions(meta, calibration, clip, prior, folds, seed, jobs)
    run.settings(command="calibrate", scores=str(scores), **asdict(options))
    scored = Scored(table.rows, table.logits, table.kinds, reverse)
    fitted = _fit_and_judge(scored, run, options)
    metrics = finish_metrics(run)
    console.print_stages(metrics)

    if tested is None and scored.rows["label"].isna().any():
        tested = scored.unlabelled()
    if tested is None:
        probability = out_of_fold(run)
        console.note("submission.csv: no --test, so it holds the out-of-fold probabilities.")
    else:
        probability = stack_probability(fitted, tested, {"prior": metrics["prior"]}, prior)
    submission = write_probabilities(probability, run.submission, sample)
    console.out.print(f"{len(submission)} videos -> {run.submission}")


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


def _fit_and_judge(scored: Scored, run: RunFolder, options: StackOptions) -> Any:
    """Judge the calibration on outer folds, fit it on all rows, write both to the run folder.

    Writes oof.csv, metrics.json (stages `base/<model>`, `calibrated`), reliability.png, clip.png
    and stack/; returns the fitted `Stack`.

    Raises:
        InputError: no labels, one class only, or fewer groups than folds.
    """
    from stacking import Stack, load_stack, nested_predictions, report_metrics, save_stack

    scored = scored.labelled()
    rows = scored.rows
    _check_labels(rows["label"])
    label = rows["label"].astype("int8")
    folds = _folds(rows, options)
    inputs = {
        "rows": rows,
        "features": scored.features,
        "kinds": dict(scored.kinds),
        "options": {k: v for k, v in asdict(options).items() if k not in ("jobs", "prior")},
        "versions": versions(),
    }
    pictures = [run.path / "reliability.png", run.path / "clip.png"]
    written = [run.oof, run.metrics, run.stack / "stack.json", run.stack / "stack.skops"]
    with run.stage("calibrate", inputs, [*written, *pictures]) as needed:
        if not needed:
            console.note("calibrate: already there for these scores and settings.")
            return load_stack(run.stack)[0]
        model = next(iter(scored.kinds))
        console.heading(f"Calibrating {model} on {len(rows)} labelled videos")
        if options.meta == "best":
            console.note(f"{model} holds raw scores: Platt's map makes them logits first.")
        stack = Stack(
            meta=options.meta,
            calibration=options.calibration,
            clip=options.clip,
            n_splits=options.folds,
            seed=options.seed,
            n_jobs=options.jobs,
        )
        with console.progress_bars() as progress:
            nested = nested_predictions(
                stack, scored.features, label, rows["group"], folds, dict(scored.kinds), progress
            )
        # With one detector there is nothing between its own probability and the calibrated one.
        stages = nested[[f"base/{model}", "calibrated"]]
        stack.fit(scored.features, label, groups=rows["group"])
        for sentence in stack.notes_:
            console.note(sentence)
        save_stack(stack, run.stack, about(scored, label))
        oof = rows[["label", "group"]].assign(label=label, fold=folds).join(stages)
        write_table(oof, run.oof)
        write_json(report_metrics(stages, label, rows["group"], seed=options.seed), run.metrics)
        _draw_reliability(label, rows["group"], stages, pictures[0])
        _draw_clip_curve({name: _curve(label, p) for name, p in stages.items()}, pictures[1])
    return stack


def _draw_reliability(label: pd.Series, group: pd.Series, stages: pd.DataFrame, path: Path) -> None:
    """Reliability diagrams of every stage (columns of out-of-fold probabilities), side by side."""
    from matplotlib.figure import Figure

    from calibration import plot_reliability, prepare_reliability

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    for axes, (name, p) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        plot_reliability(prepare_reliability(label, p, group), axes)
        axes.set_title(f"{name}, out of fold")
    figure.savefig(path, dpi=150)


def _curve(label: pd.Series, probability: pd.Series) -> pd.DataFrame:
    from calibration import clip_curve

    return clip_curve(probability, label)


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
    figure.savefig(path, dpi=150)
