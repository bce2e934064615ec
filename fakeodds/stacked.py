"""Scores in, honest numbers and a fitted stack out: the half that `run` and `stack` share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import pandas as pd

from fakeodds import console
from fakeodds.run_folder import RunFolder, versions
from predictions.errors import InputError
from predictions.files import write_json, write_table
from predictions.folds import assign_folds, check_folds


@dataclass(frozen=True)
class StackOptions:
    """What a user chooses about stacking and calibration."""

    meta: str = "auto"
    calibration: str = "auto"
    clip: Literal["auto", "none"] | tuple[float, float] = "auto"
    prior: float | None = None
    folds: int = 5
    seed: int = 0
    jobs: int = -1


@dataclass(frozen=True)
class Scored:
    """Labelled and unlabelled videos with the scores they have.

    `rows`: index `video`; columns label (1., 0., NaN), group and perhaps fold, method, ...
    `features`: same index; a column a model (logits, or raw scores), and `MODEL:feature` columns.
    `kinds`: model -> probability, logit or raw, as the scores came.
    `reverse`: models whose files say REAL when high; `features` has them turned round already.
    """

    rows: pd.DataFrame
    features: pd.DataFrame
    kinds: Mapping[str, str]
    reverse: tuple[str, ...] = ()

    def labelled(self) -> "Scored":
        """Only the videos whose label is known."""
        known = self.rows["label"].notna()
        return replace(self, rows=self.rows[known], features=self.features[known])

    def unlabelled(self) -> pd.DataFrame:
        """The features of the videos whose label is not known."""
        return self.features[self.rows["label"].isna()]


def fit_and_judge(scored: Scored, run: RunFolder, options: StackOptions) -> Any:
    """Judge the procedure on outer folds, fit the stack on all rows, write both to the run folder.

    Writes oof.csv, metrics.json, reliability.png and stack/; returns the fitted `Stack`.

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
        "options": {k: v for k, v in asdict(options).items() if k != "jobs"},
        "versions": versions(),
    }
    outputs = [run.oof, run.metrics, run.stack / "stack.json", run.stack / "stack.skops"]
    with run.stage("stack", inputs, outputs) as needed:
        if not needed:
            console.note("stack: already there for these scores and settings.")
            return load_stack(run.stack)[0]
        console.heading(f"Stacking {len(scored.kinds)} detectors on {len(rows)} labelled videos")
        stack = Stack(
            meta=options.meta,
            calibration=options.calibration,
            clip=options.clip,
            n_splits=options.folds,
            seed=options.seed,
            n_jobs=options.jobs,
        )
        with console.progress_bars() as progress:
            stages = nested_predictions(
                stack, scored.features, label, rows["group"], folds, dict(scored.kinds), progress
            )
        oof = rows[["label", "group"]].assign(label=label, fold=folds).join(stages)
        metrics = report_metrics(stages, label, rows["group"], seed=options.seed)
        stack.fit(scored.features, label, groups=rows["group"])
        for sentence in stack.notes_:
            console.note(sentence)
        save_stack(stack, run.stack, about(scored, label))
        write_table(oof, run.oof)
        write_json(metrics, run.metrics)
        _draw_reliability(label, stages, run)
    return stack


def about(scored: Scored, label: pd.Series) -> dict[str, Any]:
    """What a stack must be told together with, to be applied to new scores."""
    return {
        "kinds": dict(scored.kinds),
        "reverse": list(scored.reverse),
        "prior": float(label.mean()),
    }


def finish_metrics(run: RunFolder) -> dict[str, Any]:
    """Add the seconds of every stage to metrics.json and return it."""
    import json

    metrics: dict[str, Any] = json.loads(run.metrics.read_text(encoding="utf-8"))
    metrics["timing"] = run.seconds()
    write_json(metrics, run.metrics)
    return metrics


def _check_labels(label: pd.Series) -> None:
    if label.empty:
        raise InputError(
            "no video has a label: expected a label column with 1 = FAKE and 0 = REAL; "
            "name it with --label, or join one with --labels."
        )
    if label.nunique() < 2:
        only = "FAKE" if label.iloc[0] == 1 else "REAL"
        raise InputError(
            f"every labelled video is {only}: a detector is judged on both; add the other class."
        )


def _folds(rows: pd.DataFrame, options: StackOptions) -> pd.Series:
    """The folds that came with the rows, or new ones that keep groups whole."""
    if "fold" in rows and rows["fold"].notna().all():
        check_folds(rows["fold"], rows["group"])
        return rows["fold"].astype("int16")
    folds = assign_folds(rows["label"], rows["group"], options.folds, options.seed)
    return pd.Series(folds, index=rows.index, name="fold")


def _draw_reliability(label: pd.Series, stages: pd.DataFrame, run: RunFolder) -> None:
    """Reliability diagrams before and after: the plain mean and the calibrated stack."""
    from matplotlib.figure import Figure

    from calibration import plot_reliability, prepare_reliability

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    for axes, stage in zip(figure.subplots(1, 2), ("mean", "calibrated"), strict=True):
        plot_reliability(prepare_reliability(label, stages[stage]), axes)
        axes.set_title(f"{stage}, out of fold")
    figure.savefig(run.path / "reliability.png", dpi=150)
