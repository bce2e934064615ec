"""Scores in, honest numbers and a fitted stack out: the half that `run` and `stack` share."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.alerts import alerts_of, unreachable
from fakeodds.workflows.judged_files import (
    draw_clip,
    draw_reliability,
    measures_of,
    with_members,
)
from fakeodds.workflows.judged_rows import check_labels, outer_folds, sliced_columns
from fakeodds.workflows.label_doubts import doubted_labels, doubts_noted, summary_of
from fakeodds.workflows.probability import unseen_probability
from fakeodds.workflows.reference import write_reference
from fakeodds.workflows.scales import distributions_of, missing_of, scales_of
from fakeodds.workflows.scored_videos import ScoredVideos
from fakeodds.workflows.settings import StackOptions
from predictions.files import write_json, write_table
from predictions.words import count

#: What judging and fitting leave in the run folder.
STACK_FILES = (
    *("submission.csv", "decisions.csv", "oof.csv", "metrics.json"),
    *("measures.csv", "leaderboard.csv", "label_doubts.csv"),
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


def judging_inputs(scored: ScoredVideos, options: StackOptions) -> dict[str, Any]:
    """What judging and fitting depend on beside the scores, for the product's key."""
    fitting = {k: v for k, v in asdict(options).items() if k not in ("jobs", "prior", "shift")}
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
    scored: ScoredVideos,
    run: RunFolder,
    options: StackOptions,
    *,
    robust: str | None = None,
    only: Sequence[str] | None = None,
) -> Any:
    """Judge the procedure on outer folds, fit the stack on all rows, write both to the run folder.

    Writes oof.csv, metrics.json, measures.csv, label_doubts.csv, reliability.png, clip.png and
    stack/; returns the fitted `Stack`. With `robust`, a column of `rows`, settings are chosen by
    its worst domain, in every outer fold anew, and robust.json tells how the shipped ones were.
    `only` names the stages that are written, when not all tell something.

    Raises:
        InputError: no labels, one class only, or fewer groups than folds.
    """
    from stacking import (
        fit_and_estimate,
        leaderboard,
        load_stack,
        report_metrics,
        report_slices,
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
        with terminal.progress_bars() as progress:
            fitted, estimate = fit_and_estimate(
                procedure(scored, options, robust),
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
            metrics = report_metrics(stages, label, rows["group"], **judged, n_jobs=options.jobs)
            metrics["alerts"] = [note.to_json() for note in alerts_of(scored)]
            if scored.brought:
                metrics["brought"] = dict(scored.brought)
            metrics["slices"] = {
                column: report_slices(stages, label, rows["group"], rows[column], **judged)
                for column in sliced_columns(rows)
            }
            board = leaderboard(estimate, label, rows["group"], seed=options.seed)
        metrics["ensemble"] = ensemble_of(scored, fitted)
        promised = metrics["stages"]["calibrated"]["log_loss"]["value"]
        out_of_reach = unreachable(fitted.stack.clip_, float(label.mean()), promised)
        doubts = doubted_labels(oof, metrics)
        metrics["label_doubts"] = summary_of(doubts)
        metrics["alerts"] = [
            *(one.to_json() for one in (*out_of_reach, *doubts_noted(doubts))),
            *metrics["alerts"],
        ]
        for note in fitted.notes:
            terminal.note(note)
        stack = fitted.stack
        with terminal.working("measuring, drawing and saving it"):
            save_fitted(fitted, scored, run.stack, options.seed)
            if fitted.robust is not None:
                write_json(fitted.robust.to_dict(), run.path / "robust.json")
            write_table(oof, run.oof)
            write_json(metrics, run.metrics)
            write_table(doubts.reset_index(), run.label_doubts)
            write_table(with_members(board, fitted), run.leaderboard)
            shown = stages[["mean" if only is None else only[0], "calibrated"]]
            write_table(measures_of(shown, label, rows["group"], options.seed), run.measures)
            draw_reliability(label, rows["group"], shown, run.reliability)
            draw_clip(label, shown, stack.clip_, run.clip)
    return stack


def procedure(scored: ScoredVideos, options: StackOptions, robust: str | None = None) -> Any:
    """How the stack for these scores comes to be: what is judged, and then shipped.

    With `robust`, a column of `rows`, settings are chosen by the worst domain there; where the
    scores came by frames, their rule is chosen first.
    """
    from stacking import Procedure

    domains = None if robust is None else scored.rows[robust]
    return Procedure(plain_stack(options), options.frame_rule, domains, options.take)


def save_fitted(fitted: Any, scored: ScoredVideos, folder: Path, seed: int, **more: Any) -> None:
    """Save a stack with all that it must be told together with, and the videos it learned from.

    Args:
        fitted: a `stacking.FittedProcedure`. scored: the labelled videos, as they are.
        folder: of the stack. seed: of the videos that are kept. more: to be told too.
    """
    from stacking import save_stack

    stack, rows = fitted.stack, scored.rows
    known = about(scored, stack, rows["label"])
    if fitted.frame_rule is not None:
        known["frames"] = dict(zip(("rule", "over_tracks"), fitted.frame_rule, strict=True))
    # What a deadline answers before it has time to load the stack.
    known["unseen"] = unseen_probability(stack, known)
    save_stack(stack, folder, {**known, **more})
    taken = fitted.by_rule(scored.features)[list(stack.feature_names_in_)]
    write_reference(taken, rows, folder, seed)


def about(scored: ScoredVideos, stack: Any, label: pd.Series) -> dict[str, Any]:
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


def ensemble_of(scored: ScoredVideos, fitted: Any) -> dict[str, Any]:
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
