"""Scores in, honest numbers and a fitted stack out: the half that `run` and `stack` share."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.view.format import in_figure
from fakeodds.workflows.advice import advice_of
from fakeodds.workflows.alerts import alerts_of, unreachable
from fakeodds.workflows.probability import unseen_probability
from fakeodds.workflows.scales import distributions_of, missing_of, scales_of
from fakeodds.workflows.scored import Scored
from fakeodds.workflows.settings import StackOptions
from predictions.errors import InputError
from predictions.files import json_records, read_json, replacing, write_json, write_table
from predictions.folds import assign_folds, check_folds
from predictions.words import count

#: Columns by whose values every stage is judged once more, and how many values that may be.
SLICED = ("dataset", "method")
_MOST_SLICES = 30

#: What judging and fitting leave in the run folder.
STACK_FILES = (
    *("submission.csv", "oof.csv", "metrics.json", "measures.csv", "leaderboard.csv"),
    *("reliability.png", "clip.png", "stack"),
)


def plain_stack(options: StackOptions) -> Any:
    """The unfitted `Stack` that these options describe."""
    from stacking import Stack

    return Stack(
        meta=options.meta,
        calibration=options.calibration,
        clip=options.clip,
        n_splits=options.folds,
        seed=options.seed,
        n_jobs=options.jobs,
    )


def judging_inputs(scored: Scored, options: StackOptions) -> dict[str, Any]:
    """What judging and fitting depend on beside the scores, for the product's key."""
    fitting = {k: v for k, v in asdict(options).items() if k not in ("jobs", "prior")}
    inputs = {"options": fitting, "reverse": scored.reverse, "versions": versions()}
    return {**inputs, "brought": dict(scored.brought)} if scored.brought else inputs


def take_scores(key: str, run: RunFolder) -> None:
    """Judge the scores with this key in the run folder: what was made from others is removed.

    To be called when nothing can be wrong with them any more.
    """
    held = run.key("scores")
    if held != key:
        if held:
            terminal.note(
                f"{run.path}: held what was made from other scores, which is removed for these."
            )
        run.clear("scores")
        run.forget_commands()
        run.seal("scores", key)


