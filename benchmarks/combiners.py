"""Many scores to one probability: ours beside its peers, one run, the same outer group folds.

    python benchmarks/combiners.py [TABLES] [--only dfdc ffpp asvspoof] [--peers NAME ...]

Outer folds are scikit-learn's GroupKFold(5); everything is learned on four folds and judged on the
fifth. Ours gets the scores as they are. The peers get them tamed first (winsorised, standardised,
missing ones at the median with an indicator; learned on the training folds), since saturated logits
of +-104 and gaps would hurt or stop them:

- logistic      scikit-learn's LogisticRegression
- trees         scikit-learn's HistGradientBoostingClassifier, 150 slow trees of depth 3
- sklearn       StackingClassifier(logistic, boosted trees; logistic on top) on inner group folds,
                calibrated by CalibratedClassifierCV("sigmoid", ensemble=False)
- mlxtend       StackingCVClassifier of the same two, on inner group folds
- autogluon     its greedy weighting (EnsembleSelection, 100 rounds) of every detector after Platt's
                map and of both models' inner out-of-fold probabilities
- tabular       AutoGluon's TabularPredictor: its trees (LightGBM, XGBoost) and linear model, bagged
                over the same inner group folds, stacked once, calibrated
- probmetrics, netcal, betacal, venn-abers: calibrators of one score, so they calibrate the
                logistic combination's inner out-of-fold probabilities

Peers that cannot be imported are named with the reason and left out (benchmarks/README.md says how
to install them). Printed a table: log loss with its standard error over groups (bootstrap), and the
paired difference to ours. Exit code 1 where a peer is better than ours by more than the standard
error of that difference.
"""

# The peers need not be installed where the types are checked.
# mypy: disable-error-code="import-not-found,import-untyped"

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from bench_tables import FILES, TABLES, Table, bootstrap_error, losses, read
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold

from stacking import Stack
from stacking.features import TamedScores

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

OURS = "fakeodds auto"
OUTER = INNER = 5


class Fold:
    """The training part of an outer fold and the scores to judge, tamed for the peers.

    `splits`: inner group folds as pairs of row positions; `oof` and `new`: probabilities of the
    logistic regression and of the boosted trees, inner out of fold and on the rows to judge.
    """

    def __init__(self, table: Table, train: Integers, test: Integers) -> None:
        tamed = TamedScores().fit(table.X.to_numpy()[train])
        self.X, self.X_new = (tamed.transform(table.X.to_numpy()[rows]) for rows in (train, test))
        self.n_scores = table.X.shape[1]
        self.y, self.groups = table.y[train], table.groups[train]
        self.splits = list(GroupKFold(INNER).split(self.X, self.y, self.groups))
        self.oof, self.new = {}, {}
        for name, model in base_models().items():
            held = np.zeros(len(self.y))
            for inside, outside in self.splits:
                fitted = clone(model).fit(self.X[inside], self.y[inside])
                held[outside] = fitted.predict_proba(self.X[outside])[:, 1]
            self.oof[name] = held
            self.new[name] = model.fit(self.X, self.y).predict_proba(self.X_new)[:, 1]


def base_models() -> dict[str, Any]:
    """What scikit-learn's users would stack on the scores."""
    trees = HistGradientBoostingClassifier(
        max_depth=3, learning_rate=0.05, max_iter=150, early_stopping=False, random_state=0
    )
    return {"logistic": LogisticRegression(max_iter=1000), "trees": trees}


# ---------------------------------------- the peers: probabilities (n_new,) of an outer fold


def sklearn(fold: Fold) -> Array:
    """Group folds for the calibration; within each, plain folds, as it can route no groups there.

    StackingClassifier takes ready-made splits of all rows only, which the calibration's subsets
    are not.
    """
    stack = StackingClassifier(list(base_models().items()), LogisticRegression(), cv=INNER)
    calibrated = CalibratedClassifierCV(stack, method="sigmoid", cv=fold.splits, ensemble=False)
    return calibrated.fit(fold.X, fold.y).predict_proba(fold.X_new)[:, 1]


