"""A stack for fewer detectors: those named, or the best whose weights fit (`--max-weights`)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from base_models.scoring.fold_models import read_fold_scores
from fakeodds.run.disk import weights_mb
from fakeodds.run.folder import RunFolder
from fakeodds.view import terminal
from fakeodds.workflows.judged_rows import outer_folds
from fakeodds.workflows.probability import unseen_probability
from fakeodds.workflows.substack import labelled_videos, restack
from predictions.errors import InputError
from predictions.frame_rules import by_rule, rule_table, with_models
from predictions.notes import NoteKind
from predictions.words import all_of

FITTING = NoteKind(
    "weights.fitting",
    lambda n, mb, kept, kept_mb: (
        f"--max-weights: {all_of(n, 'detector')} have {mb:.0f} MB; the best that fit are "
        f"{', '.join(kept)} ({kept_mb:.0f} MB)."
    ),
)


def within(
    run: RunFolder,
    names: Sequence[str],
    stack: Any,
    about: dict[str, Any],
    most_mb: float = math.inf,
    jobs: int = -1,
) -> tuple[Any, dict[str, Any], pd.Series | None]:
    """A stack of the detectors `names`, of as many as fit; the run's own where it asks no others.

    Where their weights are too large together, it is the recommended ensemble of those that fit.
    It is made as the run's own was: by the same meta-learner, calibration, clip and frame rule.

    Returns:
        stack, about, and the out-of-fold probabilities of the new stack (None of the run's own).

    Raises:
        InputError: not even one detector fits.
    """
    mb = weights_that_fit(run, names, most_mb)
    fits = sum(mb.values()) <= most_mb
    if fits and set(names) == set(about["kinds"]):
        return stack, about, None
    videos, options = labelled_videos(run), run.stack_options(jobs)
    frames = about.get("frames")
    scores = rule_table(read_fold_scores(run.path)).reindex(videos.index)
    scores = with_models(by_rule(scores, **(frames or {})), names)

    def stacked(kept: Sequence[str]) -> tuple[Any, dict[str, Any], pd.Series]:
        of_kept = scores[[name for name in scores if str(name).partition(":")[0] in kept]]
        new, known, probability = restack(of_kept, videos, options)
        known |= {} if frames is None else {"frames": frames}
        return new, {**known, "unseen": unseen_probability(new, known)}, probability

    if fits:
        return stacked(names)
    from stacking.ensembles.compare import compare_subsets

    found = compare_subsets(
        scores[list(names)],
        videos["label"].astype("int8"),
        videos["group"],
        outer_folds(videos, options.folds, options.seed),
        costs=pd.DataFrame({"seconds": np.nan, "mb": mb}),
        budget={"mb": most_mb},
    ).to_dict()
    kept = next(subset["models"] for subset in found["subsets"] if subset["recommended"])
    kept_mb = sum(mb[name] for name in kept)
    terminal.note(str(FITTING(n=len(names), mb=sum(mb.values()), kept=kept, kept_mb=kept_mb)))
    return stacked(kept)


def weights_that_fit(run: RunFolder, names: Sequence[str], most_mb: float) -> dict[str, float]:
    """Megabytes of the weights of the detectors `names`, of which one fits at least.

    Raises:
        InputError: not even one does.
    """
    mb = weights_mb(run.path, names)
    smallest = min(mb, key=lambda name: mb[name])
    if mb[smallest] > most_mb:
        raise InputError(
            f"the smallest detector, {smallest}, has {mb[smallest]:.0f} MB of weights, more than "
            f"{most_mb:.0f}",
            option="--max-weights",
            remedy="allow more",
        )
    return mb
