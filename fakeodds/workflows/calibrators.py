"""Every calibrator of a detector's scores, judged: calibrators.csv and calibrators.png."""

from typing import TYPE_CHECKING

import pandas as pd

from fakeodds.run.folder import RunFolder, versions
from fakeodds.view import terminal
from fakeodds.workflows.judged_rows import outer_folds
from fakeodds.workflows.scored_videos import ScoredVideos
from predictions.files import replacing, write_table

if TYPE_CHECKING:
    from fakeodds.workflows.settings import StackOptions


def judge_calibrators(
    scored: ScoredVideos, run: RunFolder, options: "StackOptions"
) -> pd.DataFrame:
    """Judge every calibrator on the outer folds, unless it is there already; returns the table.

    To be called after `fit_and_judge`, which checks the scores.
    """
    from fakeodds.view.calibrators import draw_calibrators
    from stacking import compare_calibrators

    scored = scored.labelled()
    rows = scored.rows
    with run.stage(
        "calibrators",
        meta=options.meta,
        folds=options.folds,
        seed=options.seed,
        versions=versions(),
    ) as needed:
        if needed:
            terminal.heading("Comparing calibrators")
            with terminal.progress_bars() as progress:
                board = compare_calibrators(
                    scored.features,
                    rows["label"].astype("int8"),
                    rows["group"],
                    outer_folds(rows, options.folds, options.seed),
                    dict(scored.kinds),
                    meta=options.meta,
                    n_splits=options.folds,
                    seed=options.seed,
                    n_jobs=options.jobs,
                    progress=progress,
                )
            write_table(board, run.path / "calibrators.csv")
            with replacing(run.path / "calibrators.png") as temporary:
                temporary.write_bytes(draw_calibrators(board))
    return read_calibrators(run)


def read_calibrators(run: RunFolder) -> pd.DataFrame:
    """calibrators.csv, as `stacking.compare_calibrators` gives it."""
    return pd.read_csv(
        run.path / "calibrators.csv", dtype={"name": str}, keep_default_na=False, na_values=[""]
    )
