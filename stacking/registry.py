"""The meta-learners there are. To add one: its class in a file of `learners/`, a line here."""

from typing import TYPE_CHECKING

from predictions.registry import Entry, by_name, find

if TYPE_CHECKING:
    from stacking.learners.base import MetaLearner

_HOME = "stacking.learners"
_LINEAR = "stacking.solvers:Linear"
_TAMED = "stacking.features:TamedScores"
_RANKS = "stacking.features:Ranks"
_ALIGNED = (f"{_HOME}.averages:AlignedScores", _TAMED, _LINEAR)
_SPLINES = ("stacking.features:SplineScores", _TAMED, _RANKS, _LINEAR)

#: Every meta-learner, from the simplest to the most flexible.
META_LEARNERS = by_name(
    Entry(
        name="passthrough",
        about="takes the one score as it is",
        home=f"{_HOME}.passthrough:PassthroughLearner",
        helpers=_ALIGNED,
    ),
    Entry(
        name="mean",
        about="takes the mean of the aligned probabilities",
        home=f"{_HOME}.averages:MeanLearner",
        helpers=_ALIGNED,
    ),
    Entry(
        name="mean_logit",
        about="takes the mean of the aligned logits",
        home=f"{_HOME}.averages:MeanLogitLearner",
        helpers=_ALIGNED,
    ),
    Entry(
        name="best",
        about="takes the best detector alone, the next best where it is missing",
        home=f"{_HOME}.averages:BestLearner",
        helpers=_ALIGNED,
    ),
    Entry(
        name="greedy",
        about="picks detectors one by one into a mean (Caruana's ensemble selection)",
        home=f"{_HOME}.averages:GreedyLearner",
        helpers=_ALIGNED,
    ),
    Entry(
        name="nonneg",
        about="weighs the scores, never one of them against itself",
        home=f"{_HOME}.linear:NonNegativeLearner",
        helpers=(_TAMED, _LINEAR),
    ),
    Entry(
        name="shrunk",
        about="weighs the scores, pulled to equal weights",
        home=f"{_HOME}.linear:ShrunkLearner",
        helpers=(f"{_HOME}.averages:AlignedDeviations", *_ALIGNED),
    ),
    Entry(
        name="logistic",
        about="weighs the scores (ridge logistic regression)",
        home=f"{_HOME}.linear:LogisticLearner",
        helpers=(_TAMED, _LINEAR),
    ),
    Entry(
        name="splines",
        about="bends each score before it weighs it",
        home=f"{_HOME}.linear:SplineLearner",
        helpers=_SPLINES,
    ),
    Entry(
        name="pairs",
        about="bends each score, and weighs the products of two as well",
        home=f"{_HOME}.linear:PairsLearner",
        helpers=_SPLINES,
    ),
    Entry(
        name="xgboost",
        about="grows shallow trees one after the other",
        home=f"{_HOME}.boosting:XGBoostLearner",
    ),
    Entry(
        name="mlp",
        about="trains small neural networks",
        home=f"{_HOME}.mlp:NetworkLearner",
        helpers=(_TAMED, _RANKS),
    ),
    Entry(
        name="auto",
        about="blends the others by what each is worth out of fold",
        home=f"{_HOME}.blend:AutoLearner",
    ),
)


def create_meta_learner(name: str, seed: int = 0, n_scores: int | None = None) -> "MetaLearner":
    """An unfitted meta-learner of a name in META_LEARNERS.

    Args:
        seed: for those that draw at random.
        n_scores: how many of the columns are detectors' scores (the first ones; None: all); the
            others are statistics of their frames.

    Raises:
        InputError: no such name; the message tells near ones.
    """
    learner: MetaLearner = find(META_LEARNERS, name, "meta-learner").load()(
        n_scores=n_scores, seed=seed
    )
    return learner
