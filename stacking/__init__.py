"""Many scores in, one probability out; honest estimates of what it will cost."""

from stacking.averages import (
    BestLearner,
    GreedyLearner,
    MeanLearner,
    MeanLogitLearner,
    greedy_selection,
)
from stacking.blend import AutoLearner, blend_weights
from stacking.boosting import XGBoostLearner
from stacking.learner import MetaLearner
from stacking.linear_learners import (
    LogisticLearner,
    NonNegativeLearner,
    PairsLearner,
    SplineLearner,
)
from stacking.meta_learners import META_LEARNERS, create_meta_learner
from stacking.metrics import report_metrics
from stacking.nested import nested_predictions
from stacking.network import NetworkLearner
from stacking.stack import Stack, is_score_column
from stacking.store import load_stack, save_stack, trusted_types

__all__ = [
    "META_LEARNERS",
    "AutoLearner",
    "BestLearner",
    "GreedyLearner",
    "LogisticLearner",
    "MeanLearner",
    "MeanLogitLearner",
    "MetaLearner",
    "NetworkLearner",
    "NonNegativeLearner",
    "PairsLearner",
    "SplineLearner",
    "Stack",
    "XGBoostLearner",
    "blend_weights",
    "create_meta_learner",
    "greedy_selection",
    "is_score_column",
    "load_stack",
    "nested_predictions",
    "report_metrics",
    "save_stack",
    "trusted_types",
]
