"""Every ensemble of a run's detectors, judged: compare.json, compare.csv and compare.png."""

from collections.abc import Mapping

import pandas as pd

from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.view.figures import save_png
from fakeodds.workflows.alerts import alerts_of
from fakeodds.workflows.judge import take_scores
from fakeodds.workflows.judged_rows import check_labels, outer_folds
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.files import write_json, write_table
from predictions.frame_rules import by_rule
from predictions.words import count

#: `stack` and `run` compare by themselves up to so many detectors, and rows times subsets, which
#: take some seconds; for more, `fakeodds compare` is asked for.
_MOST_DETECTORS, _MOST_WORK = 10, 10_000_000


def is_quickly_compared(scored: ScoredVideos) -> bool:
    """Whether comparing all ensembles is so little work that nobody need ask for it."""
    detectors, rows = len(scored.kinds), int(scored.rows["label"].notna().sum())
    return 2 <= detectors <= _MOST_DETECTORS and rows * 2**detectors <= _MOST_WORK


def judge_sizes(
    scored: ScoredVideos,
    run: RunFolder,
    *,
    costs: pd.DataFrame | None = None,
    budget: Mapping[str, float] | None = None,
    frame_rule: tuple[str, str] | None = None,
    folds: int,
    seed: int,
    jobs: int,
) -> None:
    """Judge every ensemble on the outer folds and write what was found, unless it is there.

    Args:
        scored: the videos; those without a label are left out.
        run: where compare.json, compare.csv and compare.png go.
        costs: of `read_costs`, what each detector costs.
        budget: cost -> the most that a recommended ensemble may cost.
        frame_rule: of frame scores, the rule (and that over tracks) instead of all of them.
        folds, seed, jobs: as `StackOptions` has them.

    Raises:
        InputError: no labels, one class only, or fewer groups than folds.
    """
    from stacking.ensembles.compare import compare_subsets
    from stacking.ensembles.plot import plot_comparison
    from stacking.ensembles.subsets import refuse_too_many

    refuse_too_many(len(scored.kinds))
    key = scored.key
    scored = scored.labelled()
    rows, features = scored.rows, scored.features
    if frame_rule is not None:
        features = by_rule(features, *frame_rule)
    check_labels(rows["label"])
    outer = outer_folds(rows, folds, seed)
    take_scores(key, run)
    outputs = [run.path / f"compare.{ending}" for ending in ("json", "csv", "png")]
    with run.stage(
        "compare",
        costs=pd.DataFrame() if costs is None else costs,
        options={"budget": dict(budget or {}), "folds": folds, "seed": seed},
        frame_rule=frame_rule,
        versions=versions(),
    ) as needed:
        if not needed:
            terminal.note("compare: already there for these scores and settings.")
            return
        terminal.heading(f"Comparing ensembles of {count(len(scored.kinds), 'detector')}")
        with terminal.progress_bars() as progress:
            found = compare_subsets(
                features,
                rows["label"],
                rows["group"],
                outer,
                costs=costs,
                budget=dict(budget or {}),
                seed=seed,
                n_jobs=jobs,
                progress=progress,
            )
        joined = found.table.assign(models=[" + ".join(models) for models in found.table["models"]])
        write_table(joined, outputs[1])
        with terminal.working("drawing it"):
            save_png(plot_comparison(found), outputs[2])
        alerts = [note.to_json() for note in alerts_of(scored)]
        write_json({**found.to_dict(), "alerts": alerts}, outputs[0])