def mlxtend(fold: Fold) -> Array:
    from mlxtend.classifier import StackingCVClassifier

    stack = StackingCVClassifier(
        list(base_models().values()),
        LogisticRegression(),
        use_probas=True,
        drop_proba_col="first",
        cv=GroupKFold(INNER),
        shuffle=False,
    )
    stack.fit(fold.X, fold.y.astype(int), groups=fold.groups)
    return stack.predict_proba(fold.X_new)[:, 1]


def autogluon(fold: Fold) -> Array:
    from autogluon.core.metrics import log_loss
    from autogluon.core.models.greedy_ensemble.ensemble_selection import EnsembleSelection

    oof, new = list(fold.oof.values()), list(fold.new.values())
    for j in range(fold.n_scores):
        column = slice(j, j + 1)
        platt = LogisticRegression().fit(fold.X[:, column], fold.y)
        oof.append(platt.predict_proba(fold.X[:, column])[:, 1])
        new.append(platt.predict_proba(fold.X_new[:, column])[:, 1])
    greedy = EnsembleSelection(ensemble_size=100, problem_type="binary", metric=log_loss)
    greedy.fit(oof, fold.y.astype(int))
    return np.asarray(greedy.weights_) @ np.array(new)


def tabular(fold: Fold) -> Array:
    from autogluon.tabular import TabularPredictor

    names = [f"x{j}" for j in range(fold.X.shape[1])]
    part = np.zeros(len(fold.y), dtype=int)
    for number, (_, outside) in enumerate(fold.splits):
        part[outside] = number
    taught = pd.DataFrame(fold.X, columns=names).assign(label=fold.y.astype(int), part=part)
    with tempfile.TemporaryDirectory() as folder:
        predictor = TabularPredictor(
            "label", eval_metric="log_loss", path=folder, groups="part", verbosity=0
        )
        predictor.fit(
            taught,
            hyperparameters={"GBM": {}, "XGB": {}, "LR": {}},
            num_bag_folds=INNER,
            num_stack_levels=1,
            calibrate=True,
            fit_strategy="sequential",
            ag_args_ensemble={"fold_fitting_strategy": "sequential_local"},
            num_cpus=2,
        )
        new = pd.DataFrame(fold.X_new, columns=names).assign(part=0)
        return predictor.predict_proba(new)[1].to_numpy()


def probmetrics(fold: Fold) -> Array:
    from probmetrics.calibrators import get_calibrator

    calibrator = get_calibrator("logistic")
    calibrator.fit(both(fold.oof["logistic"]), fold.y.astype(int))
    return calibrator.predict_proba(both(fold.new["logistic"]))[:, 1]


def netcal(fold: Fold) -> Array:
    from netcal.scaling import LogisticCalibration

    calibrator = LogisticCalibration()
    calibrator.fit(fold.oof["logistic"], fold.y.astype(int))
    return np.asarray(calibrator.transform(fold.new["logistic"])).ravel()


def betacal(fold: Fold) -> Array:
    from betacal import BetaCalibration

    calibrator = BetaCalibration("abm").fit(bounded(fold.oof["logistic"])[:, None], fold.y)
    return calibrator.predict(bounded(fold.new["logistic"])[:, None])


def venn_abers(fold: Fold) -> Array:
    from venn_abers import VennAbers

    calibrator = VennAbers()
    calibrator.fit(both(fold.oof["logistic"]), fold.y.astype(int))
    return np.asarray(calibrator.predict_proba(both(fold.new["logistic"]))[0])[:, 1]


