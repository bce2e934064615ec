"""Many scores in, one probability out; honest estimates of what it will cost."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stacking.choose.frame_rule import FrameStack, compare_rules
    from stacking.choose.robust import RobustStack
    from stacking.ensembles.compare import compare_subsets
    from stacking.estimate.domains import domain_predictions, domain_splits, report_domains
    from stacking.estimate.metrics import report_metrics
    from stacking.estimate.nested import nested_predictions
    from stacking.estimate.slices import report_slices
    from stacking.learners.averages import (
        BestLearner,
        GreedyLearner,
        MeanLearner,
        MeanLogitLearner,
        greedy_selection,
    )
    from stacking.learners.base import MetaLearner
    from stacking.learners.blend import AutoLearner, blend_weights
    from stacking.learners.boosting import XGBoostLearner
    from stacking.learners.linear import (
        LogisticLearner,
        NonNegativeLearner,
        PairsLearner,
        ShrunkLearner,
        SplineLearner,
    )
    from stacking.learners.mlp import NetworkLearner
    from stacking.registry import META_LEARNERS, create_meta_learner
    from stacking.stack import Stack, is_score_column
    from stacking.store import load_stack, save_stack, trusted_types

#: Public name -> its module. They are imported when they are asked for: scikit-learn and scipy
#: alone take most of a second, which `import stacking` need not.
_HOMES = {
    "AutoLearner": "learners.blend",
    "BestLearner": "learners.averages",
    "blend_weights": "learners.blend",
    "compare_rules": "choose.frame_rule",
    "compare_subsets": "ensembles.compare",
    "create_meta_learner": "registry",
    "domain_predictions": "estimate.domains",
    "domain_splits": "estimate.domains",
    "FrameStack": "choose.frame_rule",
    "greedy_selection": "learners.averages",
    "GreedyLearner": "learners.averages",
    "is_score_column": "stack",
    "load_stack": "store",
    "LogisticLearner": "learners.linear",
    "MeanLearner": "learners.averages",
    "MeanLogitLearner": "learners.averages",
    "META_LEARNERS": "registry",
    "MetaLearner": "learners.base",
    "nested_predictions": "estimate.nested",
    "NetworkLearner": "learners.mlp",
    "NonNegativeLearner": "learners.linear",
    "PairsLearner": "learners.linear",
    "report_domains": "estimate.domains",
    "report_metrics": "estimate.metrics",
    "report_slices": "estimate.slices",
    "RobustStack": "choose.robust",
    "save_stack": "store",
    "ShrunkLearner": "learners.linear",
    "SplineLearner": "learners.linear",
    "Stack": "stack",
    "trusted_types": "store",
    "XGBoostLearner": "learners.boosting",
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
