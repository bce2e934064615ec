"""Many scores in, one probability out; honest estimates of what it will cost."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stacking.averages import (
        BestLearner,
        GreedyLearner,
        MeanLearner,
        MeanLogitLearner,
        greedy_selection,
    )
    from stacking.blend import AutoLearner, blend_weights
    from stacking.boosting import XGBoostLearner
    from stacking.compare import compare_subsets
    from stacking.domains import domain_predictions, domain_splits, report_domains
    from stacking.frame_rules import FrameStack, compare_rules
    from stacking.learner import MetaLearner
    from stacking.linear_learners import (
        LogisticLearner,
        NonNegativeLearner,
        PairsLearner,
        ShrunkLearner,
        SplineLearner,
    )
    from stacking.meta_learners import META_LEARNERS, create_meta_learner
    from stacking.metrics import report_metrics
    from stacking.nested import nested_predictions
    from stacking.network import NetworkLearner
    from stacking.robust import RobustStack
    from stacking.slices import report_slices
    from stacking.stack import Stack, is_score_column
    from stacking.store import load_stack, save_stack, trusted_types

#: Public name -> its module. They are imported when they are asked for: scikit-learn and scipy
#: alone take most of a second, which `import stacking` need not.
_HOMES = {
    "AutoLearner": "blend",
    "BestLearner": "averages",
    "blend_weights": "blend",
    "compare_rules": "frame_rules",
    "compare_subsets": "compare",
    "create_meta_learner": "meta_learners",
    "domain_predictions": "domains",
    "domain_splits": "domains",
    "FrameStack": "frame_rules",
    "greedy_selection": "averages",
    "GreedyLearner": "averages",
    "is_score_column": "stack",
    "load_stack": "store",
    "LogisticLearner": "linear_learners",
    "MeanLearner": "averages",
    "MeanLogitLearner": "averages",
    "META_LEARNERS": "meta_learners",
    "MetaLearner": "learner",
    "nested_predictions": "nested",
    "NetworkLearner": "network",
    "NonNegativeLearner": "linear_learners",
    "PairsLearner": "linear_learners",
    "report_domains": "domains",
    "report_metrics": "metrics",
    "report_slices": "slices",
    "RobustStack": "robust",
    "save_stack": "store",
    "ShrunkLearner": "linear_learners",
    "SplineLearner": "linear_learners",
    "Stack": "stack",
    "trusted_types": "store",
    "XGBoostLearner": "boosting",
}

__all__ = [
    "META_LEARNERS",
    "AutoLearner",
    "BestLearner",
    "FrameStack",
    "GreedyLearner",
    "LogisticLearner",
    "MeanLearner",
    "MeanLogitLearner",
    "MetaLearner",
    "NetworkLearner",
    "NonNegativeLearner",
    "PairsLearner",
    "RobustStack",
    "ShrunkLearner",
    "SplineLearner",
    "Stack",
    "XGBoostLearner",
    "blend_weights",
    "compare_rules",
    "compare_subsets",
    "create_meta_learner",
    "domain_predictions",
    "domain_splits",
    "greedy_selection",
    "is_score_column",
    "load_stack",
    "nested_predictions",
    "report_domains",
    "report_metrics",
    "report_slices",
    "save_stack",
    "trusted_types",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'stacking' has no attribute {name!r}")
    return getattr(import_module(f"stacking.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
