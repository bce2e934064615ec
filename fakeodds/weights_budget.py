"""`--max-weights`: the best ensemble whose weights are small enough, and a stack for it."""

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
    run: RunFolder, names: Sequence[str], most_mb: float, stack: Any, about: dict[str, Any]
) -> tuple[Any, dict[str, Any], pd.Series | None]:
    """The run's stack where all its weights fit; else the recommended ensemble of those that do.

    Returns:
        stack, about, and the out-of-fold probabilities of the new stack (None of the run's own).

    Raises:
        InputError: not even one detector fits.
    """
    mb = weights_mb(run.path, names)
    if sum(mb.values()) <= most_mb:
        return stack, about, None
    if min(mb.values()) > most_mb:
        smallest = min(mb, key=lambda name: mb[name])
        raise InputError(
            f"--max-weights: the smallest detector, {smallest}, has {mb[smallest]:.0f} MB of "
            f"weights, more than {most_mb:.0f}; allow more."
        )
    from stacking.compare import compare_subsets

    videos, options = labelled_videos(run), StackOptions()
    features = aggregate(read_frame_scores(run.scores)).reindex(videos.index)[list(names)]
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