def fit_and_judge(
    scored: Scored,
    run: RunFolder,
    options: StackOptions,
    *,
    robust: str | None = None,
    only: Sequence[str] | None = None,
) -> Any:
    """Judge the procedure on outer folds, fit the stack on all rows, write both to the run folder.

    Writes oof.csv, metrics.json, measures.csv, reliability.png, clip.png and stack/; returns the
    fitted `Stack`. With `robust`, a column of `rows`, settings are chosen by its worst domain, in
    every outer fold anew, and robust.json tells how the shipped ones were. `only` names the stages
    that are written, when not all tell something.

    Raises:
        InputError: no labels, one class only, or fewer groups than folds.
    """
    from stacking import (
        leaderboard,
        load_stack,
        nested_estimate,
        report_metrics,
        report_slices,
        save_stack,
    )

    key = scored.key
    scored = scored.labelled()
    rows = scored.rows
    check_labels(rows["label"])
    label = rows["label"].astype("int8")
    folds = outer_folds(rows, options.folds, options.seed)
    inputs = judging_inputs(scored, options)
    take_scores(key, run)
    with run.stage("stack", **inputs, robust=robust, only=only) as needed:
        if not needed:
            terminal.note("stack: already there for these scores and settings.")
            return load_stack(run.stack)[0]
        terminal.heading(
            f"Stacking {count(len(scored.kinds), 'detector')} on "
            f"{count(len(rows), 'labelled video')}"
        )
        judged_procedure = procedure(scored, options, robust)
        with terminal.progress_bars() as progress:
            estimate = nested_estimate(
                judged_procedure,
                scored.features,
                label,
                rows["group"],
                folds,
                dict(scored.kinds),
                progress,
            )
            stages = estimate.stages if only is None else estimate.stages[list(only)]
            estimate = replace(estimate, stages=stages)
            oof = rows[["label", "group"]].assign(label=label, fold=folds).join(stages)
            judged: dict[str, Any] = {"seed": options.seed, "progress": progress}
            metrics = report_metrics(stages, label, rows["group"], **judged)
            metrics["alerts"] = [note.to_json() for note in alerts_of(scored)]
            if scored.brought:
                metrics["brought"] = dict(scored.brought)
            metrics["slices"] = {
                column: report_slices(stages, label, rows["group"], rows[column], **judged)
                for column in sliced_columns(rows)
            }
            board = leaderboard(estimate, label, rows["group"], seed=options.seed)
        with terminal.working("the stack on all rows"):
            fitted = judged_procedure.fit(scored.features, label, rows["group"])
        metrics["ensemble"] = ensemble_of(scored, fitted)
        promised = metrics["stages"]["calibrated"]["log_loss"]["value"]
        out_of_reach = unreachable(fitted.stack.clip_, float(label.mean()), promised)
        metrics["alerts"] = [*(one.to_json() for one in out_of_reach), *metrics["alerts"]]
        for note in fitted.notes:
            terminal.note(note)
        stack = fitted.stack
        known = about(scored, stack, label)
        if fitted.frame_rule is not None:
            known["frames"] = dict(zip(("rule", "over_tracks"), fitted.frame_rule, strict=True))
        # What a deadline answers before it has time to load the stack.
        known["unseen"] = unseen_probability(stack, known)
        with terminal.working("measuring, drawing and saving it"):
            save_stack(stack, run.stack, known)
            if fitted.robust is not None:
                write_json(fitted.robust.to_dict(), run.path / "robust.json")
            write_table(oof, run.oof)
            write_json(metrics, run.metrics)
            write_table(_with_members(board, fitted), run.leaderboard)
            shown = stages[["mean" if only is None else only[0], "calibrated"]]
            write_table(measures_of(shown, label, rows["group"], options.seed), run.measures)
            _draw_reliability(label, rows["group"], shown, run.reliability)
            _draw_clip(label, shown, stack.clip_, run.clip)
    return stack


def procedure(scored: Scored, options: StackOptions, robust: str | None = None) -> Any:
    """How the stack for these scores comes to be: what is judged, and then shipped.

    With `robust`, a column of `rows`, settings are chosen by the worst domain there; where the
    scores came by frames, their rule is chosen first.
    """
    from stacking import Procedure

    domains = None if robust is None else scored.rows[robust]
    return Procedure(plain_stack(options), options.frame_rule, domains, options.take)


def about(scored: Scored, stack: Any, label: pd.Series) -> dict[str, Any]:
    """What a stack must be told together with, to be applied to new scores."""
    used = set(stack.feature_names_in_)
    kinds = {model: kind for model, kind in scored.kinds.items() if model in used}
    return {
        "kinds": kinds,
        "scales": scales_of(scored.features, kinds),
        "missing": missing_of(scored.features, kinds),
        "distributions": distributions_of(scored.features, kinds, scored.rows["group"].nunique()),
        "reverse": list(scored.reverse),
        "prior": float(label.mean()),
    }


def ensemble_of(scored: Scored, fitted: Any) -> dict[str, Any]:
    """Of metrics.json: the detectors that are taken, of which, and the fewest that do as well.

    `fitted`: a `stacking.FittedProcedure`.
    """
    from stacking.choose.ensemble import CHOSEN as ENSEMBLE
    from stacking.choose.ensemble import OUTDONE, TOO_FEW

    used = set(getattr(fitted.stack, "feature_names_in_", []))
    choice = fitted.ensemble
    kinds = (ENSEMBLE, OUTDONE, TOO_FEW)
    notes = [note for kind in kinds for note in kind.among(fitted.notes)]
    return {
        "models": [model for model in scored.kinds if model in used],
        "of": list(scored.kinds),
        "smallest": None if choice is None else list(choice.table["models"].iloc[choice.smallest]),
        "note": notes[0].to_json() if notes else None,
    }