PEERS: dict[str, Callable[[Fold], Array]] = {
    "logistic": lambda fold: fold.new["logistic"],
    "trees": lambda fold: fold.new["trees"],
    "sklearn": sklearn,
    "mlxtend": mlxtend,
    "autogluon": autogluon,
    "tabular": tabular,
    "probmetrics": probmetrics,
    "netcal": netcal,
    "betacal": betacal,
    "venn-abers": venn_abers,
}

#: Peer -> what must be importable for it.
NEEDS = {
    "mlxtend": "mlxtend.classifier",
    "autogluon": "autogluon.core.models.greedy_ensemble.ensemble_selection",
    "tabular": "autogluon.tabular",
    "probmetrics": "probmetrics.calibrators",
    "netcal": "netcal.scaling",
    "betacal": "betacal",
    "venn-abers": "venn_abers",
}


def both(p: Array) -> Array:
    """REAL and FAKE side by side, (n, 2)."""
    return np.column_stack([1 - p, p])


def bounded(p: Array) -> Array:
    """Away from 0 and 1, whose logarithms beta calibration takes."""
    return expit(np.clip(logit(p), -30, 30))


def find_peers(asked: list[str]) -> list[str]:
    """Those of the asked peers that can be imported; a line for each that cannot."""
    found = []
    for peer in asked:
        try:
            if peer in NEEDS:
                __import__(NEEDS[peer])
        except (ImportError, OSError) as error:
            print(f"missing: {peer} ({error})")
        else:
            found.append(peer)
    return found


def ours(table: Table, train: Integers, test: Integers) -> Array:
    stack = Stack().fit(table.X.iloc[train], table.y[train], groups=table.groups[train])
    return stack.predict_proba(table.X.iloc[test])[:, 1]


def compare(table: Table, peers: list[str]) -> tuple[dict[str, Array], dict[str, float]]:
    """Held-out log losses (n,) and seconds of each side."""
    held = {name: np.zeros(len(table.y)) for name in (OURS, *peers)}
    seconds = dict.fromkeys(held, 0.0)
    for train, test in GroupKFold(OUTER).split(table.X, table.y, table.groups):
        fold = Fold(table, train, test)
        for name in held:
            start = time.perf_counter()
            p = ours(table, train, test) if name == OURS else PEERS[name](fold)
            seconds[name] += time.perf_counter() - start
            held[name][test] = p
    return {name: losses(table.y, p) for name, p in held.items()}, seconds


def report(table: Table, loss: dict[str, Array], seconds: dict[str, float]) -> list[str]:
    """Print a line a side, the best first; returns the peers that beat ours."""
    better = []
    n_groups = len(np.unique(table.groups))
    print(f"\n{table.name}: {len(table.y):,} rows, {n_groups:,} groups, {table.X.shape[1]} scores")
    for name in sorted(loss, key=lambda name: loss[name].mean()):
        error = bootstrap_error(loss[name], table.groups)
        line = f"  {name:14}{loss[name].mean():9.5f} +-{error:8.5f}"
        if name != OURS:
            gap = loss[name] - loss[OURS]
            error = bootstrap_error(gap, table.groups)
            line += f"   minus ours {gap.mean():+9.5f} +-{error:8.5f}"
            if gap.mean() < -error:
                better.append(name)
                line += "   BETTER THAN OURS"
        print(f"{line:70}{seconds[name]:8.1f} s", flush=True)
    return better


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("tables", type=Path, nargs="?", default=TABLES)
    parser.add_argument("--only", nargs="+", choices=list(FILES), default=list(FILES))
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    options = parser.parse_args()
    warnings.filterwarnings("ignore", category=FutureWarning)
    peers = find_peers(options.peers)
    print("seconds of the calibrators leave out the logistic regression, which they share")
    lost = {}
    for name in options.only:
        table = read(name, options.tables)
        lost[name] = report(table, *compare(table, peers))
    behind = [f"{name}: {', '.join(peers)}" for name, peers in lost.items() if peers]
    print(f"\npeers better than ours by a standard error: {'; '.join(behind) or 'none'}")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
