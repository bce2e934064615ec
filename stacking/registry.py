"""The meta-learners there are. To add one: its class in a file of `learners/`, a line here."""

from typing import TYPE_CHECKING, Literal

from predictions.registry import Entry, by_name, find

if TYPE_CHECKING:
    from stacking.learners.base import MetaLearner

#: Which detectors a stack takes: all unless fewer are shown to be better; the fewest within one
#: standard error of the best; all. See `choose.ensemble`.
Take = Literal["recommended", "smallest", "all"]

_HOME = "stacking.learners"
_LINEAR = "stacking.solvers:Linear"
_TAMED = "stacking.features:TamedScores"
_RANKS = "stacking.features:Ranks"
_ALIGNED = (f"{_HOME}.averages:AlignedScores", _TAMED, _LINEAR)
_SPLINES = ("stacking.features:SplineScores", _TAMED, _RANKS, _LINEAR)

#: Every meta-learner, from the simplest to the most flexible.
META_LEARNERS = by_name(
    Entry(
        "passthrough",
        "takes the one score as it is",
        f"{_HOME}.passthrough:PassthroughLearner",
        _ALIGNED,
    ),
    Entry(
        "platt",
        "makes the one raw score a logit (Platt's map)",
        f"{_HOME}.passthrough:PlattLearner",
        _ALIGNED,
    ),
    Entry(
        "mean",
        "takes the mean of the aligned probabilities",
        f"{_HOME}.averages:MeanLearner",
        _ALIGNED,
    ),
    Entry(
        "mean_logit",
        "takes the mean of the aligned logits",
        f"{_HOME}.averages:MeanLogitLearner",
        _ALIGNED,
    ),
    Entry(
        "best",
        "takes the best detector alone, the next best where it is missing",
        f"{_HOME}.averages:BestLearner",
        _ALIGNED,
    ),
    Entry(
        "greedy",
        "picks detectors one by one into a mean (Caruana's ensemble selection)",
        f"{_HOME}.averages:GreedyLearner",
        _ALIGNED,
    ),
    Entry(
        "nonneg",
        "weighs the scores, never one of them against itself",
        f"{_HOME}.linear:NonNegativeLearner",
        (_TAMED, _LINEAR),
    ),
    Entry(
        "shrunk",
        "weighs the scores, pulled to equal weights",
        f"{_HOME}.linear:ShrunkLearner",
        (f"{_HOME}.averages:AlignedDeviations", *_ALIGNED),
    ),
    Entry(
        "logistic",
        "weighs the scores (ridge logistic regression)",
        f"{_HOME}.linear:LogisticLearner",
        (_TAMED, _LINEAR),
    ),
    Entry(
        "splines", "bends each score before it weighs it", f"{_HOME}.linear:SplineLearner", _SPLINES
    ),
    Entry(
        "pairs",
        "bends each score, and weighs the products of two as well",
        f"{_HOME}.linear:PairsLearner",
        _SPLINES,
    ),
    Entry("xgboost", "grows shallow trees one after the other", f"{_HOME}.boosting:XGBoostLearner"),
    Entry("mlp", "trains small neural networks", f"{_HOME}.mlp:NetworkLearner", (_TAMED, _RANKS)),
    Entry(
        "auto", "blends the others by what each is worth out of fold", f"{_HOME}.blend:AutoLearner"
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

    Examples:
        >>> from stacking import create_meta_learner
        >>> type(create_meta_learner("shrunk")).__name__
        'ShrunkLearner'
    """
    learner: MetaLearner = find(META_LEARNERS, name, "meta-learner").load()(
        n_scores=n_scores, seed=seed
    )
    return learner
