"""The meta-learners by name."""

from difflib import get_close_matches

from predictions.errors import InputError
from stacking.learners.averages import BestLearner, GreedyLearner, MeanLearner, MeanLogitLearner
from stacking.learners.base import MetaLearner
from stacking.learners.blend import AutoLearner
from stacking.learners.boosting import XGBoostLearner
from stacking.learners.linear import (
    LogisticLearner,
    NonNegativeLearner,
    PairsLearner,
    ShrunkLearner,
    SplineLearner,
)
from stacking.learners.mlp import NetworkLearner
from stacking.learners.passthrough import PassthroughLearner

#: Every meta-learner, from the simplest to the most flexible.
META_LEARNERS: dict[str, type[MetaLearner]] = {
    "passthrough": PassthroughLearner,
    "mean": MeanLearner,
    "mean_logit": MeanLogitLearner,
    "best": BestLearner,
    "greedy": GreedyLearner,
    "nonneg": NonNegativeLearner,
    "shrunk": ShrunkLearner,
    "logistic": LogisticLearner,
    "splines": SplineLearner,
    "pairs": PairsLearner,
    "xgboost": XGBoostLearner,
    "mlp": NetworkLearner,
    "auto": AutoLearner,
}


def create_meta_learner(name: str, seed: int = 0, n_scores: int | None = None) -> MetaLearner:
    """An unfitted meta-learner of a name in META_LEARNERS.

    Args:
        seed: for those that draw at random.
        n_scores: how many of the columns are detectors' scores (the first ones; None: all); the
            others are statistics of their frames.

    Raises:
        InputError: no such name; the message tells near ones.
    """
    if name not in META_LEARNERS:
        near = get_close_matches(name, META_LEARNERS, n=3, cutoff=0.4)
        meant = (
            f"did you mean {' or '.join(near)}?" if near else f"choose of {list(META_LEARNERS)}."
        )
        raise InputError(f"there is no meta-learner {name!r}; {meant}")
    return META_LEARNERS[name](n_scores=n_scores, seed=seed)