def _with_members(board: pd.DataFrame, fitted: Any) -> pd.DataFrame:
    """The leaderboard with `models`: of each ensemble those that all rows select."""
    models = pd.Series("", index=board.index, dtype="string")
    if fitted.ensemble is not None:
        lengths = fitted.ensemble.table
        by_size = {str(len(names)): " + ".join(names) for names in lengths["models"]}
        mine = board["kind"] == "ensemble"
        models[mine] = board.loc[mine, "name"].map(by_size)
    return board.assign(models=models)


def all_metrics(run: RunFolder) -> dict[str, Any]:
    """metrics.json, with the leaderboard, what to do, the domains that were left out and the
    seconds of every product."""
    metrics, board = run.read_metrics(), run.read_leaderboard()
    domains = read_json(run.path / "domains.json") if run.has("domains") else None
    further: dict[str, Any] = {} if domains is None else {"domains": domains}
    if board is not None:
        further["leaderboard"] = json_records(board)
    further["advice"] = [one.to_json() for one in advice_of(run, metrics, board, domains)]
    return {**metrics, **further, "timing": run.seconds()}


def check_labels(label: pd.Series, **where: Any) -> None:
    """Refuse labels that nothing can be judged by.

    Args:
        label: those that are known.
        where: they come from, as facts of the error.

    Raises:
        InputError: there are none, or only one of the two.
    """
    if label.empty:
        raise InputError(
            "no video has a label",
            expected="a label column with 1 = FAKE and 0 = REAL",
            remedy="name it with --label, or join one with --labels",
            **where,
        )
    if label.nunique() < 2:
        only, other = ("FAKE", "REAL") if label.iloc[0] == 1 else ("REAL", "FAKE")
        raise InputError(
            f"every labelled video is {only}, and detectors are judged on both",
            remedy=f"add {other} videos",
            **where,
        )


def outer_folds(rows: pd.DataFrame, n_splits: int, seed: int) -> pd.Series:
    """The folds that came with the rows, or new ones that keep groups whole."""
    if "fold" in rows and rows["fold"].notna().all():
        check_folds(rows["fold"], rows["group"])
        return rows["fold"].astype("int16")
    folds = assign_folds(rows["label"], rows["group"], n_splits, seed)
    return pd.Series(folds, index=rows.index, name="fold")


def sliced_columns(rows: pd.DataFrame) -> list[str]:
    """The columns of `SLICED` that tell a few kinds of videos apart."""
    return [name for name in SLICED if name in rows and 2 <= rows[name].nunique() <= _MOST_SLICES]


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


def _draw_reliability(label: pd.Series, group: pd.Series, stages: pd.DataFrame, path: Path) -> None:
    """Reliability diagrams of two stages (out-of-fold probabilities): before and after."""
    from matplotlib.figure import Figure

    from calibration import plot_reliability, prepare_reliability

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    for axes, (name, p) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        plot_reliability(prepare_reliability(label, p, group), axes)
        axes.set_title(_title(name), fontsize="medium")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


def _draw_clip(
    label: pd.Series, stages: pd.DataFrame, bounds: tuple[float, float] | None, path: Path
) -> None:
    """Log loss against the bound of two stages; what the shipped stack's bounds are."""
    from matplotlib.figure import Figure

    from calibration import clip_curve, plot_clip_curve

    figure = Figure(figsize=(9, 4), layout="constrained")
    # The two stages differ by far too much for one scale.
    for axes, (name, p) in zip(figure.subplots(1, 2), stages.items(), strict=True):
        marked = bounds if name == "calibrated" else None
        plot_clip_curve(clip_curve(p, label), axes, marked)
        axes.set_title(_title(name), fontsize="medium")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=150, format="png")


def _title(stage: Any) -> str:
    """A stage's name short enough for half a figure."""
    return f"{in_figure(str(stage), 36)}, out of fold"
