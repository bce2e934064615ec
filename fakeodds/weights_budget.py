"""A stack for fewer detectors: those named, or the best whose weights fit (`--max-weights`)."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from base_models.frame_scores import read_frame_scores
from fakeodds import console
from fakeodds.disk import weights_mb
from fakeodds.restacked import labelled_videos, restack
from fakeodds.run_folder import RunFolder
from fakeodds.stacked import StackOptions, outer_folds
from predictions.aggregate import aggregate
from predictions.errors import InputError


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

    Returns:
        stack, about, and the out-of-fold probabilities of the new stack (None of the run's own).

    Raises:
        InputError: not even one detector fits.
    """
    mb = weights_mb(run.path, names)
    fits = sum(mb.values()) <= most_mb
    if fits and set(names) == set(about["kinds"]):
        return stack, about, None
    if min(mb.values()) > most_mb:
        smallest = min(mb, key=lambda name: mb[name])
        raise InputError(
            f"--max-weights: the smallest detector, {smallest}, has {mb[smallest]:.0f} MB of "
            f"weights, more than {most_mb:.0f}; allow more."
        )
    videos, options = labelled_videos(run), StackOptions(jobs=jobs)
    scores = aggregate(read_frame_scores(run.scores))
    features = scores.reindex(index=videos.index, columns=list(names))
    if fits:
        return restack(features, videos, options)
    from stacking.compare import compare_subsets

    found = compare_subsets(
        features,
        videos["label"].astype("int8"),
        videos["group"],
        outer_folds(videos, options.folds, options.seed),
        costs=pd.DataFrame({"seconds": np.nan, "mb": mb}),
        budget={"mb": most_mb},
    ).to_dict()
    kept = next(subset["models"] for subset in found["subsets"] if subset["recommended"])
    told = ", ".join(kept)
    console.note(
        f"--max-weights: all {len(names)} detectors have {sum(mb.values()):.0f} MB; the best that "
        f"fit are {told} ({sum(mb[name] for name in kept):.0f} MB)."
    )
    return restack(features[kept], videos, options)
