"""A stack for some of a run's detectors, fitted and judged on its out-of-fold scores."""

from typing import Any

import pandas as pd

from fakeodds.run.folder import RunFolder
from fakeodds.workflows.judge import plain_stack
from fakeodds.workflows.judged_rows import outer_folds
from fakeodds.workflows.settings import StackOptions
from predictions.files import read_parquet


def labelled_videos(run: RunFolder) -> pd.DataFrame:
    """The rows of the run's manifest whose label is known, by video.

    Raises:
        InputError: the manifest is damaged.
    """
    run.refuse_damage("faces")
    videos = read_parquet(run.videos).set_index("video")
    return videos[videos["label"].notna()]


def restack(
    features: pd.DataFrame, videos: pd.DataFrame, options: StackOptions
) -> tuple[Any, dict[str, Any], "pd.Series[float]"]:
    """A stack of the columns of `features`: logits `M`, `M:feature`, a row a labelled video.

    Returns:
        the fitted stack, what it must be told together with (see `stacked.about`), and the
        videos' probabilities, out of fold.
    """
    from stacking import is_score_column, nested_predictions

    label = videos["label"].astype("int8")
    kinds = {str(name): "logit" for name in features if is_score_column(name)}
    folds = outer_folds(videos, options.folds, options.seed)
    judged = nested_predictions(
        plain_stack(options), features, label, videos["group"], folds, kinds
    )
    stack = plain_stack(options).fit(features, label, groups=videos["group"])
    about = {"kinds": kinds, "reverse": [], "prior": float(label.mean())}
    return stack, about, judged["calibrated"]
