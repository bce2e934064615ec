"""From a fitted stack to the probabilities of new videos."""

from typing import Any

import numpy as np
import pandas as pd

from fakeodds.workflows.probability import stack_probability
from predictions.frame_rules import rule_table, with_models


class TwoColumns:
    """A stack that answers by the scores of `a` alone, missing ones with 0.5."""

    feature_names_in_ = np.array(["a", "b"])

    def align(self, features: pd.DataFrame) -> pd.DataFrame:
        return features[list(self.feature_names_in_)]

    def predict_proba(self, features: pd.DataFrame) -> Any:
        real = 1 / (1 + np.exp(features["a"].fillna(0).to_numpy()))
        return np.column_stack([real, 1 - real])


def test_gaps_are_missing_scores_and_the_frame_rule_is_applied() -> None:
    frames = pd.DataFrame(
        {"video": "v", "model": "a", "frame": range(3), "face": 0, "logit": [-1.0, 2.0, 8.0]}
    )
    about: dict[str, Any] = {
        "kinds": {"a": "logit", "b": "logit"},
        "frames": {"rule": "median", "over_tracks": "max"},
        "prior": 0.5,
    }
    table = rule_table(frames)
    gaps = stack_probability(TwoColumns(), table, about, gaps=True)
    whole = stack_probability(TwoColumns(), with_models(table, about["kinds"]), about)
    assert gaps.index.tolist() == ["v"]
    np.testing.assert_allclose(gaps, 1 / (1 + np.exp(-2.0)))
    pd.testing.assert_series_equal(gaps, whole)
    unseen = stack_probability(TwoColumns(), pd.DataFrame(index=[""]), about, gaps=True)
    assert unseen.tolist() == [0.5]
