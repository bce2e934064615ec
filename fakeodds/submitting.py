"""From a fitted stack to submission.csv."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fakeodds import console
from fakeodds.run_folder import RunFolder
from fakeodds.stacked import Scored
from predictions.errors import InputError
from predictions.scores import ScoreTable
from predictions.submission import make_submission, read_sample, write_submission


def submit(probability: pd.Series, path: Path, sample: Path | None = None) -> None:
    """Write `filename,label`, in the sample's order when one is given, and say where it lies."""
    if sample is None:
        submission = make_submission(probability)
    else:
        submission = make_submission(probability, read_sample(sample), str(sample))
    write_submission(submission, path)
    console.out.print(f"{len(submission)} videos -> {path}")


def submit_scored(
    stack: Any,
    scored: Scored,
    tested: pd.DataFrame | None,
    run: RunFolder,
    prior: float | None,
    sample: Path | None,
) -> None:
    """submission.csv of `stack` and `calibrate`: the test scores, else the unlabelled rows.

    Where there are neither, it holds the out-of-fold probabilities, and a note says so.
    """
    if tested is None and scored.rows["label"].isna().any():
        tested = scored.unlabelled()
    if tested is None:
        console.note("submission.csv: no --test, so it holds the out-of-fold probabilities.")
        probability = out_of_fold(run)
    else:
        about = {"prior": float(scored.labelled().rows["label"].mean())}
        probability = stack_probability(stack, stack.align(tested), about, prior)
    submit(probability, run.submission, sample)


def stack_probability(
    stack: Any, features: pd.DataFrame, about: dict[str, Any], prior: float | None
) -> pd.Series:
    """Calibrated probability of FAKE a video, moved to another share of fakes when one is said."""
    probability = pd.Series(stack.predict_proba(features)[:, 1], index=features.index)
    if prior is not None:
        from calibration import shift_prior

        probability[:] = shift_prior(probability.to_numpy(), about["prior"], prior)
    return probability


def out_of_fold(run: RunFolder) -> pd.Series:
    """The calibrated out-of-fold probabilities of the labelled videos of a run."""
    oof = pd.read_csv(run.oof, dtype={"video": str}).set_index("video")
    return oof["calibrated"]


def features_for(table: ScoreTable, models: Sequence[str], source: str) -> pd.DataFrame:
    """The columns of `table` that a stack was fitted on, in its order.

    Raises:
        InputError: a model is missing.
    """
    missing = [model for model in models if model not in table.scores]
    if missing:
        raise InputError(
            f"{source}: has no column {', '.join(missing)}, which the stack was fitted on; it has "
            f"{', '.join(table.kinds)}; add the missing "
            "scores, or fit a stack without them (--drop)."
        )
    return table.logits[list(models)]
