"""What a stack answers for videos of another kind."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from stacking.inputs import Array, is_score_column
from stacking.shift.two_sample import unlikeness
from stacking.stack import Stack


def leaning(
    probability: ArrayLike,
    labelled: pd.DataFrame,
    y: ArrayLike,
    groups: ArrayLike | None,
    new: pd.DataFrame,
    new_groups: ArrayLike | None = None,
    seed: int = 0,
) -> Array:
    """The stack's answers, leaning on the mean of all detectors where a video is unlike the
    labelled ones.

    What a stack has learned of how detectors go together holds where labelled videos are; the mean
    of their logits, calibrated by two numbers (Platt 1999), knows nothing of that and loses least
    elsewhere. Each answer is the stack's by 1 - u/2 and the mean's by u/2, where u in [0, 1] says
    how unlike the video is (`unlikeness`): a stack is left where it knows, and at most met halfway,
    since the log loss of a mean of two answers is never above the mean of their log losses.

    Args:
        probability: the stack's, of FAKE, (m,).
        labelled, y, groups, new, new_groups, seed: as of `judge_shift`.

    Returns:
        probabilities of FAKE, (m,).

    Examples:
        >>> import numpy as np, pandas as pd
        >>> from stacking import leaning
        >>> draw = np.random.default_rng(0)
        >>> y = draw.integers(0, 2, 200)
        >>> X = pd.DataFrame({"a": 2 * y + draw.normal(size=200)})
        >>> p = leaning(np.full(200, 0.5), X, y, None, X + 9)
        >>> bool((p > 0.65).mean() > 0.95)
        True
    """
    own = np.asarray(probability, dtype=np.float64)
    scores = [name for name in labelled.columns if is_score_column(name)]
    mean = Stack("mean_logit", "affine", seed=seed).fit(labelled[scores], y, groups=groups)
    weight = unlikeness(labelled, groups, new, new_groups, seed) / 2
    return np.asarray(own + weight * (mean.predict_proba(new[scores])[:, 1] - own))
